// A layer that holds its matrix, in the type that the weights came in.
#pragma once

#include "base/buffer.hpp"
#include "layers/explicit.hpp"
#include "random/gaussian.hpp"

namespace randrelu {

template <class W>
class StoredLayer final : public ExplicitLayer<W> {
 public:
  // A copy of the caller's weights (fan_out, fan_in).
  explicit StoredLayer(View<const W> weights);
  // weights[r, c] = scale × normal(stream, r × fan_in + c); only for W = float.
  StoredLayer(Index fan_out, Index fan_in, const Stream& stream, float scale, const Run& run);

  View<const W> weights() const { return {data_.get(), this->fan_out(), this->fan_in()}; }

  std::size_t nbytes() const override {
    return static_cast<std::size_t>(this->fan_out() * this->fan_in()) * sizeof(W);
  }
  bool in_memory() const override { return true; }
  Tile<const W> tile(Block rows, Block cols, W* buffer) const override;

 private:
  Buffer<W> data_;
};

}  // namespace randrelu
