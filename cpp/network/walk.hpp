// Rows that walk through the layers of a network, masked by given bits on their way. In either direction
// that is the product with M_{i,j} = D_i W_i … D_{j+1} W_{j+1}, the Jacobian of layer i by layer j (Lemma
// 2.6); ∇f is M_{ℓ+1,0}. Layers count as in the paper: 0 is the input, ℓ + 1 the output, which is not
// masked.
#pragma once

#include <functional>
#include <vector>

#include "base/bits.hpp"
#include "base/buffer.hpp"
#include "layers/layer.hpp"

namespace randrelu {

// The bits of a hidden layer for every row of a block.
struct LayerBits {
  const Bits* data;
  Index stride;  // bytes from a row's bits to the next row's; 0 where all rows share theirs
};
using Mask = std::vector<LayerBits>;  // that of layer i is entry i − 1

// The weights of the layers j + 1 … i.
double count_weights(const Layers& layers, std::size_t j, std::size_t i);

// Cuts a run into the parts that layers take, each as long as it has weights.
class Stages {
 public:
  Stages(const Run& run, double weights) : run_(run), weights_(weights) {}
  Run next(const Layer& layer);
  Run silent() const { return run_.silent(); }

 private:
  Run run_;
  double weights_, done_ = 0;
};

// Two halves of a buffer, which the layers of a walk write to in turns.
template <class T>
class Scratch {
 public:
  // `size` is that of the largest (rows, units).
  explicit Scratch(Index size) : size_(size), buffer_(2 * size) {}
  View<T> layer(std::size_t i, Index rows, Index units) const {
    assert(rows * units <= size_);
    return {buffer_.get() + static_cast<Index>(i % 2) * size_, rows, units};
  }

 private:
  Index size_;
  Buffer<T> buffer_;
};

// Sets what is not active to 0. Throws std::overflow_error where a number is not finite.
template <class T>
void mask_rows(const LayerBits& bits, View<T> rows, const Run& run);

// M_{i,j} v for every row v of `rows` (N, d_j), into `out` (N, d_i).
template <class T>
void walk_forward(const Layers& layers, const Mask& mask, std::size_t j, std::size_t i,
                  View<const T> rows, View<T> out, Scratch<T>& scratch, Stages& stages);

// Is told what reaches layer i, from 1, on the way back, before it is masked.
template <class T>
using Visit = std::function<void(std::size_t layer, View<const T> rows)>;

// v W_i D_{i−1} W_{i−1} … D_{j+1} W_{j+1} for every row v of `rows` (N, d_i), into `out` (N, d_j): v M_{i,j}
// for rows that are masked by layer i already.
template <class T>
void walk_backward(const Layers& layers, const Mask& mask, std::size_t j, std::size_t i,
                   View<const T> rows, View<T> out, Scratch<T>& scratch, Stages& stages,
                   const Visit<T>& visit = {});

}  // namespace randrelu
