// The products of explicit layers. Weights of type W are used in arithmetic of type T. How a product is cut
// depends on its shape alone.
#include "layers/explicit.hpp"

#include <limits>
#include <type_traits>

#include "base/buffer.hpp"
#include "base/dot.hpp"
#include "layers/few.hpp"

namespace randrelu {
namespace {

// How a product Y = X W'ᵀ or X W' is cut: into tiles of Y, and its sums into slabs of summands, whose
// weights are made at once. Slabs are whole stretches of product.hpp.
struct Cut {
  Index points, units, slab;
};

// Summands whose weights are generated at once.
constexpr Index kSlab = kStretch;
// Weights that stay in the second-level cache between being generated and being used.
constexpr Index kCached = Index{1} << 16;
// The points of a tile, and its multiplications in a round; all threads can be stopped between rounds.
constexpr Index kTilePoints = 4096, kRound = Index{1} << 31;

// With all weights. Large tiles make the kernel fast; many of them keep the threads busy: a tile is halved
// until there are sixteen, but not below 128. Weights are generated once for all points of a tile.
Cut cut_whole(Index points, Index units, bool in_memory) {
  constexpr Index kTiles = 16, kSmallest = 128;
  if (!in_memory) return {kTilePoints, units < kTiles * 256 ? kSmallest : 256, kSlab};
  Cut cut{512, 1024, std::numeric_limits<Index>::max()};
  while (ceil_div(points, cut.points) * ceil_div(units, cut.units) < kTiles &&
         std::max(cut.points, cut.units) > kSmallest)
    (cut.units > cut.points ? cut.units : cut.points) /= 2;
  return cut;
}

// With few points: all of them, and weights in the order of memory.
Cut cut_few(Index summands, bool in_memory) {
  constexpr Index kVector = 8, kLargest = 64;
  const Index tile = std::clamp(kCached / summands / kVector * kVector, kVector, kLargest);
  return {kFewPoints, tile, in_memory ? std::numeric_limits<Index>::max() : kCached / tile};
}

// With a part of the weights. Tiles take all points, so that a weight is gathered once, unless there are too
// few tiles then.
Cut cut_part(Index points, Index units) {
  constexpr Index kTiles = 16, kSmallest = 128;
  constexpr Index kGathered = Index{1} << 22;  // weights, in a thread's buffer
  const Index tile = std::clamp<Index>(ceil_div(units, kTiles), kSmallest, 2 * kSmallest);
  const Index unit_tiles = std::max<Index>(1, ceil_div(units, tile));
  return {std::clamp(ceil_div(points, ceil_div(kTiles, unit_tiles)), kSmallest, kTilePoints), tile,
          kGathered / tile};
}

// Memory that grows to what is asked for; what it held is lost then.
template <class T>
class Room {
 public:
  T* take(Index size) {
    if (size > size_) buffer_ = Buffer<T>(size_ = size);
    return buffer_.get();
  }

