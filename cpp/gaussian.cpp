#include "gaussian.hpp"

#include <cstring>

#include "simd.hpp"
#include "threads.hpp"

namespace randrelu {
namespace {

using namespace simd;

constexpr std::uint32_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
constexpr std::uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
constexpr int kRounds = 10;

constexpr int kCounters = 16;            // counters in a group
constexpr int kGroup = 4 * kCounters;    // normals in a group

// The round keys of a seed, in every lane.
struct Keys {
  explicit Keys(std::uint64_t seed) {
    auto k0 = static_cast<std::uint32_t>(seed), k1 = static_cast<std::uint32_t>(seed >> 32);
    for (int round = 0; round < kRounds; ++round, k0 += kWeyl0, k1 += kWeyl1) {
      first[round] = splat(k0);
      second[round] = splat(k1);
    }
  }
  Wide first[kRounds], second[kRounds];
};

// Counters whose words sit in the low halves of 64-bit lanes, so that products have room. The high
// halves fill with whatever the rounds leave there; nothing reads them.
struct Counters {
  Wide word[4];

  void scramble(const Keys& keys) {
#pragma GCC unroll 10
    for (int round = 0; round < kRounds; ++round) {
      const Wide p0 = multiply_low_halves(word[0], kMultiplier0);
      const Wide p1 = multiply_low_halves(word[2], kMultiplier1);
      word[0] = (p1 >> 32) ^ word[1] ^ keys.first[round];
      word[2] = (p0 >> 32) ^ word[3] ^ keys.second[round];
      word[1] = p1;
      word[3] = p0;
    }
  }
};

// √(−2 ln u) for u = (⌊word/4⌋ + ½)/2³⁰, so 0 < u < 1 and the radius reaches 6.55. Both u and 1 − u
// are odd integers over 2³¹, each rounded once.
inline Float radius(Uint word) {
  const Uint numerator = word >> 1 | 1u;
  const Float scaled_u = to_float((Int)numerator);
  const Float minus_rest = to_float((Int)(0x80000000u - numerator)) * -0x1p-31f;  // u − 1

  // u = 2ᵉ (1 + f) with 1 + f in [√½, √2).
  constexpr std::uint32_t kSqrtHalf = 0x3f3504f3, kOne = 0x3f800000;
  const Uint shifted = (Uint)scaled_u + (kOne - kSqrtHalf);
  const Int exponent = (Int)(shifted >> 23) - (127 + 31);
  const Float mantissa = (Float)((shifted & 0x007fffffu) + kSqrtHalf);
  const Float e = to_float(exponent);
  const Float f = exponent == 0 ? minus_rest : mantissa - 1.0f;

  // −2 ln(1 + f) = f² − 2f + f³ Q(f): minimax Q, relative error of the whole below 7e-9.
  Float q = 0x1.38b580p-3f * f - 0x1.055b6ap-2f;
  q = q * f + 0x1.0d8542p-2f;
  q = q * f - 0x1.22da1cp-2f;
  q = q * f + 0x1.547244p-2f;
  q = q * f - 0x1.99a008p-2f;
  q = q * f + 0x1.000226p-1f;
  q = q * f - 0x1.555554p-1f;
  const Float square = f * f;
  constexpr float kLn4High = 0x1.63p+0f, kLn4Low = -0x1.bd0106p-12f;  // e × high is exact
  Float minus_2_log_u = (square * f) * q - e * kLn4Low;
  minus_2_log_u = minus_2_log_u + square;
  minus_2_log_u = minus_2_log_u - (f + f);
  minus_2_log_u = minus_2_log_u - e * kLn4High;
  return square_root(minus_2_log_u);
}

struct Direction {
  Float cosine, sine;
};

// The direction of angle 2π (⌊word/64⌋ + ½)/2²⁶, by the nearest quarter turn and a remainder of at
// most half a quarter, which float32 holds exactly.
inline Direction direction(Uint word) {
  const Uint turned = word + 0x20000000u;  // its top two bits number the nearest quarter
  const Float x = to_float((Int)((word << 2 & ~0xffu) | 0x80u)) * 0x1p-32f;
  const Float z = x * x;
  // sin(πx/2) and cos(πx/2) on [−½, ½], minimax in z, relative errors below 1.1e-8; π/2 in two parts.
  const Float s = x * 0x1.921fb6p+0f + x * (-0x1.777a5cp-25f +
                      z * (-0x1.4abbbep-1f + z * (0x1.466004p-4f - z * 0x1.2dc84cp-8f)));
  const Float c = 1.0f + z * (-0x1.3bd3ccp+0f + z * (0x1.03c1dep-2f +
                      z * (-0x1.55c5e0p-6f + z * 0x1.d9d57ep-11f)));
  const Int odd = (turned & 0x40000000u) != 0;
  constexpr std::uint32_t kSign = 0x80000000u;
  return {(Float)((Uint)(odd ? s : c) ^ ((turned + 0x40000000u) & kSign)),
          (Float)((Uint)(odd ? c : s) ^ (turned & kSign))};
}

// The 64 normals of group g, times scale.
inline void fill_group(const Stream& stream, const Keys& keys, float scale, std::uint64_t g,
                       float* out) {
  for (int lane = 0; lane < kCounters; lane += kLanes) {
    const std::uint64_t counter = g * kCounters + static_cast<std::uint64_t>(lane);
    Counters even, odd;
    for (int j = 0; j < kLanes / 2; ++j) even.word[0][j] = static_cast<std::uint64_t>(2 * j);
    even.word[0] += static_cast<std::uint32_t>(counter);
    even.word[1] = splat(counter >> 32);
    even.word[2] = splat(stream.layer);
    even.word[3] = splat(static_cast<std::uint32_t>(stream.purpose));
    odd = even;
    odd.word[0] += 1;
    even.scramble(keys);
    odd.scramble(keys);
    for (int half = 0; half < 2; ++half) {
      // Box–Muller: two independent normals from two words.
      const Float r = radius(interleave_low_halves(even.word[2 * half], odd.word[2 * half]));
      const Direction unit =
          direction(interleave_low_halves(even.word[2 * half + 1], odd.word[2 * half + 1]));
      float* pair = out + 2 * half * kCounters + lane;
      store(pair, r * unit.cosine * scale);
      store(pair + kCounters, r * unit.sine * scale);
    }
  }
}

}  // namespace

Words4 philox4x32(Words4 counter, std::array<std::uint32_t, 2> key) {
  const Keys keys(key[0] | std::uint64_t{key[1]} << 32);
  Counters counters;
  for (int w = 0; w < 4; ++w) counters.word[w] = splat(counter[w]);
  counters.scramble(keys);
  Words4 result;
  for (int w = 0; w < 4; ++w) result[w] = static_cast<std::uint32_t>(counters.word[w][0]);
  return result;
}

Words4 Stream::words(std::uint64_t b) const {
  return philox4x32({static_cast<std::uint32_t>(b), static_cast<std::uint32_t>(b >> 32), layer,
                     static_cast<std::uint32_t>(purpose)},
                    {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
}

void normals(const Stream& stream, float scale, std::uint64_t first, Index count, float* out) {
  const Keys keys(stream.seed);
  float partial[kGroup];
  while (count > 0) {
    const std::uint64_t group = first / kGroup;
    const auto skipped = static_cast<Index>(first % kGroup);
    const Index taken = std::min<Index>(kGroup - skipped, count);
    if (taken == kGroup) {
      fill_group(stream, keys, scale, group, out);
    } else {
      fill_group(stream, keys, scale, group, partial);
      std::copy_n(partial + skipped, taken, out);
    }
    first += static_cast<std::uint64_t>(taken);
    count -= taken;
    out += taken;
  }
}

void normals_in_parallel(const Stream& stream, float scale, Index count, float* out, int threads) {
  constexpr Index kBlock = Index{1} << 16;  // a multiple of the group
  parallel_for(ceil_div(count, kBlock), threads, [&](Index i) {
    const Block part(i, kBlock, count);
    normals(stream, scale, static_cast<std::uint64_t>(part.first), part.count, out + part.first);
  });
}

}  // namespace randrelu
