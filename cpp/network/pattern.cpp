#include "network/pattern.hpp"

#include <cstring>

#include "random/gaussian.hpp"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "patterns are packed eight units at a time on little-endian machines only"
#endif

namespace randrelu {
namespace {

std::uint64_t load64(const Bits* p) {
  std::uint64_t word;
  std::memcpy(&word, p, sizeof word);
  return word;
}

// The lowest bits of eight bytes, gathered into one byte.
Bits gather_bits(const Bits* flags) {
  return static_cast<Bits>((load64(flags) * 0x0102040810204080u) >> 56);
}

std::int64_t popcount(std::uint64_t word) { return __builtin_popcountll(word); }

// Σ popcount of word(first byte) over eight bytes at a time, the last ones zero-padded.
template <class Word>
std::int64_t sum_popcounts(Index bytes, const Word& word) {
  std::int64_t total = 0;
  Index i = 0;
  for (; i + 8 <= bytes; i += 8) total += popcount(word(i, 8));
  if (i < bytes) total += popcount(word(i, bytes - i));
  return total;
}

std::uint64_t load_some(const Bits* p, Index count) {
  if (count == 8) return load64(p);
  std::uint64_t word = 0;
  std::memcpy(&word, p, static_cast<std::size_t>(count));
  return word;
}

}  // namespace

std::vector<Bits> tie_coins(std::uint64_t seed, std::uint32_t layer, Index units) {
  const Stream stream{seed, Purpose::coins, layer};
  std::vector<Bits> coins(static_cast<std::size_t>(pattern_bytes(units)));
  for (std::size_t first = 0; first < coins.size(); first += sizeof(Words4)) {
    const Words4 words = stream.words(first / sizeof(Words4));
    std::memcpy(&coins[first], words.data(), std::min(sizeof(Words4), coins.size() - first));
  }
  if (units % 8) coins.back() &= static_cast<Bits>((1u << (units % 8)) - 1);
  return coins;
}

template <class T>
void pack(const T* z, Index units, const Bits* coins, Bits* bits) {
  // Compare a run of units into bytes (a loop that compilers vectorise), then gather their bits.
  constexpr Index kRun = 256;
  Bits positive[kRun], zero[kRun];
  for (Index first = 0; first < units; first += kRun) {
    const Index count = std::min(kRun, units - first), bytes = pattern_bytes(count);
    std::memset(positive + 8 * (bytes - 1), 0, 8);
    std::memset(zero + 8 * (bytes - 1), 0, 8);
    Bits zeros = 0;
    for (Index j = 0; j < count; ++j) {
      positive[j] = z[first + j] > 0;
      zeros |= zero[j] = z[first + j] == 0;
    }
    Bits* out = bits + first / 8;
    for (Index byte = 0; byte < bytes; ++byte) out[byte] = gather_bits(positive + 8 * byte);
    if (!zeros) continue;
    for (Index byte = 0; byte < bytes; ++byte)
      out[byte] |= static_cast<Bits>(gather_bits(zero + 8 * byte) & coins[first / 8 + byte]);
  }
}

template <class T>
void keep_active(const Bits* bits, Index units, T* v) {
  const Index whole = units / 8;
  for (Index i = 0; i < whole; ++i) {
    const unsigned byte = bits[i];
    for (int k = 0; k < 8; ++k) v[8 * i + k] = byte & (1u << k) ? v[8 * i + k] : T{0};
  }
  for (Index j = 8 * whole; j < units; ++j) v[j] = bit(bits, j) ? v[j] : T{0};
}

std::int64_t count_active(const Bits* a, Index bytes) {
  return sum_popcounts(bytes, [a](Index i, Index n) { return load_some(a + i, n); });
}

std::int64_t count_flips(const Bits* a, const Bits* b, Index bytes) {
  return sum_popcounts(
      bytes, [a, b](Index i, Index n) { return load_some(a + i, n) ^ load_some(b + i, n); });
}

template void pack(const float*, Index, const Bits*, Bits*);
template void pack(const double*, Index, const Bits*, Bits*);
template void keep_active(const Bits*, Index, float*);
template void keep_active(const Bits*, Index, double*);

}  // namespace randrelu
