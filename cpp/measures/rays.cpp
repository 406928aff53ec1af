#include "measures/rays.hpp"

#include <cmath>
#include <cstring>
#include <limits>

namespace randrelu {
namespace {

// Calls f(k) for every byte that is not 0.
template <class F>
void for_each_set(const Bits* bytes, Index count, const F& f) {
  Index k = 0;
  for (; k + 8 <= count; k += 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes + k, sizeof word);
    for (; word; word &= word - 1) f(k + __builtin_ctzll(word) / 8);
  }
  for (; k < count; ++k)
    if (bytes[k]) f(k);
}

}  // namespace

template <class T>
void Rays<T>::find(View<const T> slopes, double largest, const Run& run) {
  slopes_ = slopes;
  along_.assign(at(slopes.rows), 0.0);
  across_.assign(at(slopes.rows), 0.0);
  const Index at_once = rows_at_once(slopes.cols);
  std::vector<SparseRays<T>> found(at(ceil_div(slopes.rows, at_once)));
  parallel_for(static_cast<Index>(found.size()), run, [&](Index b) {
    const Block some(b, at_once, slopes.rows);
    std::vector<T> active(layer_.active.size());
    std::vector<Crossing> room;
    for (Index r = some.first; r < some.first + some.count; ++r) {
      find_ray(slopes.row(r), largest, room, found[at(b)]);
      if (layer_.image.length() == 0) continue;
      for (std::size_t k = 0; k < active.size(); ++k) active[k] = slopes.row(r)[layer_.active[k]];
      layer_.image.split(active.data(), &along_[at(r)], &across_[at(r)]);
    }
  });
  flips_ = joined(found);
}

template <class T>
void Rays<T>::find_ray(const T* slopes, double largest, std::vector<Crossing>& room,
                       SparseRays<T>& found) const {
  constexpr Index kRun = 512;
  // A little further, so that rounding misses none.
  const T beyond = static_cast<T>(largest) * (1 + 256 * std::numeric_limits<T>::epsilon());
  room.clear();
  for (Index first = 0; first < layer_.units(); first += kRun) {
    const Index count = std::min(kRun, layer_.units() - first);
    const T* here = layer_.preactivations.data() + first;
    Bits crosses[kRun];
    T sums[kRun];
    for (Index j = 0; j < count; ++j) {
      sums[j] = here[j] + beyond * slopes[first + j];
      crosses[j] = ((here[j] > 0) != (sums[j] > 0)) | (here[j] == 0);
    }
    require_finite(sums, count);
    for_each_set(crosses, count, [&](Index k) {
      const Index j = first + k;
      const bool active = bit(layer_.bits, j);
      if (slopes[j] == 0 || (slopes[j] > 0) == active) return;
      double scale = -static_cast<double>(here[k]) / static_cast<double>(slopes[j]);
      // At the scale where it is 0 its coin decides.
      if (scale > 0 && bit(layer_.coins.data(), j) != active) scale = std::nextafter(scale, -1.0);
      if (scale < largest) room.push_back({std::max(scale, 0.0), j});
    });
  }
  std::sort(room.begin(), room.end());
  for (const auto& [scale, j] : room) {
    const T sign = bit(layer_.bits, j) ? T{-1} : T{1};
    found.add(j, scale, sign * layer_.preactivations[at(j)], sign * slopes[j]);
  }
  found.end_ray();
}

template <class T>
bool Rays<T>::silent(Index ray, double scale) const {
  const T by = static_cast<T>(scale), *slopes = slopes_.row(ray);
  for (const Index j : layer_.active)
    if (layer_.preactivations[at(j)] + by * slopes[j] > 0) return false;
  const Index first = flips_.starts[at(ray)], count = flips_.entries(ray, scale);
  for (Index k = first; k < first + count; ++k)
    if (!bit(layer_.bits, flips_.units[at(k)]) && value(k, scale) != 0) return false;
  return true;
}

template <class T>
double Rays<T>::angle(Index ray, double scale) const {
  // What flips changes the parts along the image and across it; in units of the image's length.
  const double unit = 1 / layer_.image.length(), by = scale * unit;
  const Index first = flips_.starts[at(ray)], count = flips_.entries(ray, scale);
  double along = 0, mixed = 0, square = 0;
  for (Index k = first; k < first + count; ++k) {
    const Index j = flips_.units[at(k)];
    const double added = unit * static_cast<double>(value(k, scale));
    square += added * added;
    if (!bit(layer_.bits, j)) continue;
    const double direction = unit * static_cast<double>(layer_.preactivations[at(j)]);
    along += added * direction;
    mixed += added * by * (slopes_.row(ray)[j] - along_[at(ray)] * direction);
  }
  const double across = by * across_[at(ray)];
  square = std::max(0.0, across * across + 2 * mixed + square - along * along);
  return std::atan2(std::sqrt(square), 1 + by * along_[at(ray)] + along);
}

template class Rays<float>;
template class Rays<double>;

}  // namespace randrelu
