#include "measures/ball.hpp"

#include <type_traits>

#include "base/buffer.hpp"
#include "base/dot.hpp"
#include "base/finite.hpp"
#include "measures/sample.hpp"

namespace randrelu {
namespace {

// The pattern of a point, from the preactivations of x and how much they differ.
template <class T>
void pack_sum(const T* base, const T* difference, Index units, const Bits* coins, Bits* bits) {
  constexpr Index kRun = 512;  // a multiple of a byte of bits
  T sum[kRun];
  for (Index first = 0; first < units; first += kRun) {
    const Index count = std::min(kRun, units - first);
    for (Index j = 0; j < count; ++j) sum[j] = base[first + j] + difference[first + j];
    pack(sum, count, coins + first / 8, bits + first / 8);
  }
}

// D(y) (value + delta) − D(x) value for one number a unit, from the bits of y. A unit that is active at
// both gives `delta` itself: no rounding.
template <class T>
class MaskedDifference {
 public:
  MaskedDifference() = default;
  // Of the units in this list; `at_x` has the bits of all.
  MaskedDifference(const std::vector<T>& value, const Bits* at_x, const std::vector<Index>& units) {
    for (const Index j : units) {
      const T here = value[at(j)];
      gained_.push_back(bit(at_x, j) ? T{0} : here);
      lost_.push_back(bit(at_x, j) ? -here : T{0});
    }
  }

  void apply(const Bits* at_y, T* delta) const {
    const T *gained = gained_.data(), *lost = lost_.data();
    const Index units = static_cast<Index>(lost_.size()), whole = units / 8 * 8;
    for (Index first = 0; first < whole; first += 8) {
      const unsigned byte = at_y[first / 8];
      for (Index k = 0; k < 8; ++k) {
        const T active = gained[first + k] + delta[first + k];
        delta[first + k] = byte & (1u << k) ? active : lost[first + k];
      }
    }
    for (Index k = whole; k < units; ++k) delta[k] = bit(at_y, k) ? gained[k] + delta[k] : lost[k];
  }

 private:
  std::vector<T> gained_, lost_;  // by a unit that is active at y, and by one that is not
};

// A layer at the points of a block. Only some units take part in the differences that follow: those that
// are active at x or at any of the points; in the last layer, whose values nobody needs, those that
// differ anywhere. Their bits at the points stand side by side. (A deferred layer is asked about whole
// vectors, so there all units do.)
template <class T>
struct LayerState {
  std::vector<Index> units;
  std::vector<Bits> bits;  // (points, ⌈units / 8⌉)
  MaskedDifference<T> backward;

  Index size() const { return static_cast<Index>(units.size()); }
  const Bits* at_y(Index p) const { return bits.data() + p * pattern_bytes(size()); }
};

// A block of points: their differences from the base, layer by layer.
template <class T>
class Explorer {
 public:
  // Without `remember` a deferred layer forgets what it was asked as soon as nobody goes back to it.
  Explorer(const BasePoint& base, Index most_points, bool backward, Index terms, bool remember)
      : net_(base.net),
        base_(base),
        depth_(static_cast<Index>(net_.depth())),
        backward_(backward),
        forget_(!remember && !backward),
        layers_(net_.depth()),
        a_(most_points * terms * net_.widest()),
        b_(most_points * terms * net_.widest()) {
    for (std::size_t i = 0; i < net_.depth(); ++i) {
      preactivations_.push_back(rounded(base.preactivations[i]));
      // Where a preactivation of x is 0 in T, or rounded to it, its bit is that of x, not another coin.
      coins_.emplace_back(net_.coins(i), net_.coins(i) + base.bits[i].size());
      for (Index j = 0; j < net_.width(i); ++j)
        if (preactivations_[i][at(j)] == 0)
          set_bit(coins_[i].data(), j, bit(base.bits[i].data(), j));
    }
    if (backward)
      for (const auto& v : base.backward) gradients_.push_back(rounded(v));
  }

