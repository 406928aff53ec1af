// The network on a segment x + t u, t in [0, length], where it is piecewise linear: every unit that flips
// on the way, and the outputs. All in double.
//
// Layer by layer: between two flips of the earlier layers, the preactivations of a layer are linear in t.
// Where one passes 0 its unit flips, which cuts the pieces for the next layer. A flip changes the slopes of
// the next layer by a multiple of one column of its weights, and those of the layers after that by a row of
// one matrix product. With K_i flips in the first i layers, and a_i units of layer i active anywhere, layer
// i + 1 takes 2 K_{i−1} a_i d_{i+1} operations for the product, and K_i d_{i+1} to follow its units along the
// pieces: work grows with the flips, not with a grid.
#pragma once

#include <stdexcept>

#include "network/network.hpp"

namespace randrelu {

struct Flip {
  double t;
  Index layer, unit;  // hidden layers count from 0
  bool active;        // from here on
};

struct LinePieces {
  std::vector<std::vector<Bits>> bits;  // on the first piece, a vector per hidden layer
  std::vector<Flip> flips;              // ascending in t
  Index outputs = 0;                    // k
  std::vector<double> f0;               // f(x), (k,)
  std::vector<double> f;                // at the flips, (K, k)
  std::vector<double> slopes;           // df/dt on the pieces, (K + 1, k)
};

struct TooManyFlips : std::runtime_error {
  TooManyFlips() : std::runtime_error("more units flip on the line than there is room for") {}
};

// Throws TooManyFlips when there are more than `most_flips`.
LinePieces trace_line(const Network& net, View<const double> x, View<const double> u, double length,
                      Index most_flips, const Run& run);

}  // namespace randrelu
