// A layer whose matrix exists, weight by weight: in memory, or generated when it is asked for. Both
// products are written once, against tiles of it.
#pragma once

#include <stdexcept>

#include "layers/layer.hpp"
#include "layers/product.hpp"

namespace randrelu {

template <class W>
class ExplicitLayer : public Layer {
 public:
  ExplicitLayer(Index fan_out, Index fan_in) : fan_out_(fan_out), fan_in_(fan_in) {}

  Index fan_in() const final { return fan_in_; }
  Index fan_out() const final { return fan_out_; }

  // Whether tile() costs nothing.
  virtual bool in_memory() const = 0;
  // The weights of these rows and columns. `buffer` has room for them, and is used where they are
  // not in memory.
  virtual Tile<const W> tile(Block rows, Block cols, W* buffer) const = 0;

  void apply(View<const float> x, View<float> y, const Run& run, Part part) const final;
  void apply(View<const double> x, View<double> y, const Run& run, Part part) const final;
  void apply_transpose(View<const float> v, View<float> g, const Run& run, Part part) const final;
  void apply_transpose(View<const double> v, View<double> g, const Run& run, Part part) const final;

 private:
  Index fan_out_, fan_in_;
};

// Calls f with the layer as the ExplicitLayer that it is.
template <class F>
void with_weights(const Layer& layer, const F& f) {
  if (const auto* float32 = dynamic_cast<const ExplicitLayer<float>*>(&layer)) return f(*float32);
  if (const auto* float64 = dynamic_cast<const ExplicitLayer<double>*>(&layer)) return f(*float64);
  throw std::logic_error("a deferred layer has no weights");
}

}  // namespace randrelu
