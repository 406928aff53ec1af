#include "layers/product.hpp"

#include <Eigen/Core>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "base/buffer.hpp"
#include "base/dot.hpp"
#include "layers/explicit.hpp"

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

// Summands that are generated, or converted where W and T differ, at once.
constexpr Index kSlab = 512;

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

Block all(Index total) { return {0, total, total}; }

// Large tiles make Eigen fast; many of them keep the threads busy: a tile is halved until there are
// sixteen, but not below 128. Generated weights are so only once, for all points.
struct TileShape {
  Index points, units;
};

TileShape tile_shape(Index all_points, Index all_units, bool in_memory) {
  constexpr Index kTiles = 16, kSmallest = 128;
  if (!in_memory) return {all_points, all_units < kTiles * 256 ? kSmallest : 256};
  TileShape tile{512, 1024};
  while (ceil_div(all_points, tile.points) * ceil_div(all_units, tile.units) < kTiles &&
         std::max(tile.points, tile.units) > kSmallest)
    (tile.units > tile.points ? tile.units : tile.points) /= 2;
  return tile;
}

// y = x orient(w) over one tile; `summands` is the whole inner dimension, and x_block(s) and
// weights_block(s, buffer) are what belongs to the summands s.
template <class W, class T, class XBlock, class WBlock, class Y, class Orient>
void accumulate(Index summands, bool in_memory, Index units, Index slab, const XBlock& x_block,
                const WBlock& weights_block, Y y, const Orient& orient) {
  if constexpr (std::is_same_v<W, T>) {
    if (in_memory) {
      y.noalias() = x_block(all(summands)) * orient(weights_block(all(summands), nullptr));
      return;
    }
  }
  const Buffer<W> buffer(in_memory ? 0 : units * std::min(slab, summands));
  RowMajor<T> converted;
  y.setZero();
  for (Index i = 0; i < ceil_div(summands, slab); ++i) {
    const Block some(i, slab, summands);
    const ConstStrided<W> weights = weights_block(some, buffer.get());
    if constexpr (std::is_same_v<W, T>) {
      y.noalias() += x_block(some) * orient(weights);
    } else {
      converted = weights.template cast<T>();
      y.noalias() += x_block(some) * orient(converted);
    }
  }
}

// The loop over the tiles of a (points, units) output.
template <class W, class Body>
void for_each_tile(const ExplicitLayer<W>& layer, Index points, Index units, const Run& run,
                   const Body& body) {
  const TileShape tile = tile_shape(points, units, layer.in_memory());
  const Index point_tiles = ceil_div(points, tile.points), unit_tiles = ceil_div(units, tile.units);
  parallel_for(point_tiles * unit_tiles, run, [&](Index i) {
    body(Block(i % point_tiles, tile.points, points), Block(i / point_tiles, tile.units, units));
  });
}

template <class W>
ConstStrided<W> weights_block(const ExplicitLayer<W>& layer, Block rows, Block cols, W* buffer) {
  const Tile<W> tile = layer.tile(rows, cols, buffer);
  return {tile.data, rows.count, cols.count, Eigen::OuterStride<>(tile.stride)};
}

// y += c w in T.
template <class W, class T>
void add_multiple(T c, const W* w, T* y, Index n) {
  for (Index i = 0; i < n; ++i) y[i] += c * static_cast<T>(w[i]);
}

template <class W, class T>
void multiply_few(const ExplicitLayer<W>& layer, View<const T> x, View<T> y, const Run& run) {
  // Rows whose weights stay in the second-level cache between being generated and being used.
  const Index rows_at_once = std::clamp<Index>((Index{1} << 16) / x.cols, 1, 64);
  parallel_for(ceil_div(layer.fan_out(), rows_at_once), run, [&](Index i) {
    const Block rows(i, rows_at_once, layer.fan_out());
    const Buffer<W> buffer(layer.in_memory() ? 0 : rows.count * x.cols);
    const Tile<W> weights = layer.tile(rows, all(x.cols), buffer.get());
    for (Index r = 0; r < rows.count; ++r)
      for (Index p = 0; p < x.rows; ++p)
        y.row(p)[rows.first + r] = dot<T>(weights.data + r * weights.stride, x.row(p), x.cols);
  });
}

