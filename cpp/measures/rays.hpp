// The first hidden layer on rays x + s u. There the preactivations are linear in s, so that every unit flips at one
// scale, if it does.
#pragma once

#include "layers/sparse.hpp"
#include "measures/layer_at_x.hpp"

namespace randrelu {

template <class T>
class Rays {
 public:
  explicit Rays(const LayerAtX<T>& layer) : layer_(layer) {}

  // Finds what flips up to a scale where the preactivations grow by `slopes` (rays, d_1), which are kept.
  void find(View<const T> slopes, double largest, const Run& run);

  // What the activations differ by for the units that flip: the sign of their bit at y times their preactivation
  // there.
  const SparseRays<T>& flips() const { return flips_; }
  T value(Index entry, double scale) const {
    return flips_.values[at(entry)] + static_cast<T>(scale) * flips_.slopes[at(entry)];
  }
  // Whether all that is active there is 0.
  bool silent(Index ray, double scale) const;
  // The angle between the images of x and of the point, neither of which is silent.
  double angle(Index ray, double scale) const;

 private:
  using Crossing = std::pair<double, Index>;  // the scale, and the unit
  void find_ray(const T* slopes, double largest, std::vector<Crossing>& room,
                SparseRays<T>& found) const;

  const LayerAtX<T>& layer_;
  View<const T> slopes_;
  SparseRays<T> flips_;
  std::vector<double> along_,
      across_;  // the parts of the slopes of active units, along their image and across
};

}  // namespace randrelu
