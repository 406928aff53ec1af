// Passes over long rows, and the sums that they make along the way: what a deferred layer is built of.
// Rows are visited in tiles that stay in the cache, so a pass may read one several times.
#pragma once

#include <cstring>
#include <type_traits>
#include <vector>

#include "base/buffer.hpp"
#include "base/simd.hpp"
#include "base/threads.hpp"

namespace randrelu {

constexpr Index kRowTile = 1024;

// The entries of a block of [0, n), in whole tiles: about 2¹⁶ operations, of which an entry takes `work`,
// and no more than 64 blocks.
inline Index block_size(Index n, Index work) {
  constexpr Index kWork = Index{1} << 16, kMost = Index{1} << 14, kMostBlocks = 64;
  const Index wanted = std::min(kMost, kWork / std::max<Index>(1, work));
  return ceil_div(std::max(std::max(kRowTile, wanted), ceil_div(n, kMostBlocks)), kRowTile) *
         kRowTile;
}

// Sums over tiles of [0, n): body(tile, sums) adds to `sums`, `count` numbers that start at 0. The order
// of the additions is fixed.
template <class Body>
std::vector<double> sum_over_tiles(Index n, Index count, Index work, const Run& run,
                                   const Body& body) {
  const Index size = block_size(n, work), blocks = ceil_div(n, size);
  std::vector<double> sums(static_cast<std::size_t>(blocks * count));
  const auto block = [&](Index i) {
    const Block some(i, size, n);
    for (Index first = some.first; first < some.first + some.count; first += kRowTile)
      body(Block(first, std::min(kRowTile, some.first + some.count - first)),
           sums.data() + i * count);
  };
  if (blocks == 1)
    block(0);
  else
    parallel_for(blocks, run, block);
  for (Index i = 1; i < blocks; ++i)
    for (Index k = 0; k < count; ++k)
      sums[static_cast<std::size_t>(k)] += sums[static_cast<std::size_t>(i * count + k)];
  sums.resize(static_cast<std::size_t>(count));
  return sums;
}

template <class Body>
std::vector<double> sum_over_tiles(Index n, Index count, const Run& run, const Body& body) {
  return sum_over_tiles(n, count, count, run, body);
}

// The same without sums: body(tile).
template <class Body>
void over_tiles(Index n, Index work, const Run& run, const Body& body) {
  sum_over_tiles(n, 0, work, run, [&](Block t, double*) { body(t); });
}

// Pointers to rows, and how many.
template <class T>
struct RowList {
  T* const* row;
  Index count;

