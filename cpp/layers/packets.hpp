// The vectors of the matrix kernels: Eigen's packets, as wide as the instruction set has them. Only the files
// of the kernels include this one: Eigen's templates are expensive, and must not meet those of another
// instruction set.
#pragma once

#include <Eigen/Core>
#include <type_traits>

#include "base/types.hpp"

#if !EIGEN_VERSION_AT_LEAST(5, 0, 0)
#error "randrelu needs Eigen 5 or newer"
#endif

#define RANDRELU_INLINE __attribute__((always_inline)) inline

namespace randrelu::packets {

using Eigen::internal::padd;
using Eigen::internal::pload;
using Eigen::internal::ploadu;
using Eigen::internal::pmadd;
using Eigen::internal::pset1;
using Eigen::internal::pstore;
using Eigen::internal::pstoreu;
using Eigen::internal::ptranspose;
using Eigen::internal::pzero;

template <class T>
using Packet = typename Eigen::internal::packet_traits<T>::type;

template <class Packet>
constexpr Index kLanesOf = Eigen::internal::unpacket_traits<Packet>::size;

template <class T>
constexpr Index kLanes = kLanesOf<Packet<T>>;

// A vector of weights of type W as they are read, and as numbers of type T, with as many lanes. Where there
// is no such pair each is converted alone.
template <class W, class T>
struct Weights {
  using Read = Packet<T>;
  using Used = Packet<T>;
};
#if defined(EIGEN_VECTORIZE_AVX512)
template <>
struct Weights<float, double> {
  using Read = Eigen::internal::Packet8f;
  using Used = Eigen::internal::Packet8d;
};
#elif defined(EIGEN_VECTORIZE_AVX)
template <>
struct Weights<float, double> {
  using Read = Eigen::internal::Packet4f;
  using Used = Eigen::internal::Packet4d;
};
#endif

template <class Read, class W>
RANDRELU_INLINE Read read(const W* w) {
  using T = typename Eigen::internal::unpacket_traits<Read>::type;
  if constexpr (std::is_same_v<T, W>) {
    return ploadu<Read>(w);
  } else {
    constexpr Index kCount = kLanesOf<Read>;
    alignas(64) T values[kCount];
    for (Index j = 0; j < kCount; ++j) values[j] = static_cast<T>(w[j]);
    return pload<Read>(values);
  }
}

template <class Used, class Read>
RANDRELU_INLINE Used use(const Read& w) {
  if constexpr (std::is_same_v<Used, Read>)
    return w;
  else
    return Eigen::internal::pcast<Read, Used>(w);
}

}  // namespace randrelu::packets
