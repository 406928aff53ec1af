// The end of a value that left the range of its type.
#pragma once

#include <cstring>
#include <stdexcept>
#include <type_traits>

#include "base/types.hpp"

namespace randrelu {

// Throws std::overflow_error unless all values are finite. Weights and points are, so only an
// overflow can make one that is not.
template <class T>
void require_finite(const T* values, Index count) {
  // The exponent's bits are all set in infinities and NaN: a test of integers, which vectorises.
  using Word = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  constexpr Word kExponent = sizeof(T) == 4 ? Word(0x7f800000) : Word(0x7ff0000000000000);
  Word beyond = 0;
  for (Index i = 0; i < count; ++i) {
    Word word;
    std::memcpy(&word, values + i, sizeof word);
    beyond |= (word & kExponent) == kExponent ? Word{1} : Word{0};
  }
  if (beyond)
    throw std::overflow_error(
        sizeof(T) == 4 ? "the network's values leave the range of float32; use dtype='float64', or "
                         "weights or points of a smaller scale"
                       : "the network's values leave the range of float64; use weights or points "
                         "of a smaller scale");
}

}  // namespace randrelu
