// The matrix kernels.
//
// A point's results are the same bits alone and in any batch: every entry of a product is summed in one
// order, whatever the shape and the kernel. Its terms are added one after the other (each rounded once,
// where the processor has such an instruction) in chains of at most kChain, from 0, and the chains are added
// to what was there, in turn. Chains are what a kernel for few points reads as it lies in memory: a product
// with wᵀ deals every kStretch terms to kChains chains like cards, so that vectors of a row of w are vectors
// of chains; a product with w takes kChain rows after the other. A product that is cut along its sums is
// therefore cut at multiples of kStretch.
#pragma once

#include "base/types.hpp"

namespace randrelu {

constexpr Index kChain = 64, kChains = 8, kStretch = kChains * kChain;

// A block of a row-major matrix somewhere in memory.
template <class T>
struct Tile {
  T* data;
  Index rows, cols, stride;

  T* row(Index i) const { return data + i * stride; }
};

template <class T>
Tile<T> tile(View<T> a, Block rows, Block cols) {
  return {a.data + rows.first * a.cols + cols.first, rows.count, cols.count, a.cols};
}

// y += x wᵀ, on the calling thread. Weights may have another type than the points.
template <class W, class T>
void add_product_transposed(Tile<const T> x, Tile<const W> w, Tile<T> y);

// y += x w, on the calling thread.
template <class W, class T>
void add_product(Tile<const T> x, Tile<const W> w, Tile<T> y);

// "major.minor.patch" of the Eigen that was compiled in.
const char* eigen_version();

}  // namespace randrelu
