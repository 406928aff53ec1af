// A layer that holds its matrix, in the type that the weights came in.
#pragma once

#include "buffer.hpp"
#include "gaussian.hpp"
#include "layer.hpp"

namespace randrelu {

template <class W>
class StoredLayer final : public Layer {
 public:
  // A copy of the caller's weights (fan_out, fan_in).
  explicit StoredLayer(View<const W> weights);
  // weights[r, c] = scale × normal(stream, r × fan_in + c); only for W = float.
  StoredLayer(Index fan_out, Index fan_in, const Stream& stream, float scale, int threads);

  View<const W> weights() const { return {data_.get(), fan_out_, fan_in_}; }

  Index fan_in() const override { return fan_in_; }
  Index fan_out() const override { return fan_out_; }
  std::size_t nbytes() const override { return size() * sizeof(W); }

  void apply(View<const float> x, View<float> y, int threads) const override;
  void apply(View<const double> x, View<double> y, int threads) const override;
  void apply_transpose(View<const float> v, View<float> g, int threads) const override;
  void apply_transpose(View<const double> v, View<double> g, int threads) const override;

 private:
  // Allocates without touching the memory: the threads that fill it do.
  StoredLayer(Index fan_out, Index fan_in);
  std::size_t size() const { return static_cast<std::size_t>(fan_out_ * fan_in_); }

  Index fan_out_, fan_in_;
  Buffer<W> data_;
};

}  // namespace randrelu
