// The matrix products of explicit layers: product.cpp implements explicit.hpp's operations, and is the
// only file that compiles Eigen, whose templates are expensive. Weights of type W are used in
// arithmetic of type T, converted tile by tile where the two differ. Every product is cut into tiles
// that depend on its shape alone.
#pragma once

#include "layers/layer.hpp"

namespace randrelu {

// The Euclidean norm of every row of the weights, (fan_out,). The layer is not deferred.
void row_norms(const Layer& layer, double* norms, const Run& run);

// "major.minor.patch" of the Eigen that was compiled in.
const char* eigen_version();

}  // namespace randrelu