  // Takes up some points: their differences from x, and their angles to it where they are wanted.
  void start(const Differences& differences, Block points, double* to_x, const Run& run) {
    points_ = points.count;
    const Index dim = net_.input_dim();
    const auto fill = [&](View<double> u) {
      differences(points, u);
      if (to_x) angles(base_.point(), u, to_x, run.silent());
    };
    if constexpr (std::is_same_v<T, double>) {
      fill(View<double>(a_.get(), points_, dim));
    } else {
      const Buffer<double> u(points_ * dim);
      fill(View<double>(u.get(), points_, dim));
      std::copy_n(u.get(), points_ * dim, a_.get());
    }
  }

  // Finds the patterns of these points, which the functions below go back through.
  void forward(std::int64_t* flips, double* image_angles, Index stages, const Run& run) {
    View<T> delta(a_.get(), points_, net_.input_dim());
    for_each_row(points_, delta.cols, run.silent(),
                 [&](Index p) { require_finite(delta.row(p), delta.cols); });
    for (Index i = 0; i < depth_; ++i) {
      const View<T> z(b_.get(), points_, net_.width(at(i)));
      const Layer& layer = *net_.layers()[at(i)];
      {
        const Forgetting forgetting(layer, forget_);
        layer.apply(delta, z, run.stage(i, i + 1, stages), {Units(), i ? part(i - 1) : Units()});
      }
      find_flips(i, z, flips, run);
      if (i + 1 < depth_ || backward_) delta = select(i, z, run);
      if (i + 1 < depth_ && image_angles) find_angles(i, delta, image_angles + i, run);
    }
  }

  // ‖∇f(x) − ∇f(y)‖ of every point.
  void gradient(double* deviations, Index stages, const Run& run) {
    View<T> v(a_.get(), points_, layers_.back().size());
    std::fill_n(v.data, v.rows * v.cols,
                T{0});  // after the last layer nothing but its mask differs
    for (Index i = depth_ - 1; i >= 0; --i) {
      for_each_row(points_, v.cols, run.silent(), [&](Index p) {
        layers_[at(i)].backward.apply(layers_[at(i)].at_y(p), v.row(p));
      });
      const View<T> h = send_back(i, v, stages, run);
      std::swap(a_, b_);
      v = h;
    }
    require_finite(v.data, points_ * v.cols);
    for (Index p = 0; p < points_; ++p) deviations[p] = euclidean_norm(v.row(p), v.cols);
  }

  // The Δ_j of every point, and their sum ∇f(x) − ∇f(y).
  void terms(Block points, const Deviations& out, Index stages, const Run& run) {
    const View<T> found = find_terms(stages, run);
    std::vector<double> sum(at(found.cols));
    for (Index p = 0; p < points_; ++p) {
      std::fill(sum.begin(), sum.end(), 0.0);
      for (Index j = 0; j < depth_; ++j) {
        const T* row = found.row((depth_ - 1 - j) * points_ + p);
        for (std::size_t c = 0; c < sum.size(); ++c) sum[c] += static_cast<double>(row[c]);
        const Index place = (points.first + p) * depth_ + j;
        if (out.terms) out.terms[place] = euclidean_norm(row, found.cols);
        if (out.decomposition) std::copy_n(row, found.cols, out.decomposition + place * found.cols);
      }
      if (out.gradient) out.gradient[points.first + p] = euclidean_norm(sum.data(), found.cols);
    }
  }

