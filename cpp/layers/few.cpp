#include "layers/few.hpp"

#include "layers/packets.hpp"

namespace randrelu {
namespace {

using namespace packets;

// A few rows of weights at a time, a lane each, read a square of weights at a time and turned. More than eight
// rows a power of two apart would fall on one set of the first cache.
template <class W, class T>
struct Rows : Weights<W, T> {};
#if defined(EIGEN_VECTORIZE_AVX512)
template <>
struct Rows<float, float> {
  using Read = Eigen::internal::Packet8f;
  using Used = Eigen::internal::Packet8f;
};
#endif

// total[p] += the sums of A chains of `summands` terms, the first of which begins at `first`. Several chains at
// once, since each waits for its last sum.
template <class W, class T, Index P, Index A>
RANDRELU_INLINE void add_chains(const W* const* rows, const T* const* x, Index first,
                                Index summands, typename Rows<W, T>::Used* total) {
  using Read = typename Rows<W, T>::Read;
  using Used = typename Rows<W, T>::Used;
  constexpr Index kCount = kLanesOf<Used>;
  Used sums[A][P];
#pragma GCC unroll 4
  for (Index a = 0; a < A; ++a)
#pragma GCC unroll 4
    for (Index p = 0; p < P; ++p) sums[a][p] = pzero(Used());
  const auto add = [&](const Read& weights, Index a, Index k) __attribute__((always_inline)) {
    const Used used = use<Used>(weights);
#pragma GCC unroll 4
    for (Index p = 0; p < P; ++p) sums[a][p] = pmadd(used, pset1<Used>(x[p][k]), sums[a][p]);
  };
  const Index whole = summands / kCount * kCount;
  for (Index k = first; k < first + whole; k += kCount)
#pragma GCC unroll 4
    for (Index a = 0; a < A; ++a) {
      Eigen::internal::PacketBlock<Read, kCount> block;
#pragma GCC unroll 16
      for (Index j = 0; j < kCount; ++j) block.packet[j] = read<Read>(rows[j] + k + a * kChain);
      ptranspose(block);
#pragma GCC unroll 16
      for (Index j = 0; j < kCount; ++j) add(block.packet[j], a, k + a * kChain + j);
    }
  for (Index k = first + whole; k < first + summands; ++k)
#pragma GCC unroll 4
    for (Index a = 0; a < A; ++a) {
      W column[kCount];
      for (Index j = 0; j < kCount; ++j) column[j] = rows[j][k + a * kChain];
      add(read<Read>(column), a, k + a * kChain);
    }
#pragma GCC unroll 4
  for (Index a = 0; a < A; ++a)
#pragma GCC unroll 4
    for (Index p = 0; p < P; ++p) total[p] = padd(total[p], sums[a][p]);
}

template <class W, class T, Index P>
void add_dots(Tile<const W> w, Tile<const T> x, Results<T> y) {
  using Used = typename Rows<W, T>::Used;
  constexpr Index kCount = kLanesOf<Used>, kChains = P <= 2 ? 2 : 1;
  const T* points[P];
  for (Index p = 0; p < P; ++p) points[p] = x.row(p);
  for (Index i = 0; i < ceil_div(w.rows, kCount); ++i) {
    const Block some(i, kCount, w.rows);
    const W* rows[kCount];
    for (Index j = 0; j < kCount; ++j) rows[j] = w.row(some.first + std::min(j, some.count - 1));
    alignas(64) T values[P][kCount] = {};
    Used total[P];
    for (Index p = 0; p < P; ++p) {
      for (Index j = 0; j < some.count; ++j) values[p][j] = y(some.first + j, p);
      total[p] = pload<Used>(values[p]);
    }
    Index k = 0;
    for (; k + kChains * kChain <= w.cols; k += kChains * kChain)
      add_chains<W, T, P, kChains>(rows, points, k, kChain, total);
    for (; k < w.cols; k += kChain)
      add_chains<W, T, P, 1>(rows, points, k, std::min(kChain, w.cols - k), total);
    for (Index p = 0; p < P; ++p) {
      pstore(values[p], total[p]);
      for (Index j = 0; j < some.count; ++j) y(some.first + j, p) = values[p][j];
    }
  }
}

// y += the chain of `rows` of w, each times x[p][row], for `count` columns, which are V vectors or fewer.
template <class W, class T, Index P, Index V>
RANDRELU_INLINE void add_columns(Tile<const W> w, const T* const* x, const Index* rows, Index many,
                                 Index column, Index count, T* const* y) {
  using Read = typename Weights<W, T>::Read;
  using Used = typename Weights<W, T>::Used;
  constexpr Index kCount = kLanesOf<Used>;
  const bool whole = count == V * kCount;
  Used sums[P][V];
#pragma GCC unroll 4
  for (Index p = 0; p < P; ++p)
#pragma GCC unroll 8
    for (Index v = 0; v < V; ++v) sums[p][v] = pzero(Used());
  for (Index i = 0; i < many; ++i) {
    const W* weights = w.row(rows[i]) + column;
    W some[V * kCount] = {};
    if (!whole) weights = std::copy_n(weights, count, some) - count;
    Used values[P];
#pragma GCC unroll 4
    for (Index p = 0; p < P; ++p) values[p] = pset1<Used>(x[p][rows[i]]);
#pragma GCC unroll 8
    for (Index v = 0; v < V; ++v) {
      const Used used = use<Used>(read<Read>(weights + v * kCount));
#pragma GCC unroll 4
      for (Index p = 0; p < P; ++p) sums[p][v] = pmadd(used, values[p], sums[p][v]);
    }
  }
  for (Index p = 0; p < P; ++p) {
    alignas(64) T values[V * kCount] = {};
    T* const out = whole ? y[p] + column : values;
    if (!whole) std::copy_n(y[p] + column, count, values);
#pragma GCC unroll 8
    for (Index v = 0; v < V; ++v)
      pstoreu(out + v * kCount, padd(ploadu<Used>(out + v * kCount), sums[p][v]));
    if (!whole) std::copy_n(values, count, y[p] + column);
  }
}

template <class W, class T, Index P>
void add_rows(Tile<const W> w, Tile<const T> x, Tile<T> y) {
  constexpr Index kVectors = P == 1 ? 4 : 2;
  constexpr Index kCount = kLanesOf<typename Weights<W, T>::Used>, kColumns = kVectors * kCount;
  const T* points[P];
  T* out[P];
  for (Index p = 0; p < P; ++p) {
    points[p] = x.row(p);
    out[p] = y.row(p);
  }
  for (Index i = 0; i < ceil_div(w.rows, kChain); ++i) {
    const Block chain(i, kChain, w.rows);
    Index rows[kChain], many = 0;
    for (Index r = chain.first; r < chain.first + chain.count; ++r) {
      bool active = false;
      for (Index p = 0; p < P; ++p) active |= points[p][r] != T{0};
      if (active) rows[many++] = r;
    }
    Index column = 0;
    for (; column + kColumns <= w.cols; column += kColumns)
      add_columns<W, T, P, kVectors>(w, points, rows, many, column, kColumns, out);
    for (; column < w.cols; column += kCount)
      add_columns<W, T, P, 1>(w, points, rows, many, column, std::min(kCount, w.cols - column),
                              out);
  }
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
