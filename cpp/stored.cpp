#include "stored.hpp"

#include <stdexcept>
#include <type_traits>

#include "product.hpp"
#include "threads.hpp"

namespace randrelu {
namespace {

// A multiple of the generator's group, small enough for the second-level cache.
constexpr Index kFillBlock = Index{1} << 16;

[[noreturn]] void refuse_float32() {
  throw std::logic_error("float64 weights are evaluated in float64 only");
}

}  // namespace

template <class W>
StoredLayer<W>::StoredLayer(Index fan_out, Index fan_in)
    : fan_out_(fan_out), fan_in_(fan_in), data_(fan_out * fan_in) {}

template <class W>
StoredLayer<W>::StoredLayer(View<const W> weights) : StoredLayer(weights.rows, weights.cols) {
  std::copy_n(weights.data, size(), data_.get());
}

template <class W>
StoredLayer<W>::StoredLayer(Index fan_out, Index fan_in, const Stream& stream, float scale,
                            int threads)
    : StoredLayer(fan_out, fan_in) {
  if constexpr (std::is_same_v<W, float>) {
    const Index total = fan_out * fan_in;
    parallel_for(ceil_div(total, kFillBlock), threads, [&](Index i) {
      const Block part(i, kFillBlock, total);
      float* out = data_.get() + part.first;
      normals(stream, static_cast<std::uint64_t>(part.first), part.count, out);
      for (Index j = 0; j < part.count; ++j) out[j] *= scale;
    });
  } else {
    throw std::logic_error("random weights are float32 values");
  }
}

template <class W>
void StoredLayer<W>::apply(View<const float> x, View<float> y, int threads) const {
  if constexpr (std::is_same_v<W, float>) return multiply(x, weights(), y, threads);
  refuse_float32();
}

template <class W>
void StoredLayer<W>::apply(View<const double> x, View<double> y, int threads) const {
  multiply(x, weights(), y, threads);
}

template <class W>
void StoredLayer<W>::apply_transpose(View<const float> v, View<float> g, int threads) const {
  if constexpr (std::is_same_v<W, float>) return multiply_transpose(v, weights(), g, threads);
  refuse_float32();
}

template <class W>
void StoredLayer<W>::apply_transpose(View<const double> v, View<double> g, int threads) const {
  multiply_transpose(v, weights(), g, threads);
}

template class StoredLayer<float>;
template class StoredLayer<double>;

}  // namespace randrelu
