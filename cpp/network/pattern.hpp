// Which units are active: how their bits are made, used and counted.
#pragma once

#include "base/bits.hpp"

namespace randrelu {

// The fair coins that decide for units at exactly 0, a function of (seed, layer, unit).
std::vector<Bits> tie_coins(std::uint64_t seed, std::uint32_t layer, Index units);

// bits of the units with z > 0, or with z = 0 and their coin set.
template <class T>
void pack(const T* z, Index units, const Bits* coins, Bits* bits);

// Sets the entries of v whose unit is not active to 0.
template <class T>
void keep_active(const Bits* bits, Index units, T* v);

// The number of set bits of a, and of positions in which a and b differ.
std::int64_t count_active(const Bits* a, Index bytes);
std::int64_t count_flips(const Bits* a, const Bits* b, Index bytes);

}  // namespace randrelu
