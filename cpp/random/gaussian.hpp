// Standard normals as a pure function of (seed, stream, index): Philox4x32-10 and Box–Muller.
//
// Only IEEE +, −, ×, ÷ and √ in float32 and integer arithmetic are used, so that the same triple
// gives the same bits on every machine, instruction set, thread and block.
#pragma once

#include <array>

#include "base/threads.hpp"

namespace randrelu {

using Words4 = std::array<std::uint32_t, 4>;

// Philox4x32 with 10 rounds (Salmon, Moraes, Dror and Shaw 2011).
Words4 philox4x32(Words4 counter, std::array<std::uint32_t, 2> key);

// What a stream is for; the low half of a stream number is the layer.
enum class Purpose : std::uint32_t {
  weights = 0,
  coins = 1,
  directions = 2,
  radii = 3,
  revealed = 4,
  biases = 5
};

struct Stream {
  std::uint64_t seed;
  Purpose purpose;
  std::uint32_t layer;

  // Block b of the stream: 128 random bits.
  Words4 words(std::uint64_t b) const;
};

// out[j] = scale × normal(stream, first + j) for 0 <= j < count.
//
// Index layout: 64 consecutive indices share 16 consecutive Philox counters; index 64 g + 16 k + j
// is the k-th of the four normals that counter 16 g + j yields. So each vector register of 16, 8 or
// 4 lanes holds neighbouring indices and nothing is transposed.
void normals(const Stream& stream, float scale, std::uint64_t first, Index count, float* out);

// The first `count` of them, on several threads.
void normals_in_parallel(const Stream& stream, float scale, Index count, float* out,
                         const Run& run);

}  // namespace randrelu
