// Vectors for the generator. A step of it takes a few cycles to finish but half a cycle to start, so
// the types here are bundles of kWays of the widest registers of the instruction set: every operation
// is done on all of them in turn, and the latency of one hides behind the others.
//
// Registers are GCC's and clang's vector types, on which operators work as on numbers; only what the
// language lacks is written out.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#define RANDRELU_INLINE __attribute__((always_inline))

namespace randrelu::simd {

#if defined(__AVX512F__)
constexpr int kBytes = 64;
#elif defined(__AVX2__)
constexpr int kBytes = 32;
#else
constexpr int kBytes = 16;
#endif
constexpr int kLanes = kBytes / 4;  // of 32 bits in a register
constexpr int kWays = 4;            // registers in a bundle

using FloatRegister = float __attribute__((vector_size(kBytes)));
using IntRegister = std::int32_t __attribute__((vector_size(kBytes)));
using UintRegister = std::uint32_t __attribute__((vector_size(kBytes)));
using WideRegister = std::uint64_t __attribute__((vector_size(kBytes)));  // half the lanes

template <class Register>
struct Bundle {
  Register way[kWays];
};
using Float = Bundle<FloatRegister>;
using Uint = Bundle<UintRegister>;
using Wide = Bundle<WideRegister>;

// The bundle of f(0), …, f(kWays − 1).
template <class F>
RANDRELU_INLINE inline auto each_way(const F& f) {
  Bundle<decltype(f(0))> result;
#pragma GCC unroll 4
  for (int k = 0; k < kWays; ++k) result.way[k] = f(k);
  return result;
}

// Operators between bundles, and between a bundle and a register or number that is the same for all.
#define RANDRELU_OPERATOR(op)                                                            \
  template <class V>                                                                     \
  RANDRELU_INLINE inline Bundle<V> operator op(const Bundle<V>& a, const Bundle<V>& b) { \
    return each_way([&](int k) RANDRELU_INLINE -> V { return a.way[k] op b.way[k]; });   \
  }                                                                                      \
  template <class V, class S>                                                            \
  RANDRELU_INLINE inline Bundle<V> operator op(const Bundle<V>& a, const S& b) {         \
    return each_way([&](int k) RANDRELU_INLINE -> V { return a.way[k] op b; });          \
  }                                                                                      \
  template <class V, class S>                                                            \
  RANDRELU_INLINE inline Bundle<V> operator op(const S& a, const Bundle<V>& b) {         \
    return each_way([&](int k) RANDRELU_INLINE -> V { return a op b.way[k]; });          \
  }
RANDRELU_OPERATOR(+)
RANDRELU_OPERATOR(-)
RANDRELU_OPERATOR(*)
RANDRELU_OPERATOR(&)
RANDRELU_OPERATOR(|)
RANDRELU_OPERATOR(^)
RANDRELU_OPERATOR(>>)
#undef RANDRELU_OPERATOR

// Numbers to the nearest float, as signed integers.
RANDRELU_INLINE inline Float to_float(const Uint& a) {
  return each_way([&](int k) RANDRELU_INLINE -> FloatRegister {
    return __builtin_convertvector((IntRegister)a.way[k], FloatRegister);
  });
}
// Numbers shifted as signed integers.
RANDRELU_INLINE inline Uint signed_shift_right(const Uint& a, int bits) {
  return each_way([&](int k) RANDRELU_INLINE -> UintRegister {
    return (UintRegister)((IntRegister)a.way[k] >> bits);
  });
}
// The same bits, read as another type.
RANDRELU_INLINE inline Float as_float(const Uint& a) {
  return each_way([&](int k) RANDRELU_INLINE -> FloatRegister { return (FloatRegister)a.way[k]; });
}
RANDRELU_INLINE inline Uint as_uint(const Float& a) {
  return each_way([&](int k) RANDRELU_INLINE -> UintRegister { return (UintRegister)a.way[k]; });
}

// a where the bits of `mask` in `bits` are 0, else b.
RANDRELU_INLINE inline Float choose(const Uint& bits, std::uint32_t mask, const Float& a,
                                    const Float& b) {
  return each_way([&](int k) RANDRELU_INLINE -> FloatRegister {
#if defined(__AVX512F__)
    const __m512i masks = _mm512_set1_epi32((int)mask);
    const __mmask16 chosen = _mm512_test_epi32_mask((__m512i)bits.way[k], masks);
    return (FloatRegister)_mm512_mask_blend_ps(chosen, (__m512)a.way[k], (__m512)b.way[k]);
#else
    return (bits.way[k] & mask) != 0 ? b.way[k] : a.way[k];
#endif
  });
}

RANDRELU_INLINE inline Float square_root(const Float& a) {
  return each_way([&](int k) RANDRELU_INLINE -> FloatRegister {
    FloatRegister x = a.way[k];
#if defined(__AVX512F__)
    return (FloatRegister)_mm512_sqrt_ps((__m512)x);
#elif defined(__AVX2__)
    return (FloatRegister)_mm256_sqrt_ps((__m256)x);
#elif defined(__SSE2__)
    return (FloatRegister)_mm_sqrt_ps((__m128)x);
#else
    for (int j = 0; j < kLanes; ++j) x[j] = std::sqrt(x[j]);
    return x;
#endif
  });
}

// The 64-bit products of the low halves of all lanes with m; the high halves are not looked at.
RANDRELU_INLINE inline Wide multiply_low_halves(const Wide& a, std::uint32_t m) {
  return each_way([&](int k) RANDRELU_INLINE -> WideRegister {
    const WideRegister x = a.way[k];
#if defined(__AVX512F__)
    return (WideRegister)_mm512_mul_epu32((__m512i)x, _mm512_set1_epi64(m));
#elif defined(__AVX2__)
    return (WideRegister)_mm256_mul_epu32((__m256i)x, _mm256_set1_epi64x(m));
#elif defined(__SSE2__)
    return (WideRegister)_mm_mul_epu32((__m128i)x, _mm_set1_epi64x(m));
#else
    return (x & 0xffffffffu) * std::uint64_t{m};
#endif
  });
}

// The low halves of `even` in the even lanes, those of `odd` in the odd ones.
RANDRELU_INLINE inline Uint interleave_low_halves(const Wide& even, const Wide& odd) {
  return each_way([&](int k) RANDRELU_INLINE -> UintRegister {
    const WideRegister a = even.way[k], b = odd.way[k];
#if defined(__AVX512F__)
    return (UintRegister)_mm512_mask_shuffle_epi32((__m512i)a, 0xAAAA, (__m512i)b, _MM_PERM_CCAA);
#elif defined(__AVX2__)
    return (UintRegister)_mm256_blend_epi32((__m256i)a, (__m256i)(b << 32), 0xAA);
#else
    return (UintRegister)((a & 0xffffffffu) | (b << 32));
#endif
  });
}

// The same with their high halves.
RANDRELU_INLINE inline Uint interleave_high_halves(const Wide& even, const Wide& odd) {
  return each_way([&](int k) RANDRELU_INLINE -> UintRegister {
    const WideRegister a = even.way[k], b = odd.way[k];
#if defined(__AVX512F__)
    return (UintRegister)_mm512_mask_shuffle_epi32((__m512i)b, 0x5555, (__m512i)a, _MM_PERM_DDBB);
#elif defined(__AVX2__)
    return (UintRegister)_mm256_blend_epi32((__m256i)(a >> 32), (__m256i)b, 0xAA);
#else
    return (UintRegister)((a >> 32) | (b & 0xffffffff00000000u));
#endif
  });
}

}  // namespace randrelu::simd
