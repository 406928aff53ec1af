// The products of explicit layers. Weights of type W are used in arithmetic of type T, converted slab by
// slab where the two differ. How a product is cut depends on its shape alone.
#include "layers/explicit.hpp"

#include <functional>
#include <limits>
#include <type_traits>

#include "base/buffer.hpp"
#include "base/dot.hpp"

namespace randrelu {
namespace {

Block all(Index total) { return {0, total, total}; }

template <class W, class T>
void multiply_few(const ExplicitLayer<W>& layer, View<const T> x, View<T> y, const Run& run) {
  // Rows whose weights stay in the second-level cache between being generated and being used.
  const Index rows_at_once = std::clamp<Index>((Index{1} << 16) / x.cols, 1, 64);
  parallel_for(ceil_div(layer.fan_out(), rows_at_once), run, [&](Index i) {
    const Block rows(i, rows_at_once, layer.fan_out());
    const Buffer<W> buffer(layer.in_memory() ? 0 : rows.count * x.cols);
    const Tile<const W> weights = layer.tile(rows, all(x.cols), buffer.get());
    for (Index r = 0; r < rows.count; ++r)
      for (Index p = 0; p < x.rows; ++p)
        y.row(p)[rows.first + r] = dot<T>(weights.row(r), x.row(p), x.cols);
  });
}

// sum += v W for the weights of these rows. A row that every point multiplies by 0 is not looked at.
template <class W, class T>
void add_rows(const ExplicitLayer<W>& layer, View<const T> v, Block rows, View<T> sum) {
  const Buffer<W> buffer(layer.in_memory() ? 0 : sum.cols);
  for (Index r = rows.first; r < rows.first + rows.count; ++r) {
    bool active = false;
    for (Index p = 0; p < v.rows; ++p) active |= v.row(p)[r] != T{0};
    if (!active) continue;
    const W* const weights = layer.tile(Block(r, 1), all(sum.cols), buffer.get()).data;
    for (Index p = 0; p < v.rows; ++p)
      if (const T coefficient = v.row(p)[r]; coefficient != T{0}) {
        T* const out = sum.row(p);
        for (Index c = 0; c < sum.cols; ++c) out[c] += coefficient * static_cast<T>(weights[c]);
      }
  }
}

// Rows of the weights are read whole, in at most kParts parts whose sums are added in order. All parts
// go on together, some rows at a time, and can be stopped in between.
template <class W, class T>
void multiply_few_transposed(const ExplicitLayer<W>& layer, View<const T> v, View<T> g,
                             const Run& run) {
  constexpr Index kParts = 16, kRows = 128, kWeights = Index{1} << 24;
  const Index part_rows = std::max(kRows, ceil_div(layer.fan_out(), kParts));
  const Index parts = ceil_div(layer.fan_out(), part_rows);
  const Buffer<T> buffer(parts * g.rows * g.cols);
  const View<T> sums(buffer.get(), parts * g.rows, g.cols);
  const Index rows_at_once = std::max<Index>(1, kWeights / g.cols);
  const Index rounds = ceil_div(part_rows, rows_at_once);
  for (Index round = 0; round < rounds; ++round)
    parallel_for(parts, run.stage(round, round + 1, rounds), [&](Index i) {
      const View<T> sum = sums.middle_rows(i * g.rows, g.rows);
      if (round == 0) std::fill_n(sum.data, sum.rows * sum.cols, T{0});
      const Block part(i, part_rows, layer.fan_out());
      if (round * rows_at_once >= part.count) return;
      const Block some(round, rows_at_once, part.count);
      add_rows(layer, v, Block(part.first + some.first, some.count), sum);
    });
  for (Index p = 0; p < g.rows; ++p) {
    std::fill_n(g.row(p), g.cols, T{0});
    for (Index i = 0; i < parts; ++i) {
      const T* const sum = sums.row(i * g.rows + p);
      for (Index c = 0; c < g.cols; ++c) g.row(p)[c] += sum[c];
    }
  }
}

// How a product Y = X W'ᵀ or X W' is cut: into tiles of Y, and its sums into slabs of summands, whose
// weights are made at once.
struct Cut {
  Index points, units, slab;
};

// Summands whose weights are generated, or converted where W and T differ, at once.
constexpr Index kSlab = 512;
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

// Y = X W'ᵀ, or X W' if `transposed`; make() gives W'[units, summands], or W'[summands, units].
template <class T>
using MakeWeights =
    std::function<Tile<const T>(Block units, Block summands, Workspace<T>& workspace)>;

template <class T>
void multiply_tiles(const Cut& cut, View<const T> x, View<T> y, bool transposed,
                    const MakeWeights<T>& make, const Run& run) {
  constexpr Index kFewest = 128;  // as many points as take as long as making the weights
  const Index most = kRound / (std::clamp(x.rows, kFewest, cut.points) * cut.units);
  const Index slab = std::max<Index>(1, std::min({cut.slab, most, x.cols}));
  const Index round = most / slab * slab, rounds = std::max<Index>(1, ceil_div(x.cols, round));
  const Index point_tiles = ceil_div(y.rows, cut.points), unit_tiles = ceil_div(y.cols, cut.units);
  const auto stage = [&](Index r) {
    return run.stage(r * round, std::min(x.cols, (r + 1) * round), std::max<Index>(1, x.cols));
  };
  const auto add = transposed ? add_product<T> : add_product_transposed<T>;
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
        add(tile(x, points, summands), make(units, summands, workspace), out);
      }
    });
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
  const Cut cut = whole ? cut_whole(x.rows, y.cols, layer.in_memory(), !std::is_same_v<W, T>)
                        : cut_part(x.rows, y.cols);
  const MakeWeights<T> make = [&](Block units, Block summands, Workspace<T>& workspace) {
    const Block rows = transposed ? summands : units, cols = transposed ? units : summands;
    return whole ? all_weights<W, T>(layer, rows, cols, workspace)
                 : some_weights<W, T>(layer, part, rows, cols, workspace);
  };
  multiply_tiles(cut, x, y, transposed, make, run);
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