// Rows of the weights are read whole, in at most kParts parts whose sums are added in order. A row
// that every point multiplies by 0 is not looked at.
template <class W, class T>
void multiply_transpose_few(const ExplicitLayer<W>& layer, View<const T> v, View<T> g,
                            const Run& run) {
  constexpr Index kParts = 16, kRows = 128;
  const Index part_rows = std::max(kRows, ceil_div(layer.fan_out(), kParts));
  const Index parts = ceil_div(layer.fan_out(), part_rows);
  std::vector<RowMajor<T>> sums(static_cast<std::size_t>(parts));
  parallel_for(parts, run, [&](Index i) {
    RowMajor<T>& sum = sums[static_cast<std::size_t>(i)];
    sum.setZero(g.rows, g.cols);
    const Buffer<W> buffer(layer.in_memory() ? 0 : g.cols);
    const Block rows(i, part_rows, layer.fan_out());
    for (Index r = rows.first; r < rows.first + rows.count; ++r) {
      bool active = false;
      for (Index p = 0; p < v.rows; ++p) active |= v.row(p)[r] != T{0};
      if (!active) continue;
      const Tile<W> weights =
          layer.tile(Block(r, 1, layer.fan_out()), all(g.cols), buffer.get());
      for (Index p = 0; p < v.rows; ++p)
        if (const T coefficient = v.row(p)[r]; coefficient != T{0})
          add_multiple(coefficient, weights.data, &sum(p, 0), g.cols);
    }
  });
  for (Index p = 0; p < g.rows; ++p) {
    RowVector<T> total(g.row(p), g.cols);
    total.setZero();
    for (const RowMajor<T>& sum : sums) total += sum.row(p);
  }
}

template <class W, class T>
void multiply_whole(const ExplicitLayer<W>& layer, View<const T> x, View<T> y, const Run& run) {
  assert(x.cols == layer.fan_in() && y.cols == layer.fan_out() && x.rows == y.rows);
  if (x.rows <= kFewPoints) return multiply_few(layer, x, y, run);
  for_each_tile(layer, x.rows, y.cols, run, [&](Block points, Block units) {
    accumulate<W, T>(
        x.cols, layer.in_memory(), units.count, kSlab, [&](Block s) { return block(x, points, s); },
        [&](Block s, W* buffer) { return weights_block(layer, units, s, buffer); },
        block(y, points, units), [](const auto& w) { return w.transpose(); });
  });
}

template <class W, class T>
void multiply_transpose_whole(const ExplicitLayer<W>& layer, View<const T> v, View<T> g, const Run& run) {
  assert(v.cols == layer.fan_out() && g.cols == layer.fan_in() && v.rows == g.rows);
  if (v.rows <= kFewPoints) return multiply_transpose_few(layer, v, g, run);
  for_each_tile(layer, v.rows, g.cols, run, [&](Block points, Block units) {
    accumulate<W, T>(
        v.cols, layer.in_memory(), units.count, kSlab, [&](Block s) { return block(v, points, s); },
        [&](Block s, W* buffer) { return weights_block(layer, s, units, buffer); },
        block(g, points, units), [](const auto& w) -> const auto& { return w; });
  });
}

// W[rows, cols] in T for some of the outputs and inputs, side by side in `out`; `row` has room for a
// row of the weights.
template <class W, class T>
ConstStrided<T> gather(const ExplicitLayer<W>& layer, Units outputs, Block rows, Units inputs,
                       Block cols, W* row, T* out) {
  const Index first = inputs[cols.first];
  const Block span(first, inputs[cols.first + cols.count - 1] + 1 - first);
  for (Index r = 0; r < rows.count; ++r, out += cols.count) {
    const Tile<W> tile = layer.tile(Block(outputs[rows.first + r], 1), span, row);
    if (inputs.all())
      std::copy_n(tile.data, cols.count, out);
    else
      for (Index c = 0; c < cols.count; ++c)
        out[c] = static_cast<T>(tile.data[inputs[cols.first + c] - first]);
  }
  return {out - rows.count * cols.count, rows.count, cols.count,
          Eigen::OuterStride<>(cols.count)};
}

