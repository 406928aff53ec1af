// Points around a base point: which units flip, and how much the gradient changes. In delta form: every
// point carries its difference from the base point, layer by layer, which loses no digits to cancellation
// where the two are close, and needs only the units that are active at either.
#pragma once

#include <functional>

#include "measures/base_point.hpp"

namespace randrelu {

// Fills the differences y − x of these points, (count, d).
using Differences = std::function<void(Block points, View<double> u)>;

// Where explore() writes, a row per point; what is null is not computed.
struct Deviations {
  double* angles = nullptr;       // (N,), between x and y
  std::int64_t* flips = nullptr;  // (N, L)
  double* image_angles =
      nullptr;  // (N, L − 1), between f_i(x) and f_i(y): π/2 where one is 0, 0 where both
  double* gradient = nullptr;       // (N,): ‖∇f(x) − ∇f(y)‖
  double* terms = nullptr;          // (N, L): ‖Δ_j‖ of (GD-DECOMP)
  double* decomposition = nullptr;  // (N, L, d): the Δ_j

  bool any_terms() const { return terms || decomposition; }
  bool any_gradient() const { return gradient || any_terms(); }
};

// Visits `points` points, with differences in T. The base point has all layers, and its gradient where `out`
// asks for one. A deferred network that does not `remember` knows no more than the base point afterwards.
template <class T>
void explore(const BasePoint& base, const Differences& differences, Index points,
             const Deviations& out, const Run& run, bool remember);

}  // namespace randrelu
