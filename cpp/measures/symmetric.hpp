// A symmetric positive definite matrix and its Cholesky factor, A = L Lᵀ, in place. The kernel is the
// one of all products, so no other library's threads take part and no bit depends on how many do.
#pragma once

#include "base/buffer.hpp"
#include "base/threads.hpp"
#include "layers/product.hpp"

namespace randrelu {

// Only the lower triangle is read.
template <class T>
class Symmetric {
 public:
  // Zero.
  Symmetric(Index n, const Run& run);

  // A += P Pᵀ for P (n, any).
  void add_square(View<const T> p, const Run& run);

  // Replaces A by L. False when a pivot is not more than `tolerance` times its diagonal entry.
  bool factor(T tolerance, const Run& run);

  // v ← A⁻¹ v, once factored.
  void solve(double* v, const Run& run) const;

 private:
  // A += P Pᵀ for its last rows and columns, as many as P has rows.
  void add_square(Tile<const T> p, const Run& run);
  bool eliminate(Block columns, const T* least, const Run& run);
  Tile<T> block(Block rows, Block cols) const { return tile(all_, rows, cols); }

  Buffer<T> data_;
  View<T> all_;
};

}  // namespace randrelu
