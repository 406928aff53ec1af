// The products of explicit layers. Weights of type W are used in arithmetic of type T, converted slab by
// slab where the two differ. How a product is cut depends on its shape alone.
#include "layers/explicit.hpp"

#include <limits>
#include <type_traits>

#include "base/buffer.hpp"
#include "base/dot.hpp"
#include "layers/few.hpp"

namespace randrelu {
namespace {

Block all(Index total) { return {0, total, total}; }

// How a product Y = X W'ᵀ or X W' is cut: into tiles of Y, and its sums into slabs of summands, whose
// weights are made at once. Slabs hold whole chains, see product.hpp.
struct Cut {
  Index points, units, slab;
};

// Summands whose weights are generated, or converted where W and T differ, at once.
constexpr Index kSlab = 8 * kChain;
// Weights that stay in the second-level cache between being generated and being used.
constexpr Index kCached = Index{1} << 16;
// The points of a tile, and its multiplications in a round; all threads can be stopped between rounds.
constexpr Index kTilePoints = 4096, kRound = Index{1} << 31;

// With all weights. Large tiles make the kernel fast; many of them keep the threads busy: a tile is halved
// until there are sixteen, but not below 128. Weights are generated once for all points of a tile.
Cut cut_whole(Index points, Index units, bool in_memory, bool converted) {
  constexpr Index kTiles = 16, kSmallest = 128;
  if (!in_memory) return {kTilePoints, units < kTiles * 256 ? kSmallest : 256, kSlab};
  Cut cut{512, 1024, converted ? kSlab : std::numeric_limits<Index>::max()};
  while (ceil_div(points, cut.points) * ceil_div(units, cut.units) < kTiles &&
         std::max(cut.points, cut.units) > kSmallest)
    (cut.units > cut.points ? cut.units : cut.points) /= 2;
  return cut;
}

// With few points: all of them, and weights in the order of memory.
Cut cut_few(Index units, Index summands, bool in_memory, bool transposed) {
  constexpr Index kTiles = 16, kSmallest = 64;
  const Index tile = transposed ? std::clamp(ceil_div(units, kTiles), 2 * kSmallest, 16 * kSmallest)
                                : std::clamp(kCached / summands, Index{8}, kSmallest);
  const Index whole = ceil_div(tile, 8) * 8;  // vectors
  return {kFewPoints, whole, in_memory ? std::numeric_limits<Index>::max() : kCached / whole};
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

// W[rows, cols] in T.
template <class W, class T>
Tile<const T> all_weights(const ExplicitLayer<W>& layer, Block rows, Block cols,
                          Workspace<T>& workspace) {
  const Index count = rows.count * cols.count;
  if constexpr (std::is_same_v<W, T>) {
    return layer.tile(rows, cols, layer.in_memory() ? nullptr : workspace.weights.take(count));
  } else {
    const Tile<const W> weights =
        layer.tile(rows, cols, layer.in_memory() ? nullptr : workspace.generated.take(count));
    T* const out = workspace.weights.take(count);
    for (Index r = 0; r < rows.count; ++r)
      std::copy_n(weights.row(r), cols.count, out + r * cols.count);
    return {out, rows.count, cols.count, cols.count};
  }
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

// W'[rows, cols] for few points v, which go back through them; rows that all of these multiply by 0 are left out.
template <class W, class T>
Tile<const W> active_weights(const ExplicitLayer<W>& layer, View<const T> v, Block rows, Block cols,
                             Room<W>& room) {
  if (layer.in_memory()) return layer.tile(rows, cols, nullptr);
  W* const weights = room.take(rows.count * cols.count);
  for (Index r = 0; r < rows.count; ++r) {
    bool active = false;
    for (Index p = 0; p < v.rows; ++p) active |= v.row(p)[rows.first + r] != T{0};
    if (active) layer.tile(Block(rows.first + r, 1), cols, weights + r * cols.count);
  }
  return {weights, rows.count, cols.count, cols.count};
}

// Y = 0, then add(points, units, summands, workspace) for all of its tiles and their slabs.
template <class T, class Add>
void multiply_tiles(const Cut& cut, View<const T> x, View<T> y, const Run& run, const Add& add) {
  constexpr Index kFewest = 128;  // as many points as take as long as making the weights
  const Index most = kRound / (std::clamp(x.rows, kFewest, cut.points) * cut.units);
  const auto chains = [](Index summands) { return std::max(kChain, summands / kChain * kChain); };
  const Index slab = std::min(chains(std::min(cut.slab, most)), std::max<Index>(1, x.cols));
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

// Room for weights as they are held.
template <class W, class T>
Room<W>& room(Workspace<T>& workspace) {
  if constexpr (std::is_same_v<W, T>)
    return workspace.weights;
  else
    return workspace.generated;
}

template <class W, class T>
void multiply_few(const ExplicitLayer<W>& layer, View<const T> x, View<T> y, bool transposed,
                  const Run& run) {
  const Cut cut = cut_few(y.cols, x.cols, layer.in_memory(), transposed);
  const auto add = [&](Tile<const T> points, Block units, Block summands, Tile<T> out,
                       Workspace<T>& workspace) {
    Room<W>& own = room<W>(workspace);
    if (transposed) return add_rows(active_weights(layer, x, summands, units, own), points, out);
    W* const buffer = layer.in_memory() ? nullptr : own.take(units.count * summands.count);
    add_dots(layer.tile(units, summands, buffer), points, {out.data, 1, out.stride});
  };
  multiply_tiles(cut, x, y, run, add);
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
  if (whole && x.rows <= kFewPoints) return multiply_few(layer, x, y, transposed, run);
  const Cut cut = whole ? cut_whole(x.rows, y.cols, layer.in_memory(), !std::is_same_v<W, T>)
                        : cut_part(x.rows, y.cols);
  const auto add = [&](Tile<const T> points, Block units, Block summands, Tile<T> out,
                       Workspace<T>& workspace) {
    const Block rows = transposed ? summands : units, cols = transposed ? units : summands;
    const Tile<const T> weights = whole ? all_weights<W, T>(layer, rows, cols, workspace)
                                        : some_weights<W, T>(layer, part, rows, cols, workspace);
    transposed ? add_product(points, weights, out) : add_product_transposed(points, weights, out);
  };
  multiply_tiles(cut, x, y, run, add);
}

template <class W>
void row_norms_of(const ExplicitLayer<W>& layer, double* norms, const Run& run) {
  parallel_for(layer.fan_out(), run, [&](Index r) {
    const Buffer<W> buffer(layer.in_memory() ? 0 : layer.fan_in());
    norms[r] = euclidean_norm(layer.tile(Block(r, 1), all(layer.fan_in()), buffer.get()).data,
                              layer.fan_in());
  });
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

void row_norms(const Layer& layer, double* norms, const Run& run) {
  with_weights(layer, [&](const auto& weights) { row_norms_of(weights, norms, run); });
}

}  // namespace randrelu
