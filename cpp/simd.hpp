// The widest vectors of the instruction set at hand, as GCC's and clang's vector types: arithmetic,
// comparison and choice work on them as on numbers. Only what the language lacks is written here.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace randrelu::simd {

#if defined(__AVX512F__)
constexpr int kBytes = 64;
#elif defined(__AVX2__)
constexpr int kBytes = 32;
#else
constexpr int kBytes = 16;
#endif
constexpr int kLanes = kBytes / 4;

using Float = float __attribute__((vector_size(kBytes)));
using Int = std::int32_t __attribute__((vector_size(kBytes)));
using Uint = std::uint32_t __attribute__((vector_size(kBytes)));
using Wide = std::uint64_t __attribute__((vector_size(kBytes)));  // half the lanes, twice the width

inline Wide splat(std::uint64_t x) { return Wide{} + x; }
inline Float to_float(Int x) { return __builtin_convertvector(x, Float); }
inline void store(float* p, Float x) { std::memcpy(p, &x, sizeof x); }

// The 64-bit product of the low half of every lane with m; the high halves are not looked at.
inline Wide multiply_low_halves(Wide a, std::uint32_t m) {
#if defined(__AVX512F__)
  return (Wide)_mm512_mul_epu32((__m512i)a, _mm512_set1_epi64(m));
#elif defined(__AVX2__)
  return (Wide)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi64x(m));
#elif defined(__SSE2__)
  return (Wide)_mm_mul_epu32((__m128i)a, _mm_set1_epi64x(m));
#else
  return (a & 0xffffffffu) * std::uint64_t{m};
#endif
}

// The low halves of `even` in the even lanes, those of `odd` in the odd ones.
inline Uint interleave_low_halves(Wide even, Wide odd) {
#if defined(__AVX512F__)
  return (Uint)_mm512_mask_shuffle_epi32((__m512i)even, 0xAAAA, (__m512i)odd, _MM_PERM_CCAA);
#else
  return (Uint)((even & 0xffffffffu) | (odd << 32));
#endif
}

inline Float square_root(Float x) {
#if defined(__AVX512F__)
  return (Float)_mm512_sqrt_ps((__m512)x);
#elif defined(__AVX2__)
  return (Float)_mm256_sqrt_ps((__m256)x);
#elif defined(__SSE2__)
  return (Float)_mm_sqrt_ps((__m128)x);
#else
  for (int j = 0; j < kLanes; ++j) x[j] = std::sqrt(x[j]);
  return x;
#endif
}

}  // namespace randrelu::simd
