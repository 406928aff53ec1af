// The matrix kernel. product.cpp is the only file that compiles Eigen, whose templates are expensive: it
// holds these two products and nothing else.
#pragma once

#include "base/types.hpp"

namespace randrelu {

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

// y += x w, on the calling thread.
template <class T>
void add_product(Tile<const T> x, Tile<const T> w, Tile<T> y);

// y += x wᵀ, on the calling thread.
template <class T>
void add_product_transposed(Tile<const T> x, Tile<const T> w, Tile<T> y);

// "major.minor.patch" of the Eigen that was compiled in.
const char* eigen_version();

}  // namespace randrelu
