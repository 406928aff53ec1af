// Points of a ball, and their angles to its centre.
#pragma once

#include <cstdint>
#include <vector>

#include "base/threads.hpp"

namespace randrelu {

// Fills u (N, d) with points of the ball around 0, uniform, from sample `first` on; of its surface if asked
// for. Sample k is a function of (seed, k).
void sample_ball(std::uint64_t seed, double radius, bool surface, Index first, View<double> u,
                 const Run& run);

// A point x, to which angles are measured.
class Ray {
 public:
  Ray(const double* x, Index dim);

  double length() const { return length_; }
  template <class T>
  double angle(const T* u) const;  // between x and x + u, where x is not 0

 private:
  double length_;
  std::vector<double> direction_;
};

// The angle between x and x + u, for the rows of u; NaN where x is 0.
void angles(View<const double> x, View<const double> u, double* angle, const Run& run);

}  // namespace randrelu