 private:
  // The Δ_j of every point, as rows (L − 1 − j) × points + p, from the last layer on.
  View<T> find_terms(Index stages, const Run& run) {
    View<T> v(a_.get(), points_, layers_.back().size());
    for (Index i = depth_ - 1;; --i) {
      const LayerState<T>& layer = layers_[at(i)];
      // Every term so far passes the mask of y; the new one is made of the units that differ.
      for_each_row(points_, v.rows / points_ * v.cols, run.silent(), [&](Index p) {
        Index row = p;
        for (; row + points_ < v.rows; row += points_)
          keep_active(layer.at_y(p), v.cols, v.row(row));
        T* fresh = v.row(row);
        std::fill_n(fresh, v.cols, T{0});
        layer.backward.apply(layer.at_y(p), fresh);
        for (Index k = 0; k < v.cols; ++k) fresh[k] = -fresh[k];
      });
      const View<T> below = send_back(i, v, stages, run);
      std::swap(a_, b_);
      if (i == 0) {
        require_finite(below.data, below.rows * below.cols);
        return below;
      }
      v = View<T>(below.data, below.rows + points_, below.cols);
    }
  }

  // The units of layer i that take part.
  Units part(Index i) const { return net_.deferred() ? Units() : Units(layers_[at(i)].units); }

  static std::vector<T> rounded(const std::vector<double>& values) {
    std::vector<T> result(values.begin(), values.end());
    require_finite(result.data(), static_cast<Index>(result.size()));
    return result;
  }

  // The bits of layer i, where the preactivations differ by z from those of x, and the units that take
  // part in what follows.
  void find_flips(Index i, View<const T> z, std::int64_t* flips, const Run& run) {
    const Index units = z.cols, bytes = pattern_bytes(units);
    const std::vector<Bits>& at_x = base_.bits[at(i)];
    const T* base = preactivations_[at(i)].data();
    const Bits* coins = coins_[at(i)].data();
    bits_.resize(at(points_ * bytes));
    for_each_row(points_, units, run.silent(), [&](Index p) {
      require_finite(z.row(p), units);
      Bits* at_y = bits_.data() + p * bytes;
      pack_sum(base, z.row(p), units, coins, at_y);
      if (flips) flips[p * depth_ + i] = count_flips(at_x.data(), at_y, bytes);
    });
    const bool last = i + 1 == depth_;
    std::vector<Bits> chosen = last ? std::vector<Bits>(at(bytes)) : at_x;
    for (Index p = 0; p < points_; ++p) {
      const Bits *at_y = bits_.data() + p * bytes, *same = at_x.data();
      if (last)
        for (Index k = 0; k < bytes; ++k) chosen[at(k)] |= at_y[k] ^ same[k];
      else
        for (Index k = 0; k < bytes; ++k) chosen[at(k)] |= at_y[k];
    }
    if (net_.deferred()) std::fill(chosen.begin(), chosen.end(), Bits{0xff});
    layers_[at(i)].units = units_of(chosen.data(), units);
  }

  // The differences of the activations, and the bits, of the units that take part.
  View<T> select(Index i, View<const T> z, const Run& run) {
    LayerState<T>& layer = layers_[at(i)];
    const Index units = layer.size(), bytes = pattern_bytes(units);
    const Bits* at_x = base_.bits[at(i)].data();
    const MaskedDifference<T> difference(preactivations_[at(i)], at_x, layer.units);
    if (backward_) layer.backward = MaskedDifference<T>(gradients_[at(i)], at_x, layer.units);
    layer.bits.resize(at(points_ * bytes));
    const View<T> delta(a_.get(), points_, units);
    const Index* list = layer.units.data();
    std::vector<T> base;
    std::vector<Bits> coins(at(bytes));
    for (Index k = 0; k < units; ++k) {
      base.push_back(preactivations_[at(i)][at(list[k])]);
      set_bit(coins.data(), k, bit(coins_[at(i)].data(), list[k]));
    }
    for_each_row(points_, z.cols, run.silent(), [&](Index p) {
      Bits* at_y = layer.bits.data() + p * bytes;
      T* const out = delta.row(p);
      for (Index k = 0; k < units; ++k) out[k] = z.row(p)[list[k]];
      pack_sum(base.data(), out, units, coins.data(), at_y);
      difference.apply(at_y, out);
    });
    return delta;
  }

