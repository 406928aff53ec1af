// A hidden layer at the base point, in the arithmetic of the differences from it.
#pragma once

#include "base/finite.hpp"
#include "measures/base_point.hpp"
#include "measures/sample.hpp"

namespace randrelu {

template <class T>
struct LayerAtX {
  LayerAtX(const BasePoint& base, std::size_t i, bool with_gradient)
      : bits(base.bits[i].data()),
        preactivations(rounded(base.preactivations[i])),
        coins(base.net.coins(i), base.net.coins(i) + base.bits[i].size()),
        active(units_of(bits, units())),
        place(preactivations.size(), -1),
        image(activations()) {
    // Where a preactivation of x is 0 in T, or rounded to it, its bit is that of x, not another coin.
    for (Index j = 0; j < units(); ++j)
      if (preactivations[at(j)] == 0) set_bit(coins.data(), j, bit(bits, j));
    for (std::size_t k = 0; k < active.size(); ++k) place[at(active[k])] = static_cast<Index>(k);
    if (with_gradient) gradient = rounded(base.backward[i]);
  }

  Index units() const { return static_cast<Index>(preactivations.size()); }

  const Bits* bits;                         // of the base point
  std::vector<T> preactivations, gradient;  // the latter that of f by f_i, where it is wanted
  std::vector<Bits> coins;
  std::vector<Index> active;  // units
  std::vector<Index> place;   // of every unit among these, or −1
  Ray image;                  // f_i(x), of the active units

 private:
  static std::vector<T> rounded(const std::vector<double>& values) {
    std::vector<T> result(values.begin(), values.end());
    require_finite(result.data(), static_cast<Index>(result.size()));
    return result;
  }
  Ray activations() const {
    std::vector<double> values;
    for (const Index j : active) values.push_back(preactivations[at(j)]);
    return {values.data(), static_cast<Index>(values.size())};
  }
};

}  // namespace randrelu
