#include "measures/symmetric.hpp"

#include <cmath>

#include "base/dot.hpp"

// The elimination works on −A, so that every product adds: all that it takes off A.

namespace randrelu {
namespace {

constexpr Index kTile = 256;  // and columns that are eliminated at once
constexpr Index kSmall = 32;  // … by plain loops

template <class T>
Tile<T> part(Tile<T> a, Block rows, Block cols) {
  return {a.row(rows.first) + cols.first, rows.count, cols.count, a.stride};
}
template <class T>
Tile<const T> fixed(Tile<T> a) {
  return {a.data, a.rows, a.cols, a.stride};
}

// a += p pᵀ in the lower triangle: halved until little is computed twice.
template <class T>
void add_lower(Tile<const T> p, Tile<T> a) {
  if (p.rows <= 128) return add_product_transposed(p, p, a);
  const Block columns(0, p.cols), top(0, p.rows / 2), rest(p.rows / 2, p.rows - p.rows / 2);
  add_lower(part(p, top, columns), part(a, top, top));
  add_product_transposed(part(p, rest, columns), part(p, top, columns), part(a, rest, top));
  add_lower(part(p, rest, columns), part(a, rest, rest));
}

// x ← −x L⁻ᵀ for a small L; some rows of x at once, as each step of one waits for the step before it.
template <class T>
void solve_small(Tile<const T> l, Tile<T> x) {
  constexpr Index kRows = 4;
  T columns[kSmall][kSmall] = {};  // of L, below the diagonal
  for (Index r = 0; r < l.rows; ++r)
    for (Index c = 0; c < r; ++c) columns[c][r] = l.row(r)[c];
  for (Index first = 0; first < x.rows; first += kRows) {
    const Index count = std::min(kRows, x.rows - first);
    T rows[kRows][kSmall] = {};
    for (Index p = 0; p < count; ++p)
      for (Index c = 0; c < x.cols; ++c) rows[p][c] = -x.row(first + p)[c];
    for (Index c = 0; c < x.cols; ++c)
      for (Index p = 0; p < kRows; ++p) {
        const T value = rows[p][c] /= l.row(c)[c];
        for (Index r = 0; r < kSmall; ++r) rows[p][r] -= value * columns[c][r];
      }
    for (Index p = 0; p < count; ++p) std::copy_n(rows[p], x.cols, x.row(first + p));
  }
}

// x ← −x L⁻ᵀ.
template <class T>
void solve_rows(Tile<const T> l, Tile<T> x) {
  const Block rows(0, x.rows);
  for (Index j = 0; j < ceil_div(l.cols, kSmall); ++j) {
    const Block here(j, kSmall, l.cols), before(0, here.first);
    if (j)
      add_product_transposed(fixed(part(x, rows, before)), part(l, here, before),
                             part(x, rows, here));
    solve_small(part(l, here, here), part(x, rows, here));
  }
}

// a ← L for a small a = −L Lᵀ, unless a pivot's square is not more than `least`.
template <class T>
bool factor_small(Tile<T> a, const T* least) {
  for (Index r = 0; r < a.rows; ++r)
    for (Index c = 0; c <= r; ++c) a.row(r)[c] = -a.row(r)[c];
  for (Index c = 0; c < a.cols; ++c) {
    if (!(a.row(c)[c] > least[c])) return false;
    const T pivot = a.row(c)[c] = std::sqrt(a.row(c)[c]);
    for (Index r = c + 1; r < a.rows; ++r) {
      const T factor = a.row(r)[c] /= pivot;
      for (Index k = c + 1; k <= r; ++k) a.row(r)[k] -= factor * a.row(k)[c];
    }
  }
  return true;
}

// The same for any a.
template <class T>
bool factor_block(Tile<T> a, const T* least) {
  for (Index j = 0; j < ceil_div(a.cols, kSmall); ++j) {
    const Block here(j, kSmall, a.cols);
    const Index done = here.first + here.count;
    const Block rest(done, a.rows - done);
    if (!factor_small(part(a, here, here), least + here.first)) return false;
    solve_small(fixed(part(a, here, here)), part(a, rest, here));
    add_lower(fixed(part(a, rest, here)), part(a, rest, rest));
  }
  return true;
}

}  // namespace

template <class T>
Symmetric<T>::Symmetric(Index n, const Run& run) : data_(n * n), all_(data_.get(), n, n) {
  for_each_row(n, n, run, [&](Index r) { std::fill_n(all_.row(r), n, T{0}); });
}

template <class T>
void Symmetric<T>::add_square(View<const T> p, const Run& run) {
  add_square(tile(p, Block(0, p.rows), Block(0, p.cols)), run);
}

template <class T>
void Symmetric<T>::add_square(Tile<const T> p, const Run& run) {
  const Index first = all_.rows - p.rows, tiles = ceil_div(p.rows, kTile);
  parallel_for(tiles * (tiles + 1) / 2, run, [&](Index t) {
    Index i = 0;
    while ((i + 1) * (i + 2) / 2 <= t) ++i;
    const Block rows(i, kTile, p.rows), cols(t - i * (i + 1) / 2, kTile, p.rows), all(0, p.cols);
    const Tile<T> out =
        block(Block(first + rows.first, rows.count), Block(first + cols.first, cols.count));
    if (rows.first == cols.first)
      add_lower(part(p, rows, all), out);
    else
      add_product_transposed(part(p, rows, all), part(p, cols, all), out);
  });
}

template <class T>
bool Symmetric<T>::factor(T tolerance, const Run& run) {
  const Index n = all_.rows;
  std::vector<T> least;
  for (Index i = 0; i < n; ++i) least.push_back(tolerance * all_.row(i)[i]);
  for_each_row(n, n, run.stage(0, 0), [&](Index r) {
    for (Index c = 0; c <= r; ++c) all_.row(r)[c] = -all_.row(r)[c];
  });
  // The share of the elimination that is done once the first rows are.
  const auto done = [n](Index rows) {
    const double left = 1 - static_cast<double>(rows) / static_cast<double>(n);
    return 1 - left * left * left;
  };
  for (Index j = 0; j < ceil_div(n, kTile); ++j) {
    const Block columns(j, kTile, n);
    const Run step = run.stage(done(columns.first), done(columns.first + columns.count));
    if (!eliminate(columns, least.data() + columns.first, step)) return false;
  }
  return true;
}

template <class T>
bool Symmetric<T>::eliminate(Block columns, const T* least, const Run& run) {
  const Tile<T> pivots = block(columns, columns);
  if (!factor_block(pivots, least)) return false;
  const Index done = columns.first + columns.count, rest = all_.rows - done;
  parallel_for(ceil_div(rest, kTile), run.stage(0, 0.1), [&](Index i) {
    const Block some(i, kTile, rest);
    solve_rows(fixed(pivots), block(Block(done + some.first, some.count), columns));
  });
  add_square(fixed(block(Block(done, rest), columns)), run.stage(0.1, 1));
  return true;
}

template <class T>
void Symmetric<T>::solve(double* v, const Run& run) const {
  const Index n = all_.rows;
  for (Index r = 0; r < n; ++r) {
    poll(run, 0);
    v[r] = (v[r] - dot<double>(all_.row(r), v, r)) / static_cast<double>(all_.row(r)[r]);
  }
  for (Index r = n - 1; r >= 0; --r) {
    poll(run, 0.5);
    const T* const row = all_.row(r);
    v[r] /= static_cast<double>(row[r]);
    for (Index c = 0; c < r; ++c) v[c] -= v[r] * static_cast<double>(row[c]);
  }
}

template class Symmetric<float>;
template class Symmetric<double>;

}  // namespace randrelu
