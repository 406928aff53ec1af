// What a layer can do. Networks are written once against these two operations, in float32 and in
// float64, whatever holds the weights. A layer is linear, and networks may share one that asking does not change.
#pragma once

#include <memory>

#include "base/threads.hpp"

namespace randrelu {

// Up to this many points a product with weights that exist is bound by reading them, and packing them for
// the matrix kernel would double that.
constexpr Index kFewPoints = 4;

// How much a deferred layer had revealed at some time: its questions from either side.
struct Mark {
  Index forward = 0, backward = 0;
};

// W[outputs, inputs]; by default all of the weights.
struct Part {
  Units outputs, inputs;

  bool whole() const { return outputs.all() && inputs.all(); }
};

class Layer {
 public:
  virtual ~Layer() = default;

  // Whether asking changes the layer, see deferred.hpp.
  virtual bool deferred() const { return false; }
  virtual Mark mark() const { return {}; }
  virtual void forget_since(Mark) const {}

  virtual Index fan_in() const = 0;
  virtual Index fan_out() const = 0;
  virtual std::size_t nbytes() const = 0;

  // Y = X W'ᵀ: every row of X (N, |inputs|) through a part W' of the weights, into Y (N, |outputs|).
  virtual void apply(View<const float> x, View<float> y, const Run& run, Part part = {}) const = 0;
  virtual void apply(View<const double> x, View<double> y, const Run& run,
                     Part part = {}) const = 0;

  // G = V W': every row of V (N, |outputs|) back through a part W' of the weights, into
  // G (N, |inputs|). Rows of the weights whose coefficient is 0 may be left out: a masked unit costs
  // nothing.
  virtual void apply_transpose(View<const float> v, View<float> g, const Run& run,
                               Part part = {}) const = 0;
  virtual void apply_transpose(View<const double> v, View<double> g, const Run& run,
                               Part part = {}) const = 0;
};

// From the input to the output.
using Layers = std::vector<std::shared_ptr<const Layer>>;

// What a layer is asked in the scope of one of these is forgotten at its end, if `forget` says so.
class Forgetting {
 public:
  Forgetting(const Layer& layer, bool forget)
      : layer_(forget ? &layer : nullptr), mark_(layer.mark()) {}
  Forgetting(const Forgetting&) = delete;
  Forgetting(Forgetting&& other) noexcept : layer_(other.layer_), mark_(other.mark_) {
    other.layer_ = nullptr;
  }
  ~Forgetting() {
    if (layer_) layer_->forget_since(mark_);
  }

 private:
  const Layer* layer_;
  Mark mark_;
};

}  // namespace randrelu