 private:
  Index size_ = 0;
  Buffer<T> buffer_{0};
};
// What a thread needs: room for weights in T, and for weights as they were generated.
template <class T>
struct Workspace {
  Room<T> weights;
  Room<float> generated;
};

// W[rows, cols]; what is not in memory is held in the workspace.
template <class W, class T>
Tile<const W> all_weights(const ExplicitLayer<W>& layer, Block rows, Block cols,
                          Workspace<T>& workspace) {
  if (layer.in_memory()) return layer.tile(rows, cols, nullptr);
  if constexpr (std::is_same_v<W, float>)
    return layer.tile(rows, cols, workspace.generated.take(rows.count * cols.count));
  else
    return layer.tile(rows, cols, workspace.weights.take(rows.count * cols.count));
}

// W'[rows, cols] in T, for a part W' of the weights.
template <class W, class T>
Tile<const T> some_weights(const ExplicitLayer<W>& layer, const Part& part, Block rows, Block cols,
                           Workspace<T>& workspace) {
  const Index first = part.inputs[cols.first];
  const Block span(first, part.inputs[cols.first + cols.count - 1] + 1 - first);
  W* buffer = nullptr;
  if constexpr (std::is_same_v<W, float>)
    if (!layer.in_memory()) buffer = workspace.generated.take(span.count);
  T* const gathered = workspace.weights.take(rows.count * cols.count);
  for (Index r = 0; r < rows.count; ++r) {
    T* const out = gathered + r * cols.count;
    const W* const row = layer.tile(Block(part.outputs[rows.first + r], 1), span, buffer).data;
    if (part.inputs.all())
      std::copy_n(row, cols.count, out);
    else
      for (Index c = 0; c < cols.count; ++c)
        out[c] = static_cast<T>(row[part.inputs[cols.first + c] - first]);
  }
  return {gathered, rows.count, cols.count, cols.count};
}

// Y = 0, then add(points, units, summands, workspace) for all of its tiles and their slabs.
template <class T, class Add>
void multiply_tiles(const Cut& cut, View<const T> x, View<T> y, const Run& run, const Add& add) {
  constexpr Index kFewest = 128;  // as many points as take as long as making the weights
  const Index most = kRound / (std::clamp(x.rows, kFewest, cut.points) * cut.units);
  const Index stretches = std::max<Index>(1, std::min(cut.slab, most) / kStretch);
  const Index slab = std::min(stretches * kStretch, std::max<Index>(1, x.cols));
  const Index round = std::max<Index>(1, most / slab) * slab;
  const Index rounds = std::max<Index>(1, ceil_div(x.cols, round));
  const Index point_tiles = ceil_div(y.rows, cut.points), unit_tiles = ceil_div(y.cols, cut.units);
  const auto stage = [&](Index r) {
    return run.stage(r * round, std::min(x.cols, (r + 1) * round), std::max<Index>(1, x.cols));
  };
  for (Index r = 0; r < rounds; ++r)
    parallel_for(point_tiles * unit_tiles, stage(r), [&](Index i) {
      const Block points(i % point_tiles, cut.points, y.rows);
      const Block units(i / point_tiles, cut.units, y.cols);
      const Tile<T> out = tile(y, points, units);
      if (r == 0)
        for (Index p = 0; p < out.rows; ++p) std::fill_n(out.row(p), out.cols, T{0});
      Workspace<T> workspace;
      const Index end = std::min(x.cols, (r + 1) * round);
      for (Index first = r * round; first < end; first += slab) {
        const Block summands(first, std::min(slab, end - first));
        add(tile(x, points, summands), units, summands, out, workspace);
      }
    });
}

// Y = X Wᵀ for few points.
template <class W, class T>
void multiply_few(const ExplicitLayer<W>& layer, View<const T> x, View<T> y, const Run& run) {
  const auto add = [&](Tile<const T> points, Block units, Block summands, Tile<T> out,
                       Workspace<T>&) {
    const Buffer<W> buffer(layer.in_memory() ? 0 : units.count * summands.count);
    add_dots(layer.tile(units, summands, buffer.get()), points, {out.data, 1, out.stride});
  };
  multiply_tiles(cut_few(x.cols, layer.in_memory()), x, y, run, add);
}

// The sums of a chain of rows of W, which begins at v, for few points. Rows that all of these multiply by 0 are not
// generated.
template <class W, class T>
void sum_chain(const ExplicitLayer<W>& layer, Tile<const T> v, Index first, Block cols,
               Tile<T> sums) {
  constexpr Index kRows = 8;
  for (Index p = 0; p < v.rows; ++p) std::fill_n(sums.row(p), sums.cols, T{0});
  if (layer.in_memory()) return add_rows(layer.tile(Block(first, v.cols), cols, nullptr), v, sums);
  const Buffer<W> buffer(kRows * cols.count);
  for (Index i = 0; i < ceil_div(v.cols, kRows); ++i) {
    const Block rows(i, kRows, v.cols);
    for (Index r = 0; r < rows.count; ++r) {
      bool active = false;
      for (Index p = 0; p < v.rows; ++p) active |= v.row(p)[rows.first + r] != T{0};
      if (active) layer.tile(Block(first + rows.first + r, 1), cols, buffer.get() + r * cols.count);
    }
    add_rows(Tile<const W>{buffer.get(), rows.count, cols.count, cols.count},
             Tile<const T>{v.data + rows.first, v.rows, rows.count, v.stride}, sums);
  }
}

// G = V W for few points. Rows of W are read as they lie, so that threads take chains of them, and the sums of
// chains are added afterwards.
template <class W, class T>
void multiply_few_transposed(const ExplicitLayer<W>& layer, View<const T> v, View<T> g,
                             const Run& run) {
  constexpr Index kTasks = 16, kSmallest = 256, kLargest = 4096, kSums = Index{1} << 17;
  const Index chains = ceil_div(v.cols, kChain);
  const Index at_once = std::clamp<Index>(kSums / (g.rows * g.cols), 1, std::max<Index>(1, chains));
  const Index tiles_wanted = ceil_div(kTasks, at_once);
  const Index width = std::clamp(ceil_div(g.cols, tiles_wanted), kSmallest, kLargest / g.rows);
  const Index tiles = ceil_div(g.cols, width), rounds = ceil_div(chains, at_once);
  const Buffer<T> buffer(at_once * g.rows * g.cols);
  const View<T> sums(buffer.get(), at_once * g.rows, g.cols);
  std::fill_n(g.data, g.rows * g.cols, T{0});
  for (Index r = 0; r < rounds; ++r) {
    const Block some(r, at_once, chains);
    parallel_for(some.count * tiles, run.stage(r, r + 1, rounds), [&](Index i) {
      const Block rows(some.first + i % some.count, kChain, v.cols);
      const Block cols(i / some.count, width, g.cols), points(0, v.rows);
      sum_chain(layer, tile(v, points, rows), rows.first, cols,
                tile(sums, Block(i % some.count * g.rows, g.rows), cols));
    });
    parallel_for(tiles, run.silent(), [&](Index i) {
      const Block cols(i, width, g.cols);
      for (Index c = 0; c < some.count; ++c)
        for (Index p = 0; p < g.rows; ++p)
          for (Index j = cols.first; j < cols.first + cols.count; ++j)
            g.row(p)[j] += sums.row(c * g.rows + p)[j];
    });
  }
}

// Y = X W'ᵀ, or X W' if `transposed`.
template <class W, class T>
void multiply(const ExplicitLayer<W>& layer, View<const T> x, View<T> y, bool transposed,
              const Part& part, const Run& run) {
  [[maybe_unused]] const Index outputs = part.outputs.size(layer.fan_out());
  [[maybe_unused]] const Index inputs = part.inputs.size(layer.fan_in());
  assert(x.rows == y.rows && x.cols == (transposed ? outputs : inputs));
  assert(y.cols == (transposed ? inputs : outputs));
  const bool whole = part.whole();
  if (whole && x.rows <= kFewPoints)
    return transposed ? multiply_few_transposed(layer, x, y, run) : multiply_few(layer, x, y, run);
  const Cut cut = whole ? cut_whole(x.rows, y.cols, layer.in_memory()) : cut_part(x.rows, y.cols);
  const auto add = [&](Tile<const T> points, Block units, Block summands, Tile<T> out,
                       Workspace<T>& workspace) {
    const Block rows = transposed ? summands : units, cols = transposed ? units : summands;
    const auto multiply_by = [&](const auto& weights) {
      transposed ? add_product(points, weights, out) : add_product_transposed(points, weights, out);
    };
    if (!whole) return multiply_by(some_weights<W, T>(layer, part, rows, cols, workspace));
    multiply_by(all_weights(layer, rows, cols, workspace));
  };
  multiply_tiles(cut, x, y, run, add);
}

[[noreturn]] void refuse_float32() {
  throw std::logic_error("float64 weights are evaluated in float64 only");
}

}  // namespace

template <class W>
void ExplicitLayer<W>::apply(View<const float> x, View<float> y, const Run& run, Part part) const {
  if constexpr (std::is_same_v<W, float>) return multiply(*this, x, y, false, part, run);
  refuse_float32();
}

template <class W>
void ExplicitLayer<W>::apply(View<const double> x, View<double> y, const Run& run,
                             Part part) const {
  multiply(*this, x, y, false, part, run);
}

template <class W>
void ExplicitLayer<W>::apply_transpose(View<const float> v, View<float> g, const Run& run,
                                       Part part) const {
  if constexpr (std::is_same_v<W, float>) return multiply(*this, v, g, true, part, run);
  refuse_float32();
}

template <class W>
void ExplicitLayer<W>::apply_transpose(View<const double> v, View<double> g, const Run& run,
                                       Part part) const {
  multiply(*this, v, g, true, part, run);
}

template class ExplicitLayer<float>;
template class ExplicitLayer<double>;

}  // namespace randrelu
