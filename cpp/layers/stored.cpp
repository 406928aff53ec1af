#include "layers/stored.hpp"

#include <stdexcept>
#include <type_traits>

namespace randrelu {

template <class W>
StoredLayer<W>::StoredLayer(View<const W> weights)
    : ExplicitLayer<W>(weights.rows, weights.cols), data_(weights.rows * weights.cols) {
  std::copy_n(weights.data, weights.rows * weights.cols, data_.get());
}

template <class W>
StoredLayer<W>::StoredLayer(Index fan_out, Index fan_in, const Stream& stream, float scale,
                            const Run& run)
    : ExplicitLayer<W>(fan_out, fan_in), data_(fan_out * fan_in) {
  if constexpr (std::is_same_v<W, float>)
    normals_in_parallel(stream, scale, fan_out * fan_in, data_.get(), run);
  else
    throw std::logic_error("random weights are float32 values");
}

template <class W>
Tile<const W> StoredLayer<W>::tile(Block rows, Block cols, W*) const {
  return randrelu::tile(weights(), rows, cols);
}

template class StoredLayer<float>;
template class StoredLayer<double>;

}  // namespace randrelu
