// The matrix products of explicit layers: product.cpp implements explicit.hpp's operations, and is the
// only file that compiles Eigen, whose templates are expensive. Weights of type W are used in
// arithmetic of type T, converted tile by tile where the two differ. Every product is cut into tiles
// that depend on its shape alone.
#pragma once

namespace randrelu {

// "major.minor.patch" of the Eigen that was compiled in.
const char* eigen_version();

}  // namespace randrelu
