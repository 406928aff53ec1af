// Sums over long vectors, in a fixed order.
#pragma once

#include <cmath>

#include "base/types.hpp"

namespace randrelu {

// w · x in T. Written out because Eigen does not vectorise the conversion of every instruction set,
// with as many sums as a processor keeps in flight.
template <class T, class W, class X>
inline T dot(const W* w, const X* x, Index n) {
  constexpr Index kSums = 32;
  T sums[kSums] = {};
  const Index whole = n / kSums * kSums;
  for (Index i = 0; i < whole; i += kSums)
    for (Index j = 0; j < kSums; ++j)
      sums[j] += static_cast<T>(w[i + j]) * static_cast<T>(x[i + j]);
  for (Index i = whole; i < n; ++i) sums[i - whole] += static_cast<T>(w[i]) * static_cast<T>(x[i]);
  for (Index half = kSums / 2; half > 0; half /= 2)
    for (Index j = 0; j < half; ++j) sums[j] += sums[j + half];
  return sums[0];
}

// The Euclidean norm, in double; right where squares over- or underflow, too.
template <class T>
inline double euclidean_norm(const T* v, Index n) {
  const double sum = dot<double>(v, v, n);
  if (sum > 1e-280 && sum < 1e300) return std::sqrt(sum);
  double largest = 0;
  for (Index i = 0; i < n; ++i) largest = std::max(largest, std::abs(static_cast<double>(v[i])));
  if (!(largest > 0)) return largest;
  double scaled = 0;
  for (Index i = 0; i < n; ++i) scaled += (v[i] / largest) * (v[i] / largest);
  return largest * std::sqrt(scaled);
}

}  // namespace randrelu
