// Products with few points, which are bound by reading the weights: nothing is packed. They are summed in the
// order of product.hpp, and weights may have another type than the points.
#pragma once

#include "layers/layer.hpp"
#include "layers/product.hpp"

namespace randrelu {

// Results somewhere in memory, a step between those of two rows of weights and one between two points.
template <class T>
struct Results {
  T* data;
  Index row_step, point_step;

  T& operator()(Index row, Index point) const { return data[row * row_step + point * point_step]; }
};

// y(j, p) += w_j · x_p for all rows of w and at most kFewPoints points x.
template <class W, class T>
void add_dots(Tile<const W> w, Tile<const T> x, Results<T> y);

// sums += x w for at most kFewPoints points, one row of w after the other. Rows that every point multiplies by 0
// are not looked at.
template <class W, class T>
void add_rows(Tile<const W> w, Tile<const T> x, Tile<T> sums);

}  // namespace randrelu
