// Products with many points: a few registers of units at a time, whose weights are packed, go over strips of
// points. Kernels are the loops that the compiler unrolls into registers.
#include "layers/product.hpp"

#include <string>

#include "base/buffer.hpp"
#include "layers/few.hpp"
#include "layers/packets.hpp"

namespace randrelu {
namespace {

using namespace packets;

// Registers of units, and points, of a kernel. Of 32 registers it takes 24 for sums, of 16 it takes 12.
constexpr Index kUnitPackets = 3;
constexpr Index kPoints = EIGEN_ARCH_DEFAULT_NUMBER_OF_REGISTERS >= 32 ? 8 : 4;

// The chains of at most kStretch summands, see product.hpp: dealt, or one after the other.
struct Dealt {
  static constexpr Index kStep = kChains;
  static Index first(Index chain) { return chain; }

  Index summands;
  Index count() const { return std::min(kChains, summands); }
  Index length(Index chain) const { return ceil_div(summands - chain, kChains); }
};
struct InRow {
  static constexpr Index kStep = 1;
  static Index first(Index chain) { return chain * kChain; }

  Index summands;
  Index count() const { return ceil_div(summands, kChain); }
  Index length(Index chain) const { return std::min(kChain, summands - first(chain)); }
};

// y += x wᵀ for U packets of units and P points; `w` holds the units of a summand together, and the summands
// of a chain after each other.
template <class T, Index U, Index P, class Chains>
void multiply(const T* w, const T* const* x, Chains chains, T* const* y) {
  constexpr Index kWidth = kLanes<T>;
  const T* point[P];
#pragma GCC unroll 8
  for (Index p = 0; p < P; ++p) point[p] = x[p];
  for (Index c = 0; c < chains.count(); ++c) {
    const Index first = chains.first(c), end = first + chains.length(c) * Chains::kStep;
    Packet<T> sums[U][P];
#pragma GCC unroll 8
    for (Index p = 0; p < P; ++p)
#pragma GCC unroll 8
      for (Index u = 0; u < U; ++u) sums[u][p] = pzero(Packet<T>());
    for (Index k = first; k < end; k += Chains::kStep, w += U * kWidth) {
      Packet<T> weights[U];
#pragma GCC unroll 8
      for (Index u = 0; u < U; ++u) weights[u] = pload<Packet<T>>(w + u * kWidth);
#pragma GCC unroll 8
      for (Index p = 0; p < P; ++p) {
        const auto value = pset1<Packet<T>>(point[p][k]);
#pragma GCC unroll 8
        for (Index u = 0; u < U; ++u) sums[u][p] = pmadd(weights[u], value, sums[u][p]);
      }
    }
#pragma GCC unroll 8
    for (Index p = 0; p < P; ++p)
#pragma GCC unroll 8
      for (Index u = 0; u < U; ++u) {
        T* const out = y[p] + u * kWidth;
        pstoreu(out, padd(ploadu<Packet<T>>(out), sums[u][p]));
      }
  }
}

template <class T, Index P, class Chains>
void multiply(const T* w, Index unit_packets, const T* const* x, Chains chains, T* const* y) {
  static_assert(kUnitPackets == 3);
  if (unit_packets == 3) return multiply<T, 3, P>(w, x, chains, y);
  if (unit_packets == 2) return multiply<T, 2, P>(w, x, chains, y);
  multiply<T, 1, P>(w, x, chains, y);
}

// The weights of `units` rows of w, padded to whole packets, chain after chain.
template <class W, class T>
void pack_rows(Tile<const W> w, Block units, Block summands, T* packed) {
  constexpr Index kWidth = kLanes<T>;
  const Index packets = ceil_div(units.count, kWidth), whole = summands.count / kWidth * kWidth;
  const Dealt chains{summands.count};
  Index begin[kChains + 1] = {};
  for (Index c = 0; c < kChains; ++c) begin[c + 1] = begin[c] + chains.length(c);
  const auto place = [&](Index k) {
    return packed + (begin[k % kChains] + k / kChains) * packets * kWidth;
  };
  for (Index u = 0; u < packets; ++u) {
    const W* rows[kWidth];
    for (Index j = 0; j < kWidth; ++j)
      rows[j] = w.row(units.first + std::min(u * kWidth + j, units.count - 1)) + summands.first;
    for (Index k = 0; k < whole; k += kWidth) {
      Eigen::internal::PacketBlock<Packet<T>, kWidth> block;
#pragma GCC unroll 16
      for (Index j = 0; j < kWidth; ++j)
        block.packet[j] = use<Packet<T>>(read<typename Weights<W, T>::Read>(rows[j] + k));
      ptranspose(block);
#pragma GCC unroll 16
      for (Index j = 0; j < kWidth; ++j) pstore(place(k + j) + u * kWidth, block.packet[j]);
    }
    for (Index k = whole; k < summands.count; ++k)
      for (Index j = 0; j < kWidth; ++j) place(k)[u * kWidth + j] = rows[j][k];
  }
}

// The weights of `units` columns of w.
template <class W, class T>
void pack_columns(Tile<const W> w, Block units, Block summands, T* packed) {
  const Index width = ceil_div(units.count, kLanes<T>) * kLanes<T>;
  for (Index k = 0; k < summands.count; ++k) {
    T* const out = packed + k * width;
    std::copy_n(w.row(summands.first + k) + units.first, units.count, out);
    std::fill_n(out + units.count, width - units.count, T{0});
  }
}

// y += x w' for the packed weights w' of `units`, at most kPoints points.
template <class Chains, class T>
void multiply_strip(const T* packed, Tile<const T> x, Block summands, Tile<T> y, Block points,
                    Block units) {
  constexpr Index kWidth = kUnitPackets * kLanes<T>;
  const Index packets = ceil_div(units.count, kLanes<T>);
  const bool whole = units.count == packets * kLanes<T>;
  alignas(64) T spare[kPoints][kWidth];  // for what is beyond the units, or the points
  const T* in[kPoints];
  T* out[kPoints];
  for (Index p = 0; p < kPoints; ++p) {
    const bool real = p < points.count;
    in[p] = x.row(points.first + (real ? p : 0)) + summands.first;
    T* const row = real ? y.row(points.first + p) + units.first : nullptr;
    out[p] = real && whole ? row : spare[p];
    if (real && !whole) std::copy_n(row, units.count, spare[p]);
  }
  if (points.count <= kPoints / 2)
    multiply<T, kPoints / 2>(packed, packets, in, Chains{summands.count}, out);
  else
    multiply<T, kPoints>(packed, packets, in, Chains{summands.count}, out);
  if (!whole)
    for (Index p = 0; p < points.count; ++p)
      std::copy_n(spare[p], units.count, y.row(points.first + p) + units.first);
}

// y += x w', where pack(units, summands, out) packs weights of w'. Those of a kernel's units stay in the caches
// while they are used.
template <class Chains, class T, class Pack>
void multiply(Tile<const T> x, Tile<T> y, const Pack& pack) {
  constexpr Index kWidth = kUnitPackets * kLanes<T>;
  alignas(64) T packed[kStretch * kWidth];
  for (Index k = 0; k < ceil_div(x.cols, kStretch); ++k) {
    const Block summands(k, kStretch, x.cols);
    for (Index u = 0; u < ceil_div(y.cols, kWidth); ++u) {
      const Block units(u, kWidth, y.cols);
      pack(units, summands, packed);
      for (Index p = 0; p < ceil_div(x.rows, kPoints); ++p)
        multiply_strip<Chains>(packed, x, summands, y, Block(p, kPoints, x.rows), units);
    }
  }
}

}  // namespace

template <class W, class T>
void add_product_transposed(Tile<const T> x, Tile<const W> w, Tile<T> y) {
  if (w.rows <= kFewPoints) {  // few units are to many points what few points are to many units
    const Buffer<T> units(w.rows * w.cols);
    for (Index r = 0; r < w.rows; ++r) std::copy_n(w.row(r), w.cols, units.get() + r * w.cols);
    const Tile<const T> few{units.get(), w.rows, w.cols, w.cols};
    return add_dots<T, T>(x, few, {y.data, y.stride, 1});
  }
  multiply<Dealt>(
      x, y, [&](Block units, Block summands, T* packed) { pack_rows(w, units, summands, packed); });
}

template <class W, class T>
void add_product(Tile<const T> x, Tile<const W> w, Tile<T> y) {
  multiply<InRow>(x, y, [&](Block units, Block summands, T* packed) {
    pack_columns(w, units, summands, packed);
  });
}

template void add_product(Tile<const float>, Tile<const float>, Tile<float>);
template void add_product(Tile<const double>, Tile<const float>, Tile<double>);
template void add_product(Tile<const double>, Tile<const double>, Tile<double>);
template void add_product_transposed(Tile<const float>, Tile<const float>, Tile<float>);
template void add_product_transposed(Tile<const double>, Tile<const float>, Tile<double>);
template void add_product_transposed(Tile<const double>, Tile<const double>, Tile<double>);

const char* eigen_version() {
  static const std::string version = std::to_string(EIGEN_MAJOR_VERSION) + "." +
                                     std::to_string(EIGEN_MINOR_VERSION) + "." +
                                     std::to_string(EIGEN_PATCH_VERSION);
  return version.c_str();
}

}  // namespace randrelu
