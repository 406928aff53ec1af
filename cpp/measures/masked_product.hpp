// The masked weight products M_{i,j} = D_i W_i … D_{j+1} W_{j+1}, and their spectral norms (Lemma 2.6).
#pragma once

#include "network/network.hpp"

namespace randrelu {

// M_{i,j} v, or v M_{i,j} if `transposed`, for every row v of `rows`, into `out`. The mask holds the bits
// of every hidden layer for each row.
void masked_product(const Network& net, const Mask& mask, std::size_t j, std::size_t i,
                    View<const double> rows, View<double> out, bool transposed, const Run& run);

// ‖M_{i,j}‖ for each of `points` rows of bits, by Lanczos iterations for the squares, of all rows at once. They
// begin at `start`, of min(d_j, d_i) components, and see more and more of the norms, never too much.
std::vector<double> masked_product_norms(const Network& net, const Mask& mask, Index points,
                                         std::size_t j, std::size_t i,
                                         const std::vector<double>& start, const Run& run);

}  // namespace randrelu
