#include "random/gaussian.hpp"

#include <cstring>

#include "base/simd.hpp"

namespace randrelu {
namespace {

using namespace simd;

constexpr std::uint32_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
constexpr std::uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
constexpr int kRounds = 10;

constexpr int kCounters = 16;               // counters in a group of 64 normals
constexpr int kBatch = 4 * kLanes * kWays;  // normals made at once: one to four groups

std::uint32_t high(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }
std::uint32_t low(std::uint64_t x) { return static_cast<std::uint32_t>(x); }

// What the counters (c, `counter_high`, layer, purpose) of a stream have in common, for all c: the
// round keys, and the words of the first rounds that do not depend on c yet. In every lane.
struct Common {
  Common(const Stream& stream, std::uint32_t counter_high_) : counter_high(counter_high_) {
    std::uint32_t k0[kRounds], k1[kRounds];
    for (std::uint32_t round = 0; round < kRounds; ++round) {
      k0[round] = low(stream.seed) + round * kWeyl0;
      k1[round] = high(stream.seed) + round * kWeyl1;
      first_key[round] = UintRegister{} + k0[round];
      second_key[round] = UintRegister{} + k1[round];
    }
    const std::uint64_t from_layer = std::uint64_t{stream.layer} * kMultiplier1;
    const std::uint64_t from_high =
        std::uint64_t{high(from_layer) ^ counter_high ^ k0[0]} * kMultiplier0;
    to_word_2[0] = in_every_lane(static_cast<std::uint32_t>(stream.purpose) ^ k1[0]);
    to_word_0 = in_every_lane(low(from_layer) ^ k0[1]);
    to_word_2[1] = in_every_lane(high(from_high) ^ k1[1]);
    to_word_2[2] = in_every_lane(low(from_high) ^ k1[2]);
  }
  static WideRegister in_every_lane(std::uint32_t x) { return WideRegister{} + x; }

