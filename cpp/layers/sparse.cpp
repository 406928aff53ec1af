#include "layers/sparse.hpp"

#include <cstring>
#include <type_traits>

#include "base/buffer.hpp"
#include "base/simd.hpp"
#include "layers/explicit.hpp"

namespace randrelu {
namespace {

// Registers of T, of which a tile of Y is four wide.
template <class T>
struct Lanes;
template <>
struct Lanes<float> {
  using Register = float __attribute__((vector_size(simd::kBytes)));
};
template <>
struct Lanes<double> {
  using Register = double __attribute__((vector_size(simd::kBytes)));
};
template <class T>
constexpr Index kLanes = simd::kBytes / static_cast<Index>(sizeof(T));
constexpr Index kRegisters = 4;

template <class T>
constexpr Index kTile = kRegisters * kLanes<T>;

// The units that have an entry anywhere, ascending, and the place of each among them.
struct Used {
  std::vector<Index> units, place;

  Used(const std::vector<Index>& entries, Index total) : place(at(total)) {
    for (const Index j : entries) place[at(j)] = 1;
    for (Index j = 0; j < total; ++j)
      if (place[at(j)]) {
        place[at(j)] = static_cast<Index>(units.size());
        units.push_back(j);
      }
  }
};

// Wᵀ[used, outputs], with rows of kTile.
template <class W, class T>
void gather_columns(const ExplicitLayer<W>& layer, const std::vector<Index>& used, Block outputs,
                    T* out) {
  constexpr Index kAtOnce = 16;  // columns whose places stay in the first-level cache
  const Index first = used.front(), span = used.back() + 1 - first;
  const Buffer<W> buffer(layer.in_memory() ? 0 : outputs.count * span);
  const Tile<const W> weights = layer.tile(outputs, Block(first, span), buffer.get());
  const auto count = static_cast<Index>(used.size());
  for (Index begin = 0; begin < count; begin += kAtOnce) {
    const Index end = std::min(count, begin + kAtOnce);
    for (Index r = 0; r < outputs.count; ++r) {
      const W* const row = weights.row(r);
      for (Index k = begin; k < end; ++k)
        out[k * kTile<T> + r] = static_cast<T>(row[used[at(k)] - first]);
    }
  }
}

// W[used, columns], with rows of kTile.
template <class W, class T>
void gather_rows(const ExplicitLayer<W>& layer, const std::vector<Index>& used, Units columns,
                 Block outputs, T* out) {
  const Index first = columns[outputs.first];
  const Block span(first, columns[outputs.first + outputs.count - 1] + 1 - first);
  const Buffer<W> buffer(layer.in_memory() ? 0 : span.count);
  for (std::size_t k = 0; k < used.size(); ++k) {
    const W* const row = layer.tile(Block(used[k], 1), span, buffer.get()).data;
    for (Index c = 0; c < outputs.count; ++c)
      out[static_cast<Index>(k) * kTile<T> + c] =
          static_cast<T>(row[columns[outputs.first + c] - first]);
  }
}

template <class T>
using Register = typename Lanes<T>::Register;

// Row `unit` of the gathered weights.
template <class T>
const Register<T>* gathered(const T* weights, const std::vector<Index>& place, Index unit) {
  return reinterpret_cast<const Register<T>*>(weights + place[at(unit)] * kTile<T>);
}

// Entries that are summed by themselves before their sum is added to the rest, so that rounding stays small.
constexpr Index kSummed = 16;

template <class T>
void add_to(Register<T>* sum, Register<T>* part) {
  for (Index j = 0; j < kRegisters; ++j) {
    sum[j] += part[j];
    part[j] = Register<T>{};
  }
}

// y += Σ_k values[k] weights[place of units[k]] for one row. Two sums go on side by side.
template <class T>
void add_row(const Index* units, const T* values, Index count, const std::vector<Index>& place,
             const T* weights, Index width, T* y) {
  alignas(simd::kBytes) T piece[kTile<T>] = {};
  std::copy_n(y, width, piece);
  Register<T> sum[kRegisters], even[kRegisters] = {}, odd[kRegisters] = {};
  std::memcpy(sum, piece, sizeof piece);
  const auto add = [&](Index k, Register<T>* part) {
    const Register<T>* const row = gathered(weights, place, units[k]);
    for (Index j = 0; j < kRegisters; ++j) part[j] += values[k] * row[j];
  };
  for (Index k = 0; k < count; k += 2 * kSummed) {
    const Index end = std::min(count, k + 2 * kSummed), last = end - (end - k) % 2;
    for (Index m = k; m < last; m += 2) {
      add(m, even);
      add(m + 1, odd);
    }
    if (last < end) add(last, even);
    add_to<T>(even, odd);
    add_to<T>(sum, even);
  }
  std::memcpy(piece, sum, sizeof piece);
  std::copy_n(piece, width, y);
}

// The values along one ray: scale × y + (constant + scale × slope), from what its entries add to the latter two as it
// goes on. The sums are small beside y, and stay apart from it.
template <class T, class Body>
void follow_ray(const SparseRays<T>& s, Index ray, const std::vector<Index>& place,
                const T* weights, const T* y, Index width, const std::vector<double>& scales,
                const Body& body) {
  alignas(simd::kBytes) T piece[kTile<T>] = {};
  std::copy_n(y, width, piece);
  Register<T> start[kRegisters];
  std::memcpy(start, piece, sizeof piece);
  Register<T> constant[kRegisters] = {}, slope[kRegisters] = {};
  Register<T> more[kRegisters] = {}, steeper[kRegisters] = {};
  const Index first = s.starts[at(ray)], end = s.starts[at(ray + 1)];
  Index k = first;
  for (std::size_t i = 0; i < scales.size(); ++i) {
    for (; k < end && s.from[at(k)] < scales[i]; ++k) {
      if ((k - first) % kSummed == 0) {
        add_to<T>(constant, more);
        add_to<T>(slope, steeper);
      }
      const Register<T>* const row = gathered(weights, place, s.units[at(k)]);
      for (Index j = 0; j < kRegisters; ++j) {
        more[j] += s.values[at(k)] * row[j];
        steeper[j] += s.slopes[at(k)] * row[j];
      }
    }
    const T scale = static_cast<T>(scales[i]);
    Register<T> sum[kRegisters];
    for (Index j = 0; j < kRegisters; ++j)
      sum[j] = scale * start[j] + ((constant[j] + more[j]) + scale * (slope[j] + steeper[j]));
    std::memcpy(piece, sum, sizeof piece);
    body(static_cast<Index>(i), piece);
  }
}

// Fills M[used, units], with rows of kTile: what a unit adds to each of some outputs.
template <class T>
using Gather = std::function<void(const std::vector<Index>& used, Block units, T* out)>;

// Goes through the outputs in pieces of kTile: body(piece, place of every unit among the used ones, weights).
template <class T, class Body>
void for_each_tile(const std::vector<Index>& entries, Index summands, Index outputs,
                   const Gather<T>& gather, const Run& run, const Body& body) {
  const Used used(entries, summands);
  const auto count = static_cast<Index>(used.units.size());
  parallel_for(ceil_div(outputs, kTile<T>), run, [&](Index i) {
    const Block some(i, kTile<T>, outputs);
    const Buffer<T> weights(count * kTile<T>);
    if (count) gather(used.units, some, weights.get());
    body(some, used.place, weights.get());
  });
}

// y += S M.
template <class T>
void add_rows(const SparseRows<T>& s, Index summands, View<T> y, const Gather<T>& gather,
              const Run& run) {
  assert(s.rows() == y.rows);
  if (s.units.empty()) return;
  for_each_tile(s.units, summands, y.cols, gather, run,
                [&](Block some, const std::vector<Index>& place, const T* weights) {
                  for (Index r = 0; r < y.rows; ++r) {
                    const Index first = s.starts[at(r)], count = s.starts[at(r + 1)] - first;
                    if (count)
                      add_row(&s.units[at(first)], &s.values[at(first)], count, place, weights,
                              some.count, y.row(r) + some.first);
                  }
                });
}

// Calls f with the layer as the ExplicitLayer that it is, for arithmetic in T.
template <class T, class F>
void with_weights_for(const Layer& layer, const F& f) {
  with_weights(layer, [&](const auto& weights) {
    using W = std::decay_t<decltype(*weights.tile(Block(0, 0), Block(0, 0), nullptr).data)>;
    if constexpr (std::is_same_v<T, double> || std::is_same_v<W, float>)
      f(weights);
    else
      throw std::logic_error("float64 weights are evaluated in float64 only");
  });
}

template <class T>
Gather<T> columns_of(const Layer& layer) {
  return [&](const std::vector<Index>& used, Block outputs, T* out) {
    with_weights_for<T>(layer, [&](const auto& w) { gather_columns(w, used, outputs, out); });
  };
}

}  // namespace

template <class T>
Index SparseRays<T>::entries(Index ray, double scale) const {
  const auto first = from.begin() + starts[at(ray)], last = from.begin() + starts[at(ray + 1)];
  return std::lower_bound(first, last, scale) - first;
}

template <class T>
void add_sparse(const Layer& layer, const SparseRows<T>& s, View<T> y, const Run& run) {
  assert(y.cols == layer.fan_out());
  add_rows(s, layer.fan_in(), y, columns_of<T>(layer), run);
}

template <class T>
void add_sparse_transposed(const Layer& layer, const SparseRows<T>& s, View<T> y, Units columns,
                           const Run& run) {
  assert(y.cols == columns.size(layer.fan_in()));
  const Gather<T> gather = [&](const std::vector<Index>& used, Block units, T* out) {
    with_weights_for<T>(layer, [&](const auto& w) { gather_rows(w, used, columns, units, out); });
  };
  add_rows(s, layer.fan_out(), y, gather, run);
}

template <class T>
void multiply_rays(const Layer& layer, const SparseRays<T>& s, View<const T> y,
                   const std::vector<double>& scales, const Take<T>& take, const Run& run) {
  assert(s.rays() == y.rows && y.cols == layer.fan_out());
  for_each_tile(s.units, layer.fan_in(), y.cols, columns_of<T>(layer), run,
                [&](Block some, const std::vector<Index>& place, const T* weights) {
                  for (Index r = 0; r < y.rows; ++r)
                    follow_ray(s, r, place, weights, y.row(r) + some.first, some.count, scales,
                               [&](Index i, const T* piece) { take(i, r, some, piece); });
                });
}

#define RANDRELU_SPARSE(T)                                                                \
  template struct SparseRays<T>;                                                          \
  template void add_sparse(const Layer&, const SparseRows<T>&, View<T>, const Run&);      \
  template void add_sparse_transposed(const Layer&, const SparseRows<T>&, View<T>, Units, \
                                      const Run&);                                        \
  template void multiply_rays(const Layer&, const SparseRays<T>&, View<const T>,          \
                              const std::vector<double>&, const Take<T>&, const Run&);
RANDRELU_SPARSE(float)
RANDRELU_SPARSE(double)

}  // namespace randrelu
