// Around a base point: which units flip at other points, and how much the gradient changes. In delta
// form: the base point is evaluated once, in float64, and every other point carries its difference
// from it, which loses no digits to cancellation where the points are close, and needs only the units
// that are active at either.
#pragma once

#include <functional>

#include "network/network.hpp"

namespace randrelu {

// What is known about the base point x, in float64. Hidden layers count from 0.
struct BasePoint {
  BasePoint(const Network& net, View<const double> x, bool with_gradient, const Run& run);

  std::vector<std::vector<double>> preactivations;  // f̃_i(x), (d_i,)
  std::vector<std::vector<Bits>> bits;
  // If asked for: the gradient of f with regard to f_i, before the mask of layer i, (d_i,).
  std::vector<std::vector<double>> backward;
  std::vector<double> gradient;  // (d,)
};

// Fills the differences y − x of these points, (count, d).
using Differences = std::function<void(Block points, View<double> u)>;

// Where explore() writes, a row per point; what is null is not computed.
struct Deviations {
  std::int64_t* flips = nullptr;    // (N, L)
  double* gradient = nullptr;       // (N,): ‖∇f(x) − ∇f(y)‖
  double* terms = nullptr;          // (N, L): ‖Δ_j‖ of (GD-DECOMP)
  double* decomposition = nullptr;  // (N, L, d): the Δ_j
};

// Visits `points` points, with differences in T. A deferred network that does not `remember` knows no
// more than the base point afterwards.
template <class T>
void explore(const Network& net, const BasePoint& base, const Differences& differences,
             Index points, const Deviations& out, const Run& run, bool remember);

// v W_i D_{i−1} W_{i−1} … D_1 W_1 with the patterns of the base point: the gradient (d,) at x of the
// preactivations of hidden layer i, weighted by v (d_i,).
std::vector<double> pull_back(const Network& net, const BasePoint& base, std::size_t i,
                              std::vector<double> v, const Run& run);

// The angle between x and x + u, for the rows of u.
void angles(View<const double> x, View<const double> u, double* angle, const Run& run);

// Points of the ball around 0 (N, d), uniform, from sample `first` on; of its surface if asked for.
void sample_ball(std::uint64_t seed, double radius, bool surface, Index first, View<double> u,
                 const Run& run);

}  // namespace randrelu
