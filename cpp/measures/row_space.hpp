// The row space of a matrix W (k, d): how much of a point lies in it.
//
// The projection δ of x on it is the shortest with W (x − δ) = 0. It is found with the smaller Gram matrix,
// W Wᵀ or WᵀW, factored in place; nothing else of that size is held, and W comes in panels. That matrix is
// in float where it may be, as the steps that use it correct each other in double.
#pragma once

#include <optional>

#include "layers/layer.hpp"

namespace randrelu {

// How far the length may be from its true value, in units of ‖x‖.
constexpr double kRowSpaceAccuracy = 2e-8;
// Summands that a Gram matrix takes in at once: so many of its rows are held beside it.
constexpr Index kGramSummands = 512;

// ‖δ‖ = ‖W⁺ W x‖ for x (1, d), in double, to kRowSpaceAccuracy at worst and to rounding for matrices that
// are far from singular. Nothing where rounding leaves open what the rank of W is. The layer is not
// deferred.
std::optional<double> row_space_norm(const Layer& layer, View<const double> x, const Run& run);

}  // namespace randrelu
