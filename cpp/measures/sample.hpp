// Points of a ball, and their angles to its centre.
#pragma once

#include <cstdint>
#include <vector>

#include "base/threads.hpp"

namespace randrelu {

// Fills u (N, d) with points of the unit ball, uniform, from sample `first` on; of its surface if asked for.
// Sample k is a function of (seed, k).
void sample_ball(std::uint64_t seed, bool surface, Index first, View<double> u, const Run& run);

// A point x, to which angles are measured.
class Ray {
 public:
  Ray(const double* x, Index dim);

  double length() const { return length_; }
  // How long u is along x, which is not 0, and across it.
  template <class T>
  void split(const T* u, double* along, double* across) const;
  // Between x and x + s u + v, where x is not 0, and v of norm `beside` is orthogonal to x and u.
  template <class T>
  double angle(const T* u, double s, double beside) const;

 private:
  double length_;
  std::vector<double> direction_;
};

}  // namespace randrelu