  std::uint32_t counter_high;
  UintRegister first_key[kRounds], second_key[kRounds];
  WideRegister to_word_0, to_word_2[3];
};

// The words of counters that matter in the last round, and the products of that round. A word sits in
// the low half of a 64-bit lane, so that products have room; the high halves fill with whatever the
// rounds leave there.
struct Scrambled {
  Wide word1, word3, p0, p1;
};

// Nine rounds and a half of the counters with low halves c.
RANDRELU_INLINE inline Scrambled scramble(const Wide& c, const Common& common) {
  Wide p0 = multiply_low_halves(c, kMultiplier0);
  Wide word2 = (p0 >> 32) ^ common.to_word_2[0];
  Wide p1 = multiply_low_halves(word2, kMultiplier1);
  Wide word0 = (p1 >> 32) ^ common.to_word_0;
  Wide word1 = p1;
  word2 = p0 ^ common.to_word_2[1];

  p0 = multiply_low_halves(word0, kMultiplier0);
  p1 = multiply_low_halves(word2, kMultiplier1);
  word0 = (p1 >> 32) ^ word1 ^ (WideRegister)common.first_key[2];
  word2 = (p0 >> 32) ^ common.to_word_2[2];
  word1 = p1;
  Wide word3 = p0;

#pragma GCC unroll 10
  for (int round = 3; round < kRounds - 1; ++round) {
    p0 = multiply_low_halves(word0, kMultiplier0);
    p1 = multiply_low_halves(word2, kMultiplier1);
    word0 = (p1 >> 32) ^ word1 ^ (WideRegister)common.first_key[round];
    word2 = (p0 >> 32) ^ word3 ^ (WideRegister)common.second_key[round];
    word1 = p1;
    word3 = p0;
  }
  return {word1, word3, multiply_low_halves(word0, kMultiplier0),
          multiply_low_halves(word2, kMultiplier1)};
}

// √(−2 ln u) for u = (⌊word/4⌋ + ½)/2³⁰, so 0 < u < 1 and the radius reaches 6.55. Both u and u − 1
// are odd integers over 2³¹, each rounded once.
RANDRELU_INLINE inline Float radius(const Uint& word) {
  const Uint half = word >> 1;
  const Float scaled_u = to_float(half | 1u);
  const Float u_minus_1 = to_float(half | 0x80000001u) * 0x1p-31f;

  // u = 2ᵉ (1 + f) with 1 + f in [¾, 1½).
  constexpr std::uint32_t kThreeQuarters = 0x3f400000, kScaledOne = (127u + 31u) << 23;
  const Uint shifted = as_uint(scaled_u) + (0x3f800000u - kThreeQuarters - kScaledOne);
  const Uint exponent = signed_shift_right(shifted, 23);
  const Float e = to_float(exponent);
  const Float mantissa = as_float((shifted & 0x007fffffu) + kThreeQuarters);
  const Float f = choose(exponent, ~0u, u_minus_1, mantissa - 1.0f);

  // −2 ln(1 + f) = f² P(f) − 2f: minimax P, relative error of the whole below 5e-9.
  Float p = 0x1.71e354p-4f * f - 0x1.acf4bap-3f;
  p = p * f + 0x1.0d98f2p-2f;
  p = p * f - 0x1.28807ap-2f;
  p = p * f + 0x1.54ed96p-2f;
  p = p * f - 0x1.99699ep-2f;
  p = p * f + 0x1.00004ap-1f;
  p = p * f - 0x1.5555a4p-1f;
  p = p * f + 1.0f;
  constexpr float kLn4High = 0x1.63p+0f, kLn4Low = -0x1.bd0106p-12f;  // e × high is exact
  Float minus_2_log_u = (f * f) * p - e * kLn4Low;
  minus_2_log_u = minus_2_log_u - (f + f);
  minus_2_log_u = minus_2_log_u - e * kLn4High;
  return square_root(minus_2_log_u);
}

struct Direction {
  Float cosine, sine;
};

// A direction within an eighth of a turn of the first axis, from the low 23 bits of the word, then
// mirrored by its highest bit and swapped to the second axis by the next: uniform among 2²⁴.
RANDRELU_INLINE inline Direction direction(const Uint& word) {
  // x is an odd multiple of 2⁻²² in (−1, 1), by way of a float in (2, 4).
  const Float x = as_float((word & 0x007fffffu) | 0x40000001u) - 3.0f;
  const Float z = x * x;
  // sin(πx/4) and cos(πx/4), minimax in z, relative errors below 4e-9; π/4 in two parts.
  const Float s =
      x * 0x1.921fb6p-1f +
      x * (-0x1.a32bd2p-26f + z * (-0x1.4abbbap-4f + z * (0x1.465eeap-9f - z * 0x1.2da156p-15f)));
  const Float c = 1.0f + z * (-0x1.3bd3ccp-2f +
                              z * (0x1.03c1b0p-6f + z * (-0x1.55b2b6p-12f + z * 0x1.d4f7eep-19f)));
  const Float mirrored = as_float(as_uint(c) ^ (word & 0x80000000u));
  constexpr std::uint32_t kSwap = 0x40000000;
  return {choose(word, kSwap, mirrored, s), choose(word, kSwap, s, mirrored)};
}

// The kBatch normals of the counters from c on, times scale.
RANDRELU_INLINE inline void fill_batch(const Common& common, float scale, std::uint32_t c,
                                       float* out) {
  WideRegister steps{};
  for (int j = 0; j < kLanes / 2; ++j) steps[j] = static_cast<std::uint64_t>(2 * j);
  const Wide first = each_way([&](int k) RANDRELU_INLINE -> WideRegister {
    return steps + std::uint64_t{c + static_cast<std::uint32_t>(k * kLanes)};
  });
  const Scrambled even = scramble(first, common);
  const Scrambled odd = scramble(first + std::uint64_t{1}, common);

  const Uint words[4] = {
      interleave_high_halves(even.p1, odd.p1) ^ interleave_low_halves(even.word1, odd.word1) ^
          common.first_key[kRounds - 1],
      interleave_low_halves(even.p1, odd.p1),
      interleave_high_halves(even.p0, odd.p0) ^ interleave_low_halves(even.word3, odd.word3) ^
          common.second_key[kRounds - 1],
      interleave_low_halves(even.p0, odd.p0)};
#pragma GCC unroll 2
  for (int half = 0; half < 2; ++half) {
    // Box–Muller: two independent normals from two words.
    const Float r = radius(words[2 * half]);
    const Direction unit = direction(words[2 * half + 1]);
    const Float a = r * unit.cosine * scale, b = r * unit.sine * scale;
#pragma GCC unroll 4
    for (int k = 0; k < kWays; ++k) {
      const int counter = k * kLanes, place = counter % kCounters;
      float* pair = out + (counter - place) * 4 + 2 * half * kCounters + place;
      std::memcpy(pair, &a.way[k], kBytes);
      std::memcpy(pair + kCounters, &b.way[k], kBytes);
    }
  }
}

}  // namespace

Words4 philox4x32(Words4 counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < kRounds; ++round) {
    const std::uint64_t p0 = std::uint64_t{counter[0]} * kMultiplier0;
    const std::uint64_t p1 = std::uint64_t{counter[2]} * kMultiplier1;
    counter = {high(p1) ^ counter[1] ^ key[0], low(p1), high(p0) ^ counter[3] ^ key[1], low(p0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

Words4 Stream::words(std::uint64_t b) const {
  return philox4x32({low(b), high(b), layer, static_cast<std::uint32_t>(purpose)},
                    {low(seed), high(seed)});
}

void normals(const Stream& stream, float scale, std::uint64_t first, Index count, float* out) {
  Common common(stream, high(first / 4));
  while (count > 0) {
    const std::uint64_t counter = first / kBatch * (kBatch / 4);
    if (high(counter) != common.counter_high) common = Common(stream, high(counter));
    const auto skipped = static_cast<Index>(first % kBatch);
    const Index taken = std::min<Index>(kBatch - skipped, count);
    if (taken == kBatch) {
      fill_batch(common, scale, low(counter), out);
    } else {
      float whole[kBatch];
      fill_batch(common, scale, low(counter), whole);
      std::copy_n(whole + skipped, taken, out);
    }
    first += static_cast<std::uint64_t>(taken);
    count -= taken;
    out += taken;
  }
}

void normals_in_parallel(const Stream& stream, float scale, Index count, float* out,
                         const Run& run) {
  constexpr Index kBlock = Index{1} << 16;  // a multiple of every batch
  parallel_for(ceil_div(count, kBlock), run, [&](Index i) {
    const Block part(i, kBlock, count);
    normals(stream, scale, static_cast<std::uint64_t>(part.first), part.count, out + part.first);
  });
}

}  // namespace randrelu
