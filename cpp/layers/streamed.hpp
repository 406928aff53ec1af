// A layer that holds its seed only: tiles of its matrix are generated when they are needed.
#pragma once

#include "layers/explicit.hpp"
#include "random/gaussian.hpp"

namespace randrelu {

class StreamedLayer final : public ExplicitLayer<float> {
 public:
  // The same matrix as StoredLayer's, bit for bit.
  StreamedLayer(Index fan_out, Index fan_in, const Stream& stream, float scale)
      : ExplicitLayer<float>(fan_out, fan_in), stream_(stream), scale_(scale) {}

  // The whole matrix, into `out` (fan_out, fan_in).
  void generate(float* out, const Run& run) const;

  std::size_t nbytes() const override { return 0; }
  bool in_memory() const override { return false; }
  Tile<const float> tile(Block rows, Block cols, float* buffer) const override;

 private:
  Stream stream_;
  float scale_;
};

}  // namespace randrelu
