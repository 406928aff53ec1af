#include "product.hpp"

#include <Eigen/Core>
#include <string>
#include <type_traits>
#include <vector>

#include "threads.hpp"

#if !EIGEN_VERSION_AT_LEAST(5, 0, 0)
#error "randrelu needs Eigen 5 or newer"
#endif

namespace randrelu {
namespace {

template <class T>
using RowMajor = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class T>
using Strided = Eigen::Map<RowMajor<T>, 0, Eigen::OuterStride<>>;
template <class T>
using ConstStrided = Eigen::Map<const RowMajor<T>, 0, Eigen::OuterStride<>>;
template <class T>
using RowVector = Eigen::Map<Eigen::Matrix<T, 1, Eigen::Dynamic>>;
template <class T>
using ConstRowVector = Eigen::Map<const Eigen::Matrix<T, 1, Eigen::Dynamic>>;

// Up to this many points a product is bound by reading the weights, and packing them for Eigen's
// matrix kernel would double that.
constexpr Index kFewPoints = 4;

constexpr Index kConvertTile = 512;  // summands converted at once where W and T differ

template <class T>
Strided<T> block(View<T> a, Block rows, Block cols) {
  return {a.data + rows.first * a.cols + cols.first, rows.count, cols.count,
          Eigen::OuterStride<>(a.cols)};
}
template <class T>
ConstStrided<T> block(View<const T> a, Block rows, Block cols) {
  return {a.data + rows.first * a.cols + cols.first, rows.count, cols.count,
          Eigen::OuterStride<>(a.cols)};
}

// Large tiles make Eigen fast; many of them keep the threads busy. A tile is halved until there are
// sixteen, but not below 128.
struct TileShape {
  Index points = 512, units = 1024;

  TileShape(Index all_points, Index all_units) {
    while (ceil_div(all_points, points) * ceil_div(all_units, units) < 16 &&
           std::max(points, units) > 128)
      (units > points ? units : points) /= 2;
  }
};

// The loop over the tiles of a (points, units) output.
template <class Body>
void for_each_tile(Index points, Index units, int threads, const Body& body) {
  const TileShape tile(points, units);
  const Index point_tiles = ceil_div(points, tile.points), unit_tiles = ceil_div(units, tile.units);
  parallel_for(point_tiles * unit_tiles, threads, [&](Index i) {
    body(Block(i % point_tiles, tile.points, points), Block(i / point_tiles, tile.units, units));
  });
}

// y = x orient(w) over one tile; `summands` is the whole inner dimension and weights_block(s) the
// block of the weights that belongs to the summands s.
template <class W, class T, class XBlock, class WBlock, class Y, class Orient>
void accumulate(Index summands, const XBlock& x_block, const WBlock& weights_block, Y y,
                const Orient& orient) {
  if constexpr (std::is_same_v<W, T>) {
    const Block all(0, summands, summands);
    y.noalias() = x_block(all) * orient(weights_block(all));
  } else {
    RowMajor<T> converted;
    y.setZero();
    for (Index i = 0; i < ceil_div(summands, kConvertTile); ++i) {
      const Block some(i, kConvertTile, summands);
      converted = weights_block(some).template cast<T>();
      y.noalias() += x_block(some) * orient(converted);
    }
  }
}

template <class W, class T>
void multiply_few(View<const T> x, View<const W> weights, View<T> y, int threads) {
  constexpr Index kRows = 64;
  parallel_for(ceil_div(weights.rows, kRows), threads, [&](Index i) {
    const Block rows(i, kRows, weights.rows);
    for (Index r = rows.first; r < rows.first + rows.count; ++r) {
      const auto w = ConstRowVector<W>(weights.row(r), weights.cols).template cast<T>();
      for (Index p = 0; p < x.rows; ++p)
        y.row(p)[r] = ConstRowVector<T>(x.row(p), x.cols).cwiseProduct(w).sum();
    }
  });
}

// Rows of the weights are read whole, in at most kParts parts whose sums are added in order.
template <class W, class T>
void multiply_transpose_few(View<const T> v, View<const W> weights, View<T> g, int threads) {
  constexpr Index kParts = 16, kRows = 128;
  const Index part_rows = std::max(kRows, ceil_div(weights.rows, kParts));
  const Index parts = ceil_div(weights.rows, part_rows);
  std::vector<RowMajor<T>> sums(static_cast<std::size_t>(parts));
  parallel_for(parts, threads, [&](Index i) {
    RowMajor<T>& sum = sums[static_cast<std::size_t>(i)];
    sum.setZero(g.rows, g.cols);
    const Block rows(i, part_rows, weights.rows);
    for (Index r = rows.first; r < rows.first + rows.count; ++r) {
      const auto w = ConstRowVector<W>(weights.row(r), weights.cols).template cast<T>();
      for (Index p = 0; p < v.rows; ++p)
        if (const T coefficient = v.row(p)[r]; coefficient != T{0}) sum.row(p) += coefficient * w;
    }
  });
  for (Index p = 0; p < g.rows; ++p) {
    RowVector<T> total(g.row(p), g.cols);
    total.setZero();
    for (const RowMajor<T>& sum : sums) total += sum.row(p);
  }
}

}  // namespace

template <class W, class T>
void multiply(View<const T> x, View<const W> weights, View<T> y, int threads) {
  assert(x.cols == weights.cols && y.cols == weights.rows && x.rows == y.rows);
  if (x.rows <= kFewPoints) return multiply_few(x, weights, y, threads);
  for_each_tile(x.rows, weights.rows, threads, [&](Block points, Block units) {
    accumulate<W, T>(
        weights.cols, [&](Block s) { return block(x, points, s); },
        [&](Block s) { return block(weights, units, s); }, block(y, points, units),
        [](const auto& w) { return w.transpose(); });
  });
}

template <class W, class T>
void multiply_transpose(View<const T> v, View<const W> weights, View<T> g, int threads) {
  assert(v.cols == weights.rows && g.cols == weights.cols && v.rows == g.rows);
  if (v.rows <= kFewPoints) return multiply_transpose_few(v, weights, g, threads);
  for_each_tile(v.rows, weights.cols, threads, [&](Block points, Block units) {
    accumulate<W, T>(
        weights.rows, [&](Block s) { return block(v, points, s); },
        [&](Block s) { return block(weights, s, units); }, block(g, points, units),
        [](const auto& w) -> const auto& { return w; });
  });
}

template void multiply<float, float>(View<const float>, View<const float>, View<float>, int);
template void multiply<float, double>(View<const double>, View<const float>, View<double>, int);
template void multiply<double, double>(View<const double>, View<const double>, View<double>, int);
template void multiply_transpose<float, float>(View<const float>, View<const float>, View<float>,
                                               int);
template void multiply_transpose<float, double>(View<const double>, View<const float>,
                                                View<double>, int);
template void multiply_transpose<double, double>(View<const double>, View<const double>,
                                                 View<double>, int);

const char* eigen_version() {
  static const std::string version = std::to_string(EIGEN_MAJOR_VERSION) + "." +
                                     std::to_string(EIGEN_MINOR_VERSION) + "." +
                                     std::to_string(EIGEN_PATCH_VERSION);
  return version.c_str();
}

}  // namespace randrelu
