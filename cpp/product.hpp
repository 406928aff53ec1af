// The matrix products, and the only file that compiles Eigen: one translation unit owns its
// expensive templates. Weights of type W are used in arithmetic of type T, converted tile by tile
// where the two differ.
//
// Every product is cut into tiles that depend on its shape alone.
#pragma once

#include "types.hpp"

namespace randrelu {

// Y = X Wᵀ for X (N, k), W (m, k), Y (N, m).
template <class W, class T>
void multiply(View<const T> x, View<const W> weights, View<T> y, int threads);

// G = V W for V (N, m), W (m, k), G (N, k).
template <class W, class T>
void multiply_transpose(View<const T> v, View<const W> weights, View<T> g, int threads);

// "major.minor.patch" of the Eigen that was compiled in.
const char* eigen_version();

}  // namespace randrelu
