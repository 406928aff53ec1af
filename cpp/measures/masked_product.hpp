// A part of the network with the units of a pattern: the masked weight product
// M_{i,j} = D_i W_i … D_{j+1} W_{j+1} of layers j < i, where D_{ℓ+1} = 1 (Lemma 2.6). ∇f is M_{ℓ+1,0}.
#pragma once

#include "network/network.hpp"

namespace randrelu {

// The pattern of a point, (⌈d_i / 8⌉,) for every hidden layer.
using PointPattern = std::vector<std::vector<Bits>>;

// M_{i,j} v for every row of v (N, d_j): (N, d_i).
std::vector<double> apply_segment(const Network& net, const PointPattern& bits, std::size_t j,
                                  std::size_t i, View<const double> v, const Run& run);

// v M_{i,j} for every row of v (N, d_i): (N, d_j).
std::vector<double> apply_segment_transpose(const Network& net, const PointPattern& bits,
                                            std::size_t j, std::size_t i, View<const double> v,
                                            const Run& run);

}  // namespace randrelu
