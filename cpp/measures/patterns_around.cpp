#include "measures/patterns_around.hpp"

#include <cmath>
#include <cstring>
#include <limits>

#include "base/dot.hpp"

namespace randrelu {
namespace {

// Calls f(unit) for every unit whose bits differ, ascending.
template <class F>
void for_each_difference(const Bits* a, const Bits* b, Index bytes, const F& f) {
  constexpr Index kWord = 8;
  for (Index first = 0; first < bytes; first += kWord) {
    const auto count = at(std::min(kWord, bytes - first));
    std::uint64_t left = 0, other = 0;
    std::memcpy(&left, a + first, count);
    std::memcpy(&other, b + first, count);
    for (left ^= other; left; left &= left - 1) f(8 * first + __builtin_ctzll(left));
  }
}

// The pattern at y of some units, which begin at a whole byte of the `bits` of all, from what their preactivations
// differ by.
template <class T>
void pack_sum(const LayerAtX<T>& layer, Block units, const T* difference, Bits* bits) {
  constexpr Index kRun = 512;  // a multiple of a byte of bits
  T sum[kRun];
  const Index end = units.first + units.count;
  for (Index first = units.first; first < end; first += kRun) {
    const Index count = std::min(kRun, end - first);
    const T* base = layer.preactivations.data() + first;
    for (Index j = 0; j < count; ++j) sum[j] = base[j] + difference[first - units.first + j];
    require_finite(sum, count);
    pack(sum, count, layer.coins.data() + first / 8, bits + first / 8);
  }
}

template <class T>
void gather(const T* from, const std::vector<Index>& units, T* to) {
  for (std::size_t k = 0; k < units.size(); ++k) to[k] = from[units[k]];
}

// What belongs to every ray, where the first rows hold what belongs to every direction.
template <class T>
void mirror(View<T> all) {
  for (Index r = all.rows - 1; r >= 0; --r)
    for (Index j = 0; j < all.cols; ++j)
      all.row(r)[j] = r % 2 ? -all.row(r / 2)[j] : all.row(r / 2)[j];
}

}  // namespace

template <class T>
PatternsAround<T>::PatternsAround(const BasePoint& base, Index rays, bool backward, bool forget,
                                  const Scratch<T>& scratch)
    : net_(base.net),
      base_(base),
      scratch_(scratch),
      depth_(static_cast<Index>(net_.depth())),
      backward_(backward),
      forget_(forget),
      x_(base.x.data(), net_.input_dim()),
      flipped_(net_.depth()),
      u_(rays * net_.input_dim()),
      kept_(rays * ((depth_ ? net_.width(0) : 0) + (shared() ? net_.width(1) : 0))) {
  at_x_.reserve(net_.depth());  // the rays refer to the first
  for (std::size_t i = 0; i < net_.depth(); ++i) at_x_.emplace_back(base, i, backward);
  if (depth_) on_rays_.emplace(at_x_.front());
}

template <class T>
void PatternsAround<T>::start(const Differences& differences, Block rays, bool mirrored,
                              double largest, const Run& run) {
  rays_ = rays.count;
  mirrored_ = mirrored;
  const Index every = mirrored ? 2 : 1;
  const Block directions(rays.first / every, ceil_div(rays_, every));
  const View<double> u(u_.get(), directions.count, net_.input_dim());
  differences(directions, u);
  parts_.assign(at(u.rows), {});
  if (x_.length() > 0)
    for_each_row(u.rows, u.cols, run.silent(),
                 [&](Index p) { x_.split(u.row(p), &parts_[at(p)].along, &parts_[at(p)].across); });
  if (!depth_) return;
  const View<T> rounded_u = scratch_.layer(0, u.rows, u.cols);
  for_each_row(u.rows, u.cols, run.silent(), [&](Index p) {
    std::copy_n(u.row(p), u.cols, rounded_u.row(p));
    require_finite(rounded_u.row(p), u.cols);
  });
  const View<T> first = kept(0);
  {
    const Forgetting forgetting(*net_.layers()[0], forget_);
    net_.layers()[0]->apply(rounded_u, first.middle_rows(0, u.rows),
                            run.stage(0, shared() ? 0.5 : 1));
  }
  if (shared()) {
    const View<T> delta = differences_of(0, u.rows);
    for_each_row(u.rows, first.cols, run.silent(),
                 [&](Index p) { gather(first.row(p), at_x_[0].active, delta.row(p)); });
    const View<T> second = kept(1);
    net_.layers()[1]->apply(delta, second.middle_rows(0, u.rows), run.stage(0.5, 1),
                            {Units(), part(0)});
    if (mirrored_) mirror(second);
  }
  if (mirrored_) mirror(first);
  on_rays_->find(first, largest, run.silent());
}

template <class T>
void PatternsAround<T>::angles_to_x(double scale, double* to_x) const {
  for (Index r = 0; r < rays_; ++r) {
    const Parts& u = parts_[at(mirrored_ ? r / 2 : r)];
    const double by = mirrored_ && r % 2 ? -scale : scale;
    to_x[r] = x_.length() == 0 ? std::numeric_limits<double>::quiet_NaN()
                               : std::atan2(scale * u.across, x_.length() + by * u.along);
  }
}

template <class T>
void PatternsAround<T>::find(const double* scales, Index count_scales, Index stride,
                             std::int64_t* flips, double* image_angles, const Run& run) {
  scales_.assign(scales, scales + count_scales);
  stride_ = stride;
  rows_ = rays_ * count_scales;
  find_on_rays(flips, run);
  if (depth_ > 1 && image_angles) find_angles(0, {}, image_angles, run);
  for (Index i = 1; i < depth_; ++i) {
    const Run part = run.stage(i, i + 1, depth_);
    const View<T> z = preactivations(i, part);
    find_in_layer(i, z, flips, part);
    if (i + 1 < depth_ && image_angles) find_angles(i, z, image_angles + i, part);
    if (i + 1 < depth_) select(i, z, part);
  }
}

template <class T>
void PatternsAround<T>::find_on_rays(std::int64_t* flips, const Run& run) {
  const SparseRays<T>& entries = on_rays_->flips();
  const bool listed = backward_ || (deferred() && depth_ > 1);  // the others are on the rays
  flipped_[0] = {};
  silent_.assign(at(rows_), false);
  for (Index r = 0; r < rows_; ++r) {
    const Index ray = r % rays_, first = entries.starts[at(ray)];
    const Index here = entries.entries(ray, scale(r));
    if (flips) flips[place(r) * depth_] = here;
    if (!listed) continue;
    for (Index k = first; k < first + here; ++k)
      flipped_[0].add(entries.units[at(k)], on_rays_->value(k, scale(r)));
    flipped_[0].end_row();
  }
  if (depth_ == 1) return;
  for_each_row(rows_, net_.width(0) / 8, run.silent(),  // of the units, most rows need few
               [&](Index r) { silent_[at(r)] = on_rays_->silent(r % rays_, scale(r)); });
  if (!deferred()) return;
  const View<T> delta = differences_of(0, rows_);
  for_each_row(rows_, delta.cols, run.silent(), [&](Index r) {
    const T by = static_cast<T>(scale(r)), *slopes = kept(0).row(r % rays_);
    std::fill_n(delta.row(r), delta.cols, T{0});
    for (const Index j : at_x_[0].active) delta.row(r)[j] = by * slopes[j];
    flipped_[0].add_to(delta.row(r), r);
  });
}

// By how much the preactivations of layer i > 0 differ. Of the last layer on rays the patterns are all that is
// wanted: these are found piece by piece, and nothing is returned.
template <class T>
View<T> PatternsAround<T>::preactivations(Index i, const Run& run) {
  const Layer& layer = *net_.layers()[at(i)];
  const bool on_rays = i == 1 && shared(), last = on_rays && i + 1 == depth_;
  const Index width = net_.width(at(i));
  const View<T> z = last ? View<T>(nullptr, rows_, width) : scratch_.layer(1, rows_, width);
  if (on_rays) {
    const Take<T> pack_piece = [&](Index s, Index ray, Block units, const T* values) {
      pack_sum(at_x_[at(i)], units, values, at_y(s * rays_ + ray, z.cols));
    };
    const Take<T> keep_piece = [&](Index s, Index ray, Block units, const T* values) {
      std::copy_n(values, units.count, z.row(s * rays_ + ray) + units.first);
    };
    if (last) bits_.resize(at(rows_ * pattern_bytes(z.cols)));
    multiply_rays<T>(layer, on_rays_->flips(), kept(1), scales_, last ? pack_piece : keep_piece,
                     run);
  } else {
    {
      const Forgetting forgetting(layer, forget_);
      layer.apply(differences_of(i - 1, rows_), z, run, {Units(), part(i - 1)});
    }
    if (!deferred()) add_sparse<T>(layer, flipped_[at(i - 1)], z, run.silent());
  }
  // Where the layer before is 0 at y, nothing but the biases is left: exactly, as ties are decided by coins.
  for (Index r = 0; r < rows_; ++r)
    if (silent_[at(r)]) {
      std::vector<T> only = at_x_[at(i)].preactivations;
      for (T& value : only) value = -value;
      net_.add_bias(at(i), Block(0, z.cols), only.data());
      if (z.data)
        std::copy(only.begin(), only.end(), z.row(r));
      else
        pack_sum(at_x_[at(i)], Block(0, z.cols), only.data(), at_y(r, z.cols));
    }
  return z;
}

// The units of layer i that flip, and what the activations differ by for that.
template <class T>
void PatternsAround<T>::find_in_layer(Index i, View<const T> z, std::int64_t* flips,
                                      const Run& run) {
  const LayerAtX<T>& layer = at_x_[at(i)];
  const Index bytes = pattern_bytes(z.cols), at_once = rows_at_once(z.cols);
  const bool last = i + 1 == depth_, listed = !last || backward_;
  std::vector<SparseRows<T>> found(at(ceil_div(rows_, at_once)));
  silent_.assign(at(rows_), !last);
  parallel_for(ceil_div(rows_, at_once), run.silent(), [&](Index b) {
    const Block some(b, at_once, rows_);
    SparseRows<T>& flipped = found[at(b)];
    std::vector<Bits> room(at(bytes));
    for (Index r = some.first; r < some.first + some.count; ++r) {
      const T* difference = z.data ? z.row(r) : nullptr;
      const Bits* there = room.data();
      if (difference)
        pack_sum(layer, Block(0, z.cols), difference, room.data());
      else
        there = at_y(r, z.cols);
      if (flips) flips[place(r) * depth_ + i] = count_flips(layer.bits, there, bytes);
      if (!listed) continue;
      for_each_difference(layer.bits, there, bytes, [&](Index j) {
        // What the values of the last layer are, nobody asks.
        const T value = last ? T{0} : layer.preactivations[at(j)] + difference[j];
        flipped.add(j, bit(layer.bits, j) ? -value : value);
      });
      flipped.end_row();
      for (Index j = 0; j < z.cols && silent_[at(r)]; ++j)
        silent_[at(r)] = !bit(there, j) || layer.preactivations[at(j)] + difference[j] == 0;
    }
  });
  flipped_[at(i)] = joined(found);
}

// The differences of the activations of layer i.
template <class T>
void PatternsAround<T>::select(Index i, View<const T> z, const Run& run) {
  const View<T> delta = differences_of(i, rows_);
  const std::vector<Index>& active = at_x_[at(i)].active;
  for_each_row(rows_, z.cols, run.silent(), [&](Index r) {
    if (!deferred()) return gather(z.row(r), active, delta.row(r));
    std::fill_n(delta.row(r), delta.cols, T{0});
    for (const Index j : active) delta.row(r)[j] = z.row(r)[j];
    flipped_[at(i)].add_to(delta.row(r), r);
  });
}

// The angles between the images f_i of x and of the points, depth − 1 apart.
template <class T>
void PatternsAround<T>::find_angles(Index i, View<const T> z, double* angles,
                                    const Run& run) const {
  const bool silent_x = at_x_[at(i)].image.length() == 0;
  for_each_row(rows_, net_.width(at(i)), run.silent(), [&](Index r) {
    const bool silent = silent_[at(r)];
    angles[place(r) * (depth_ - 1)] = silent && silent_x   ? 0.0
                                      : silent || silent_x ? std::acos(0.0)
                                      : i                  ? angle(i, z.row(r), r)
                                                           : on_rays_->angle(r % rays_, scale(r));
  });
}

// That of a row of a later layer.
template <class T>
double PatternsAround<T>::angle(Index i, const T* difference, Index r) const {
  const LayerAtX<T>& layer = at_x_[at(i)];
  const SparseRows<T>& flipped = flipped_[at(i)];
  std::vector<T> u(layer.active.size()), beside;
  gather(difference, layer.active, u.data());
  for (Index k = flipped.starts[at(r)]; k < flipped.starts[at(r + 1)]; ++k) {
    const Index j = flipped.units[at(k)], here = layer.place[at(j)];
    if (here < 0)
      beside.push_back(flipped.values[at(k)]);
    else
      u[at(here)] = -layer.preactivations[at(j)];
  }
  const double more = euclidean_norm(beside.data(), static_cast<Index>(beside.size()));
  return layer.image.angle(u.data(), 1, more);
}

template class PatternsAround<float>;
template class PatternsAround<double>;

}  // namespace randrelu
