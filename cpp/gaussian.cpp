#include "gaussian.hpp"

#include <cmath>
#include <cstring>

namespace randrelu {
namespace {

constexpr std::uint32_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
constexpr std::uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;

// Sixteen counters go through every step together, in loops that compilers turn into vectors.
constexpr int kLanes = 16;
constexpr int kGroup = 4 * kLanes;  // normals per group of counters
using UintLanes = std::uint32_t[kLanes];
using FloatLanes = float[kLanes];

void philox_rounds(UintLanes& c0, UintLanes& c1, UintLanes& c2, UintLanes& c3, std::uint64_t seed) {
  std::uint32_t key0 = static_cast<std::uint32_t>(seed);
  std::uint32_t key1 = static_cast<std::uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    for (int j = 0; j < kLanes; ++j) {
      const std::uint64_t p0 = std::uint64_t{kMultiplier0} * c0[j];
      const std::uint64_t p1 = std::uint64_t{kMultiplier1} * c2[j];
      c0[j] = static_cast<std::uint32_t>(p1 >> 32) ^ c1[j] ^ key0;
      c2[j] = static_cast<std::uint32_t>(p0 >> 32) ^ c3[j] ^ key1;
      c1[j] = static_cast<std::uint32_t>(p1);
      c3[j] = static_cast<std::uint32_t>(p0);
    }
    key0 += kWeyl0;
    key1 += kWeyl1;
  }
}

std::uint32_t bits_of(float x) {
  std::uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

float float_of(std::uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

// √(−2 ln u) for u = (⌊word/4⌋ + ½)/2³⁰, so 0 < u < 1 and the radius reaches 6.55. Both u and 1 − u
// are odd integers over 2³¹, each rounded once.
inline float radius(std::uint32_t word) {
  const float u = static_cast<float>(static_cast<std::int32_t>(word >> 1 | 1u)) * 0x1p-31f;
  const float one_minus_u = static_cast<float>(static_cast<std::int32_t>(~word >> 1 | 1u)) * 0x1p-31f;

  // u = 2ᵉ (1 + f) with 1 + f in [√½, √2).
  constexpr std::uint32_t kSqrtHalf = 0x3f3504f3, kOne = 0x3f800000;
  const std::uint32_t shifted = bits_of(u) + (kOne - kSqrtHalf);
  const auto exponent = static_cast<std::int32_t>(shifted >> 23) - 127;
  const float mantissa = float_of((shifted & 0x007fffff) + kSqrtHalf);
  const float e = static_cast<float>(exponent);
  const float f = exponent == 0 ? -one_minus_u : mantissa - 1.0f;

  // ln(1 + f) = f − f²/2 + f³ Q(f): minimax Q, relative error of the whole below 7e-9.
  float q = -0x1.38b580p-4f;
  q = q * f + 0x1.055b6ap-3f;
  q = q * f - 0x1.0d8542p-3f;
  q = q * f + 0x1.22da1cp-3f;
  q = q * f - 0x1.547244p-3f;
  q = q * f + 0x1.99a008p-3f;
  q = q * f - 0x1.000226p-2f;
  q = q * f + 0x1.555554p-2f;
  const float square = f * f;
  constexpr float kLn2High = 0x1.63p-1f, kLn2Low = -0x1.bd0106p-13f;  // e × high is exact
  float log_u = (square * f) * q + e * kLn2Low;
  log_u = log_u - 0.5f * square;
  log_u = log_u + f;
  log_u = log_u + e * kLn2High;
  return std::sqrt(-2.0f * log_u);
}

struct Direction {
  float cosine, sine;
};

// The direction of angle 2π (word + ½)/2³², by the nearest quarter turn and a remainder of at most
// half a quarter.
inline Direction direction(std::uint32_t word) {
  const std::uint32_t quarter = (word + 0x20000000u) >> 30;
  const std::uint32_t remainder = word - (quarter << 30);
  const float x = static_cast<float>(static_cast<std::int32_t>(2 * remainder + 1)) * 0x1p-31f;
  const float z = x * x;
  // sin(πx/2) and cos(πx/2) on [−½, ½], minimax in z, relative errors below 1.1e-8; π/2 in two parts.
  const float s = x * 0x1.921fb6p+0f + x * (-0x1.777a5cp-25f +
                      z * (-0x1.4abbbep-1f + z * (0x1.466004p-4f - z * 0x1.2dc84cp-8f)));
  const float c = 1.0f + z * (-0x1.3bd3ccp+0f + z * (0x1.03c1dep-2f +
                      z * (-0x1.55c5e0p-6f + z * 0x1.d9d57ep-11f)));
  const std::uint32_t odd = 0u - (quarter & 1u);
  const std::uint32_t cosine = (bits_of(c) & ~odd) | (bits_of(s) & odd);
  const std::uint32_t sine = (bits_of(s) & ~odd) | (bits_of(c) & odd);
  return {float_of(cosine ^ (((quarter + 1) & 2u) << 30)), float_of(sine ^ ((quarter & 2u) << 30))};
}

// Box–Muller: two independent normals from two words.
void box_muller(const UintLanes& radius_words, const UintLanes& angle_words, float* first,
                float* second) {
  FloatLanes r;
  for (int j = 0; j < kLanes; ++j) r[j] = radius(radius_words[j]);
  for (int j = 0; j < kLanes; ++j) {
    const Direction unit = direction(angle_words[j]);
    first[j] = r[j] * unit.cosine;
    second[j] = r[j] * unit.sine;
  }
}

// The 64 normals of group g.
void fill_group(const Stream& stream, std::uint64_t g, float* out) {
  UintLanes c0, c1, c2, c3;
  for (int j = 0; j < kLanes; ++j) {
    const std::uint64_t counter = g * kLanes + static_cast<std::uint64_t>(j);
    c0[j] = static_cast<std::uint32_t>(counter);
    c1[j] = static_cast<std::uint32_t>(counter >> 32);
    c2[j] = stream.layer;
    c3[j] = static_cast<std::uint32_t>(stream.purpose);
  }
  philox_rounds(c0, c1, c2, c3, stream.seed);
  box_muller(c0, c1, out, out + kLanes);
  box_muller(c2, c3, out + 2 * kLanes, out + 3 * kLanes);
}

}  // namespace

Words4 philox4x32(Words4 counter, std::array<std::uint32_t, 2> key) {
  UintLanes c0 = {counter[0]}, c1 = {counter[1]}, c2 = {counter[2]}, c3 = {counter[3]};
  philox_rounds(c0, c1, c2, c3, key[0] | std::uint64_t{key[1]} << 32);
  return {c0[0], c1[0], c2[0], c3[0]};
}

Words4 Stream::words(std::uint64_t b) const {
  return philox4x32({static_cast<std::uint32_t>(b), static_cast<std::uint32_t>(b >> 32), layer,
                     static_cast<std::uint32_t>(purpose)},
                    {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
}

void normals(const Stream& stream, std::uint64_t first, Index count, float* out) {
  float partial[kGroup];
  while (count > 0) {
    const std::uint64_t group = first / kGroup;
    const auto skipped = static_cast<Index>(first % kGroup);
    const Index taken = std::min<Index>(kGroup - skipped, count);
    if (taken == kGroup) {
      fill_group(stream, group, out);
    } else {
      fill_group(stream, group, partial);
      std::copy_n(partial + skipped, taken, out);
    }
    first += static_cast<std::uint64_t>(taken);
    count -= taken;
    out += taken;
  }
}

}  // namespace randrelu