  // The angles between the images f_i of x and of the points, which differ by delta, depth − 1 apart.
  void find_angles(Index i, View<const T> delta, double* angles, const Run& run) const {
    const LayerState<T>& layer = layers_[at(i)];
    std::vector<double> image;
    image.reserve(layer.units.size());
    for (const Index j : layer.units)
      image.push_back(bit(base_.bits[at(i)].data(), j) ? preactivations_[at(i)][at(j)] : 0.0);
    const Ray ray(image.data(), layer.size());
    for_each_row(points_, delta.cols, run.silent(), [&](Index p) {
      const T* const u = delta.row(p);
      bool silent = true;
      for (Index k = 0; k < delta.cols; ++k) silent &= image[at(k)] + u[k] == 0;
      const bool silent_x = ray.length() == 0;
      angles[p * (depth_ - 1)] = silent && silent_x   ? 0.0
                                 : silent || silent_x ? std::acos(0.0)
                                                      : ray.angle(u);
    });
  }

  // v (N, units that take part in layer i) back through the weights of layer i, into b_.
  View<T> send_back(Index i, View<const T> v, Index stages, const Run& run) {
    const Index units = i ? layers_[at(i - 1)].size() : net_.input_dim();
    const View<T> below(b_.get(), v.rows, units);
    net_.layers()[at(i)]->apply_transpose(v, below,
                                          run.stage(2 * depth_ - 1 - i, 2 * depth_ - i, stages),
                                          {part(i), i ? part(i - 1) : Units()});
    return below;
  }

  const Network& net_;
  const BasePoint& base_;
  Index depth_, points_ = 0;
  bool backward_, forget_;
  std::vector<LayerState<T>> layers_;
  Buffer<T> a_, b_;
  std::vector<std::vector<Bits>> coins_;
  std::vector<Bits> bits_;                                  // of a layer at the points, all units
  std::vector<std::vector<T>> preactivations_, gradients_;  // of x
};

}  // namespace

template <class T>
void explore(const BasePoint& base, const Differences& differences, Index points,
             const Deviations& out, const Run& run, bool remember) {
  base.require_known();
  const Network& net = base.net;
  const auto depth = static_cast<Index>(net.depth());
  if (points == 0) return;
  const Index rows = out.any_terms() ? std::max<Index>(depth, 1) : 1;  // that a point takes
  // What is forgotten would be drawn anew for the next block, so then all points make one.
  const Index per_block =
      remember ? std::clamp<Index>(net.points_per_block() / rows, 1, points) : points;
  std::vector<Forgetting> forgetting;
  for (const auto& layer : net.layers()) forgetting.emplace_back(*layer, !remember);
  Explorer<T> explorer(base, per_block, out.any_gradient(), rows, remember);
  const Index stages = out.any_gradient() ? 2 * depth : depth;
  for (Index b = 0; b < ceil_div(points, per_block); ++b) {
    const Block some(b, per_block, points);
    const Run part = run.stage(some.first, some.first + some.count, points);
    explorer.start(differences, some, out.angles ? out.angles + some.first : nullptr, part);
    if (depth == 0) {  // f is linear
      if (out.gradient) std::fill_n(out.gradient + some.first, some.count, 0.0);
      continue;
    }
    explorer.forward(out.flips ? out.flips + some.first * depth : nullptr,
                     out.image_angles ? out.image_angles + some.first * (depth - 1) : nullptr,
                     stages, part);
    if (out.any_terms())
      explorer.terms(some, out, stages, part);
    else if (out.gradient)
      explorer.gradient(out.gradient + some.first, stages, part);
  }
}

template void explore<float>(const BasePoint&, const Differences&, Index, const Deviations&,
                             const Run&, bool);
template void explore<double>(const BasePoint&, const Differences&, Index, const Deviations&,
                              const Run&, bool);

}  // namespace randrelu