// The loop of both products with a part of the weights: y = x orient(W'). Tiles of y take all points,
// so that a weight is gathered once, unless there are too few tiles then.
template <class W, class T, class Gather, class Orient>
void multiply_part(Index fan_in, View<const T> x, View<T> y, const Run& run, const Gather& gathered,
                   const Orient& orient) {
  constexpr Index kTiles = 16, kSmallest = 128;
  constexpr Index kGathered = Index{1} << 22;  // weights, in a thread's buffer
  const Index units = std::clamp<Index>(ceil_div(y.cols, kTiles), kSmallest, 2 * kSmallest);
  const Index unit_tiles = ceil_div(y.cols, units);
  if (unit_tiles == 0) return;
  const Index points = std::max(kSmallest, ceil_div(y.rows, ceil_div(kTiles, unit_tiles)));
  const Index point_tiles = ceil_div(y.rows, points);
  parallel_for(point_tiles * unit_tiles, run, [&](Index i) {
    const Block some_points(i % point_tiles, points, y.rows);
    const Block some(i / point_tiles, units, y.cols);
    const Buffer<W> row(fan_in);
    accumulate<T, T>(
        x.cols, false, units, kGathered / units, [&](Block s) { return block(x, some_points, s); },
        [&](Block s, T* buffer) { return gathered(some, s, row.get(), buffer); },
        block(y, some_points, some), orient);
  });
}

template <class W, class T>
void multiply(const ExplicitLayer<W>& layer, View<const T> x, View<T> y, const Run& run,
              Part part) {
  if (part.whole()) return multiply_whole(layer, x, y, run);
  assert(x.cols == part.inputs.size(layer.fan_in()) && y.cols == part.outputs.size(layer.fan_out()));
  multiply_part<W, T>(
      layer.fan_in(), x, y, run,
      [&](Block units, Block s, W* row, T* out) {
        return gather(layer, part.outputs, units, part.inputs, s, row, out);
      },
      [](const auto& w) { return w.transpose(); });
}

template <class W, class T>
void multiply_transpose(const ExplicitLayer<W>& layer, View<const T> v, View<T> g, const Run& run,
                        Part part) {
  if (part.whole()) return multiply_transpose_whole(layer, v, g, run);
  assert(v.cols == part.outputs.size(layer.fan_out()) && g.cols == part.inputs.size(layer.fan_in()));
  multiply_part<W, T>(
      layer.fan_in(), v, g, run,
      [&](Block units, Block s, W* row, T* out) {
        return gather(layer, part.outputs, s, part.inputs, units, row, out);
      },
      [](const auto& w) -> const auto& { return w; });
}

template <class W>
void row_norms_of(const ExplicitLayer<W>& layer, double* norms, const Run& run) {
  parallel_for(layer.fan_out(), run, [&](Index r) {
    const Buffer<W> buffer(layer.in_memory() ? 0 : layer.fan_in());
    norms[r] = euclidean_norm(layer.tile(Block(r, 1), all(layer.fan_in()), buffer.get()).data, layer.fan_in());
  });
}

// f(the layer as what it is).
template <class F>
void with_weights(const Layer& layer, const F& f) {
  if (const auto* single = dynamic_cast<const ExplicitLayer<float>*>(&layer)) return f(*single);
  if (const auto* twice = dynamic_cast<const ExplicitLayer<double>*>(&layer)) return f(*twice);
  throw std::logic_error("a deferred layer has no rows");
}

[[noreturn]] void refuse_float32() {
  throw std::logic_error("float64 weights are evaluated in float64 only");
}

}  // namespace

template <class W>
void ExplicitLayer<W>::apply(View<const float> x, View<float> y, const Run& run, Part part) const {
  if constexpr (std::is_same_v<W, float>) return multiply(*this, x, y, run, part);
  refuse_float32();
}

template <class W>
void ExplicitLayer<W>::apply(View<const double> x, View<double> y, const Run& run,
                             Part part) const {
  multiply(*this, x, y, run, part);
}

template <class W>
void ExplicitLayer<W>::apply_transpose(View<const float> v, View<float> g, const Run& run,
                                       Part part) const {
  if constexpr (std::is_same_v<W, float>) return multiply_transpose(*this, v, g, run, part);
  refuse_float32();
}

template <class W>
void ExplicitLayer<W>::apply_transpose(View<const double> v, View<double> g, const Run& run,
                                       Part part) const {
  multiply_transpose(*this, v, g, run, part);
}

template class ExplicitLayer<float>;
template class ExplicitLayer<double>;

void row_norms(const Layer& layer, double* norms, const Run& run) {
  with_weights(layer, [&](const auto& explicit_layer) { row_norms_of(explicit_layer, norms, run); });
}

const char* eigen_version() {
  static const std::string version = std::to_string(EIGEN_MAJOR_VERSION) + "." +
                                     std::to_string(EIGEN_MINOR_VERSION) + "." +
                                     std::to_string(EIGEN_PATCH_VERSION);
  return version.c_str();
}

}  // namespace randrelu
