// The difference of two outputs of a layer, or one of them: a layer of one unit, whose weights are the other
// one's.
#pragma once

#include "layers/layer.hpp"

namespace randrelu {

class MarginLayer final : public Layer {
 public:
  // y_top − y_other, or y_top where `other` is negative.
  MarginLayer(std::shared_ptr<const Layer> layer, Index top, Index other);

  bool deferred() const override { return layer_->deferred(); }
  Mark mark() const override { return layer_->mark(); }
  void forget_since(Mark mark) const override { layer_->forget_since(mark); }

  Index fan_in() const override { return layer_->fan_in(); }
  Index fan_out() const override { return 1; }
  std::size_t nbytes() const override { return layer_->nbytes(); }

  // All outputs are asked for, so that each has the bits that it has in the layer that they belong to.
  void apply(View<const float> x, View<float> y, const Run& run, Part part) const override;
  void apply(View<const double> x, View<double> y, const Run& run, Part part) const override;
  void apply_transpose(View<const float> v, View<float> g, const Run& run,
                       Part part) const override;
  void apply_transpose(View<const double> v, View<double> g, const Run& run,
                       Part part) const override;

 private:
  template <class T>
  void difference(View<const T> x, View<T> y, const Run& run, Part part) const;
  template <class T>
  void back(View<const T> v, View<T> g, const Run& run, Part part) const;

  std::shared_ptr<const Layer> layer_;
  Index top_, other_;
  std::vector<Index> outputs_;  // ascending
};

// The layer itself, or the row of weights of a margin, in float64. It is not deferred.
std::shared_ptr<const Layer> with_own_weights(const std::shared_ptr<const Layer>& layer);

}  // namespace randrelu
