#include "layers/few.hpp"

#include "layers/packets.hpp"

namespace randrelu {
namespace {

using namespace packets;

// Weights whose lanes are chains: a register holds as many as there are, or fewer.
template <class W, class T>
struct Lanes : Weights<W, T> {};
#if defined(EIGEN_VECTORIZE_AVX512)
template <>
struct Lanes<float, float> {
  using Read = Eigen::internal::Packet8f;
  using Used = Eigen::internal::Packet8f;
};
#endif

// sums[r][p] += the terms of every chain of w_r · x_p; there are whole rounds of kChains terms. Weights that lie like
// these at `next` are fetched meanwhile: processors foresee one row that is read, but not the beginnings of several.
template <class W, class T, Index R, Index P>
RANDRELU_INLINE void add_chains(const W* const* w, const W* const* next, const T* const* x,
                                Index summands, T (*sums)[P][kChains]) {
  using Read = typename Lanes<W, T>::Read;
  using Used = typename Lanes<W, T>::Used;
  constexpr Index kCount = kLanesOf<Used>, V = kChains / kCount;
  static_assert(V * kCount == kChains);
  Used total[R][P][V];
#pragma GCC unroll 4
  for (Index r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (Index p = 0; p < P; ++p)
#pragma GCC unroll 4
      for (Index v = 0; v < V; ++v) total[r][p][v] = ploadu<Used>(sums[r][p] + v * kCount);
  for (Index k = 0; k < summands; k += kChains)
#pragma GCC unroll 4
    for (Index v = 0; v < V; ++v) {
      Used values[P];
#pragma GCC unroll 4
      for (Index p = 0; p < P; ++p) values[p] = ploadu<Used>(x[p] + k + v * kCount);
#pragma GCC unroll 4
      for (Index r = 0; r < R; ++r) {
        if (v == 0) __builtin_prefetch(next[r] + k);
        const Used weights = use<Used>(read<Read>(w[r] + k + v * kCount));
#pragma GCC unroll 4
        for (Index p = 0; p < P; ++p) total[r][p][v] = pmadd(weights, values[p], total[r][p][v]);
      }
    }
#pragma GCC unroll 4
  for (Index r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (Index p = 0; p < P; ++p)
#pragma GCC unroll 4
      for (Index v = 0; v < V; ++v) pstoreu(sums[r][p] + v * kCount, total[r][p][v]);
}

// sums[r][p] = the chains of at most kStretch terms of w_r · x_p.
template <class W, class T, Index R, Index P>
RANDRELU_INLINE void sum_chains(const W* const* w, const W* const* next, const T* const* x,
                                Index summands, T (*sums)[P][kChains]) {
  std::fill_n(&sums[0][0][0], R * P * kChains, T{0});
  const Index rest = summands % kChains, whole = summands - rest;
  add_chains<W, T, R, P>(w, next, x, whole, sums);
  if (rest == 0) return;
  W last_w[R][kChains] = {};
  T last_x[P][kChains] = {};
  const W* end_w[R];
  const T* end_x[P];
  for (Index r = 0; r < R; ++r) end_w[r] = std::copy_n(w[r] + whole, rest, last_w[r]) - rest;
  for (Index p = 0; p < P; ++p) end_x[p] = std::copy_n(x[p] + whole, rest, last_x[p]) - rest;
  add_chains<W, T, R, P>(end_w, end_w, end_x, kChains, sums);
}

template <class W, class T, Index P>
void add_dots(Tile<const W> w, Tile<const T> x, Results<T> y) {
  constexpr Index kVectors = kChains / kLanesOf<typename Lanes<W, T>::Used>;
  constexpr Index kSums = EIGEN_ARCH_DEFAULT_NUMBER_OF_REGISTERS / 2;
  constexpr Index kRows = std::clamp<Index>(kSums / (kVectors * P), 1, 4);
  for (Index i = 0; i < ceil_div(w.rows, kRows); ++i) {
    const Block some(i, kRows, w.rows);
    for (Index first = 0; first < w.cols; first += kStretch) {
      const bool last = first + kStretch >= w.cols;
      const W *rows[kRows], *next[kRows];
      const T* points[P];
      for (Index r = 0; r < kRows; ++r) {
        rows[r] = w.row(std::min(some.first + r, w.rows - 1)) + first;
        next[r] = last ? w.row(std::min(some.first + kRows + r, w.rows - 1)) : rows[r] + kStretch;
      }
      for (Index p = 0; p < P; ++p) points[p] = x.row(p) + first;
      alignas(64) T sums[kRows][P][kChains];
      sum_chains<W, T, kRows, P>(rows, next, points, std::min(kStretch, w.cols - first), sums);
      for (Index r = 0; r < some.count; ++r)
        for (Index p = 0; p < P; ++p) {
          T total = y(some.first + r, p);
          for (Index c = 0; c < kChains; ++c) total += sums[r][p][c];
          y(some.first + r, p) = total;
        }
    }
  }
}

// sums[p] += R rows of w, each times x[p][row], one after the other.
template <class W, class T, Index R, Index P>
void add_rows(Tile<const W> w, const T* const* x, const Index* rows, T* const* sums) {
  using Read = typename Weights<W, T>::Read;
  using Used = typename Weights<W, T>::Used;
  constexpr Index kCount = kLanesOf<Used>;
  const W* row[R];
  Used values[R][P];
#pragma GCC unroll 8
  for (Index r = 0; r < R; ++r) {
    row[r] = w.row(rows[r]);
#pragma GCC unroll 4
    for (Index p = 0; p < P; ++p) values[r][p] = pset1<Used>(x[p][rows[r]]);
  }
  Index c = 0;
  for (; c + kCount <= w.cols; c += kCount) {
    Used total[P];
#pragma GCC unroll 4
    for (Index p = 0; p < P; ++p) total[p] = ploadu<Used>(sums[p] + c);
#pragma GCC unroll 8
    for (Index r = 0; r < R; ++r) {
      const Used weights = use<Used>(read<Read>(row[r] + c));
#pragma GCC unroll 4
      for (Index p = 0; p < P; ++p) total[p] = pmadd(weights, values[r][p], total[p]);
    }
#pragma GCC unroll 4
    for (Index p = 0; p < P; ++p) pstoreu(sums[p] + c, total[p]);
  }
  if (c == w.cols) return;
  W last[R][kCount] = {};
  T ends[P][kCount] = {};
  const Index rest = w.cols - c;
  for (Index r = 0; r < R; ++r) std::copy_n(row[r] + c, rest, last[r]);
  for (Index p = 0; p < P; ++p) {
    std::copy_n(sums[p] + c, rest, ends[p]);
    Used total = ploadu<Used>(ends[p]);
    for (Index r = 0; r < R; ++r)
      total = pmadd(use<Used>(read<Read>(last[r])), values[r][p], total);
    pstoreu(ends[p], total);
    std::copy_n(ends[p], rest, sums[p] + c);
  }
}

template <class W, class T, Index P>
void add_rows(Tile<const W> w, Tile<const T> x, Tile<T> sums) {
  constexpr Index kRows = P == 1 ? 8 : 4;
  const T* points[P];
  T* out[P];
  for (Index p = 0; p < P; ++p) {
    points[p] = x.row(p);
    out[p] = sums.row(p);
  }
  Index rows[kRows], many = 0;
  for (Index r = 0; r < w.rows; ++r) {
    bool active = false;
    for (Index p = 0; p < P; ++p) active |= points[p][r] != T{0};
    if (active) rows[many++] = r;
    if (many < kRows) continue;
    add_rows<W, T, kRows, P>(w, points, rows, out);
    many = 0;
  }
  for (Index r = 0; r < many; ++r) add_rows<W, T, 1, P>(w, points, rows + r, out);
}

// Calls f<P> for the number of points.
template <class F>
void with_points(Index points, const F& f) {
  static_assert(kFewPoints == 4);
  assert(points <= kFewPoints);
  if (points == 1) f(std::integral_constant<Index, 1>());
  if (points == 2) f(std::integral_constant<Index, 2>());
  if (points == 3) f(std::integral_constant<Index, 3>());
  if (points == 4) f(std::integral_constant<Index, 4>());
}

}  // namespace

template <class W, class T>
void add_dots(Tile<const W> w, Tile<const T> x, Results<T> y) {
  with_points(x.rows, [&](auto points) { add_dots<W, T, points>(w, x, y); });
}

template <class W, class T>
void add_rows(Tile<const W> w, Tile<const T> x, Tile<T> y) {
  with_points(x.rows, [&](auto points) { add_rows<W, T, points>(w, x, y); });
}

template void add_dots(Tile<const float>, Tile<const float>, Results<float>);
template void add_dots(Tile<const float>, Tile<const double>, Results<double>);
template void add_dots(Tile<const double>, Tile<const double>, Results<double>);
template void add_rows(Tile<const float>, Tile<const float>, Tile<float>);
template void add_rows(Tile<const float>, Tile<const double>, Tile<double>);
template void add_rows(Tile<const double>, Tile<const double>, Tile<double>);

}  // namespace randrelu
