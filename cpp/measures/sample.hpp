// Points of a ball, and their angles to its centre.
#pragma once

#include <cstdint>

#include "base/threads.hpp"

namespace randrelu {

// Fills u (N, d) with points of the ball around 0, uniform, from sample `first` on; of its surface if asked
// for. Sample k is a function of (seed, k).
void sample_ball(std::uint64_t seed, double radius, bool surface, Index first, View<double> u,
                 const Run& run);

// The angle between x and x + u, for the rows of u; NaN where x is 0.
void angles(View<const double> x, View<const double> u, double* angle, const Run& run);

}  // namespace randrelu
