// Points around a base point: which units flip, and how much the gradient changes.
#pragma once

#include "measures/patterns_around.hpp"

namespace randrelu {

// Where explore() writes, a row per scale and point; what is null is not computed.
struct Deviations {
  double* angles = nullptr;       // (S, N), between x and y
  std::int64_t* flips = nullptr;  // (S, N, L)
  double* image_angles =
      nullptr;  // (S, N, L − 1), between f_i(x) and f_i(y): π/2 where one is 0, 0 where both
  double* gradient = nullptr;       // (S, N): ‖∇f(x) − ∇f(y)‖
  double* terms = nullptr;          // (S, N, L): ‖Δ_j‖ of (GD-DECOMP)
  double* decomposition = nullptr;  // (S, N, L, d): the Δ_j

  bool any_terms() const { return terms || decomposition; }
  bool any_gradient() const { return gradient || any_terms(); }
};

// Visits x + s u for every one of S ascending scales s ≥ 0, and differences u of N rays; every second ray is the one
// before, backwards, if they are `mirrored`, and has no difference of its own. On a ray the first layer changes in
// proportion to s, and so does the second but for the units that flip in the first: the products with their weights
// are taken once for all scales. What a point gives does not depend on the other scales. The base point has all
// layers, and its gradient where `out` asks for one. A deferred network that does not `remember` knows no more than
// the base point afterwards.
template <class T>
void explore(const BasePoint& base, const Differences& differences, Index rays,
             const std::vector<double>& scales, bool mirrored, const Deviations& out,
             const Run& run, bool remember);

}  // namespace randrelu
