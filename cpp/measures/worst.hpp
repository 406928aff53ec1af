// The search for a point of a ball at which many units of a layer flip.
#pragma once

#include "measures/base_point.hpp"

namespace randrelu {

struct Ascended {
  std::vector<double> preactivations;  // of the layer, at the centre
  std::vector<double> point;           // of the ball, the best that was passed
};

// Moves a point of the sphere around x (1, d) towards the boundaries that are nearest, by gradient steps on a
// smoothed count of flips, whose width shrinks. Hidden layers count from 0.
Ascended ascend(const Network& net, View<const double> x, double radius, std::size_t layer,
                Index steps, const Run& run);

}  // namespace randrelu