  operator RowList<const T>() const { return {row, count}; }
};

template <class T>
std::vector<T*> pointers(const std::vector<Buffer<T>>& rows, Index first = 0) {
  std::vector<T*> result;
  for (std::size_t i = static_cast<std::size_t>(first); i < rows.size(); ++i)
    result.push_back(rows[i].get());
  return result;
}

template <class T>
std::vector<T*> pointers(View<T> rows) {
  std::vector<T*> result;
  for (Index i = 0; i < rows.rows; ++i) result.push_back(rows.row(i));
  return result;
}

template <class T>
RowList<T> rows_of(const std::vector<T*>& rows) {
  return {rows.data(), static_cast<Index>(rows.size())};
}

namespace row_kernels {

template <class T>
struct LanesOf {
  typedef T type __attribute__((vector_size(simd::kBytes)));
};
template <class T>
using Lanes = typename LanesOf<std::remove_const_t<T>>::type;
template <class T>
constexpr Index kLanes = static_cast<Index>(simd::kBytes / sizeof(T));

template <class T>
RANDRELU_INLINE inline Lanes<T> load(const T* p) {
  Lanes<T> v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

// These two are large, and many call them: they are compiled once.
template <int P, int K, class T>
__attribute__((noinline)) void dots(const T* const* x, const T* const* q, Block at, double* sums,
                                    Index stride) {
  Lanes<T> sum[P][K] = {};
  const Index end = at.first + at.count;
  Index j = at.first;
  for (; j + kLanes<T> <= end; j += kLanes<T>) {
    Lanes<T> a[P];
    for (int p = 0; p < P; ++p) a[p] = load<T>(x[p] + j);
    for (int k = 0; k < K; ++k) {
      const Lanes<T> b = load<T>(q[k] + j);
      for (int p = 0; p < P; ++p) sum[p][k] += a[p] * b;
    }
  }
  for (int p = 0; p < P; ++p)
    for (int k = 0; k < K; ++k) {
      double total = 0;
      for (Index l = 0; l < kLanes<T>; ++l) total += static_cast<double>(sum[p][k][l]);
      for (Index i = j; i < end; ++i)
        total += static_cast<double>(x[p][i]) * static_cast<double>(q[k][i]);
      sums[p * stride + k] += total;
    }
}

template <int P, int K, class T>
__attribute__((noinline)) void add(T* const* y, const double* c, Index stride, const T* const* q,
                                   Block at) {
  T factor[P][K];
  for (int p = 0; p < P; ++p)
    for (int k = 0; k < K; ++k) factor[p][k] = static_cast<T>(c[p * stride + k]);
  const Index end = at.first + at.count;
  Index j = at.first;
  for (; j + kLanes<T> <= end; j += kLanes<T>) {
    Lanes<T> b[K];
    for (int k = 0; k < K; ++k) b[k] = load<T>(q[k] + j);
    for (int p = 0; p < P; ++p) {
      Lanes<T> sum = load<T>(y[p] + j);
      for (int k = 0; k < K; ++k) sum += factor[p][k] * b[k];
      std::memcpy(y[p] + j, &sum, sizeof sum);
    }
  }
  for (; j < end; ++j)
    for (int p = 0; p < P; ++p)
      for (int k = 0; k < K; ++k) y[p][j] += factor[p][k] * q[k][j];
}

// f<P, K>(p, k) over a grid of rows, four by four where that many are left.
template <class F>
inline void over_fours(Index rows, Index cols, const F& f) {
  constexpr std::integral_constant<int, 1> one;
  constexpr std::integral_constant<int, 4> four;
  for (Index p = 0; p < rows;) {
    const bool many = p + 4 <= rows;
    for (Index k = 0; k < cols;) {
      const bool wide = k + 4 <= cols;
      if (many && wide)
        f(four, four, p, k);
      else if (many)
        f(four, one, p, k);
      else if (wide)
        f(one, four, p, k);
      else
        f(one, one, p, k);
      k += wide ? 4 : 1;
    }
    p += many ? 4 : 1;
  }
}

}  // namespace row_kernels

// sums[p, k] += x_p · q_k over a tile.
template <class T>
void add_dots(RowList<const T> x, RowList<const T> q, Block at, double* sums) {
  row_kernels::over_fours(x.count, q.count, [&](auto p_count, auto k_count, Index p, Index k) {
    row_kernels::dots<p_count(), k_count(), T>(x.row + p, q.row + k, at, sums + p * q.count + k,
                                               q.count);
  });
}

// sums[p] += x_p · x_p over a tile.
template <class T>
void add_squares(RowList<const T> x, Block at, double* sums) {
  for (Index p = 0; p < x.count; ++p)
    row_kernels::dots<1, 1, T>(x.row + p, x.row + p, at, sums + p, 1);
}

// y_p += Σ_k c[p, k] q_k over a tile.
template <class T>
void add_multiples(RowList<T> y, const std::vector<double>& c, RowList<const T> q, Block at) {
  row_kernels::over_fours(y.count, q.count, [&](auto p_count, auto k_count, Index p, Index k) {
    row_kernels::add<p_count(), k_count(), T>(y.row + p, c.data() + p * q.count + k, q.count,
                                              q.row + k, at);
  });
}

}  // namespace randrelu
