// What rounding may have done to the preactivations at the vertices of a mesh, layer by layer.
#pragma once

#include "network/network.hpp"

namespace randrelu {

class Rounding {
 public:
  // Up to here a value of a unit counts as 0.
  const std::vector<double>& tolerances() const { return tolerances_; }
  // A bound on the norm of the next layer's input at all vertices.
  void set_size(double size) { size_ = size; }
  // Goes on to a layer that has answered some questions.
  void advance(const Network& net, Index layer, View<const double> questions,
               View<const double> answers, const Run& run);

 private:
  std::vector<double> tolerances_;
  double size_ = 0;
  double error_ = 0;  // a bound on the norm of what rounding has added to the next layer's input
};

// A run on one thread where starting others would take longer than so many multiplications.
inline Run unless_small(const Run& run, Index work) {
  Run result = run;
  if (work < Index{1} << 20) result.threads = 1;
  return result;
}

}  // namespace randrelu
