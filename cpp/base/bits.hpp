// A bit for each unit of a layer, least significant bit first; the bits after the last unit are 0.
#pragma once

#include <cstdint>
#include <vector>

#include "base/types.hpp"

namespace randrelu {

using Bits = std::uint8_t;

inline Index pattern_bytes(Index units) { return ceil_div(units, 8); }

inline bool bit(const Bits* bits, Index j) { return bits[j / 8] >> (j % 8) & 1; }

inline void set_bit(Bits* bits, Index j, bool value) {
  const auto mask = static_cast<Bits>(1u << (j % 8));
  bits[j / 8] = static_cast<Bits>(value ? bits[j / 8] | mask : bits[j / 8] & ~mask);
}

// The units whose bit is set, ascending.
inline std::vector<Index> units_of(const Bits* bits, Index units) {
  std::vector<Index> list;
  list.reserve(static_cast<std::size_t>(units));
  for (Index j = 0; j < units; ++j)
    if (bit(bits, j)) list.push_back(j);
  return list;
}

}  // namespace randrelu
