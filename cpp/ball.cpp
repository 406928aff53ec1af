#include "ball.hpp"

#include <cmath>

#include "buffer.hpp"
#include "dot.hpp"
#include "gaussian.hpp"

namespace randrelu {
namespace {

bool bit(const Bits* bits, Index j) { return bits[j / 8] >> (j % 8) & 1; }

std::vector<Index> set_bits(const std::vector<Bits>& bits, Index units) {
  std::vector<Index> list;
  for (Index j = 0; j < units; ++j)
    if (bit(bits.data(), j)) list.push_back(j);
  return list;
}

template <class Body>
void for_each_point(Index points, const Run& run, const Body& body) {
  constexpr Index kPart = 8;
  parallel_for(ceil_div(points, kPart), Run{run.threads}, [&](Index i) {
    const Block some(i, kPart, points);
    for (Index p = some.first; p < some.first + some.count; ++p) body(p);
  });
}

// A block of points: their differences from the base, layer by layer.
template <class T>
class Explorer {
 public:
  Explorer(const Network& net, const BasePoint& base, Index most_points, Index terms)
      : net_(net), base_(base), most_points_(most_points), a_(room(terms)), b_(room(terms)) {
    for (std::size_t i = 0; i < net.depth(); ++i) {
      preactivations_.push_back(rounded(base.preactivations[i]));
      backward_.push_back(rounded(base.backward[i]));
      bits_.emplace_back(static_cast<std::size_t>(most_points * pattern_bytes(net.width(i))));
    }
    flipped_.resize(net.depth());
    touched_.resize(net.depth());
  }

  // The patterns of x + u for the rows u; leaves their bits, and the units that flipped or are active
  // anywhere.
  void forward(View<const double> u, std::int64_t* flips, Index stages, const Run& run) {
    points_ = u.rows;
    View<T> delta(a_.get(), points_, u.cols);
    for_each_point(points_, run, [&](Index p) {
      for (Index j = 0; j < u.cols; ++j) delta.row(p)[j] = static_cast<T>(u.row(p)[j]);
      require_finite(delta.row(p), u.cols);
    });
    const auto depth = static_cast<Index>(net_.depth());
    for (Index i = 0; i < depth; ++i) {
      const Index units = net_.width(at(i));
      const View<T> z(b_.get(), points_, units);
      const Units inputs = i ? Units(touched_[at(i - 1)]) : Units();
      net_.layers()[at(i)]->apply(delta, Units(), inputs, z, stage(run, i, stages));
      find_flips(i, z, flips, run);
      if (i + 1 < depth) {
        const std::vector<Index>& outputs = touched_[at(i)];
        delta = View<T>(a_.get(), points_, size(outputs));
        const std::vector<T> base = gathered(preactivations_[at(i)], outputs);
        for_each_point(points_, run,
                       [&](Index p) { relu_difference(base, z.row(p), outputs, delta.row(p)); });
      }
    }
  }

  // ‖∇f(x) − ∇f(y)‖ of every point.
  void gradient(double* deviations, Index stages, const Run& run) {
    const auto depth = static_cast<Index>(net_.depth());
    // Behind the last layer nothing but the masks differs.
    const std::vector<Index>* units = &flipped_[at(depth - 1)];
    View<T> v(a_.get(), points_, size(*units));
    for_each_point(points_, run, [&](Index p) {
      mask_difference(depth - 1, p, *units, backward_[at(depth - 1)], [](Index) { return T{0}; },
                      v.row(p));
    });
    for (Index i = depth - 1; i > 0; --i) {
      const std::vector<Index>& below = touched_[at(i - 1)];
      const View<T> h(b_.get(), points_, size(below));
      net_.layers()[at(i)]->apply_transpose(v, Units(*units), Units(below), h,
                                            stage(run, 2 * depth - 1 - i, stages));
      units = &below;
      v = View<T>(a_.get(), points_, size(below));
      for_each_point(points_, run, [&](Index p) {
        mask_difference(i - 1, p, below, backward_[at(i - 1)],
                        [&](Index k) { return h.row(p)[k]; }, v.row(p));
      });
    }
    const View<T> g(b_.get(), points_, net_.input_dim());
    net_.layers().front()->apply_transpose(v, Units(*units), Units(), g,
                                           stage(run, 2 * depth - 1, stages));
    require_finite(g.data, points_ * g.cols);
    for (Index p = 0; p < points_; ++p) deviations[p] = norm(g.row(p), g.cols);
  }

  // The terms Δ_j of every point, as rows (L − 1 − j) × points + p, from the last layer on.
  View<T> terms(Index stages, const Run& run) {
    const auto depth = static_cast<Index>(net_.depth());
    View<T> above(b_.get(), 0, 0);
    for (Index i = depth - 1; i >= 0; --i) {
      // Every term so far passes the mask of y; the new one is made of the units that differ.
      const std::vector<Index>& units = touched_[at(i)];
      const View<T> v(a_.get(), above.rows + points_, size(units));
      for_each_point(points_, run, [&](Index p) {
        const Bits *at_x = base_.bits[at(i)].data(), *at_y = bits_of(i, p);
        for (Index row = p; row < above.rows; row += points_)
          for (Index k = 0; k < v.cols; ++k)
            v.row(row)[k] = bit(at_y, units[at(k)]) ? above.row(row)[k] : T{0};
        T* fresh = v.row(above.rows + p);
        for (Index k = 0; k < v.cols; ++k) {
          const Index j = units[at(k)];
          const int change = bit(at_x, j) - bit(at_y, j);
          fresh[k] = static_cast<T>(change) * backward_[at(i)][at(j)];
        }
      });
      const Units below = i ? Units(touched_[at(i - 1)]) : Units();
      above = View<T>(b_.get(), v.rows, below.size(net_.input_dim()));
      net_.layers()[at(i)]->apply_transpose(v, Units(units), below, above,
                                            stage(run, 2 * depth - 1 - i, stages));
    }
    require_finite(above.data, above.rows * above.cols);
    return above;
  }

 private:
  static std::size_t at(Index i) { return static_cast<std::size_t>(i); }
  static Index size(const std::vector<Index>& units) { return static_cast<Index>(units.size()); }
  static Run stage(const Run& run, Index i, Index stages) {
    const double n = static_cast<double>(stages);
    return run.stage(static_cast<double>(i) / n, static_cast<double>(i + 1) / n);
  }
  Index room(Index terms) const { return most_points_ * terms * net_.widest(); }

  std::vector<T> rounded(const std::vector<double>& values) const {
    std::vector<T> result(values.begin(), values.end());
    require_finite(result.data(), static_cast<Index>(result.size()));
    return result;
  }

  Bits* bits_of(Index i, Index p) {
    return bits_[at(i)].data() + p * pattern_bytes(net_.width(at(i)));
  }

  // The patterns of layer i, where the preactivations differ by z from those of x.
  void find_flips(Index i, View<const T> z, std::int64_t* flips, const Run& run) {
    const Index units = z.cols, bytes = pattern_bytes(units);
    const std::vector<Bits>& at_x = base_.bits[at(i)];
    const T* base = preactivations_[at(i)].data();
    for_each_point(points_, run, [&](Index p) {
      require_finite(z.row(p), units);
      constexpr Index kRun = 512;  // a multiple of a byte of bits
      T sum[kRun];
      for (Index first = 0; first < units; first += kRun) {
        const Index count = std::min(kRun, units - first);
        for (Index j = 0; j < count; ++j) sum[j] = base[first + j] + z.row(p)[first + j];
        pack(sum, count, net_.coins(at(i)) + first / 8, bits_of(i, p) + first / 8);
      }
      if (flips)
        flips[p * static_cast<Index>(net_.depth()) + i] =
            count_flips(at_x.data(), bits_of(i, p), bytes);
    });
    std::vector<Bits> flipped(at(bytes)), touched = at_x;
    for (Index p = 0; p < points_; ++p)
      for (Index byte = 0; byte < bytes; ++byte)
        flipped[at(byte)] |= static_cast<Bits>(at_x[at(byte)] ^ bits_of(i, p)[byte]);
    for (Index byte = 0; byte < bytes; ++byte) touched[at(byte)] |= flipped[at(byte)];
    flipped_[at(i)] = set_bits(flipped, units);
    touched_[at(i)] = set_bits(touched, units);
  }

  static std::vector<T> gathered(const std::vector<T>& values, const std::vector<Index>& units) {
    std::vector<T> result;
    for (const Index j : units) result.push_back(values[at(j)]);
    return result;
  }

  // σ(base + z) − σ(base) at some units; `base` has their values only, z those of all.
  static void relu_difference(const std::vector<T>& base, const T* z,
                              const std::vector<Index>& units, T* out) {
    const Index* list = units.data();
    const T* at_x = base.data();
    for (Index k = 0; k < size(units); ++k) {
      const T delta = z[list[k]], before = at_x[k], after = before + delta;
      // Where the unit is active at both, the difference itself: no rounding.
      const T active = before > T{0} ? delta : after;
      const T inactive = before > T{0} ? -before : T{0};
      out[k] = after > T{0} ? active : inactive;
    }
  }

  // D(y) (value + delta) − D(x) value at some units of layer i: what the mask makes of a difference.
  template <class Delta>
  void mask_difference(Index i, Index p, const std::vector<Index>& units,
                       const std::vector<T>& value, const Delta& delta, T* out) {
    const Bits *at_x = base_.bits[at(i)].data(), *at_y = bits_of(i, p);
    for (Index k = 0; k < size(units); ++k) {
      const Index j = units[at(k)];
      const bool x = bit(at_x, j), y = bit(at_y, j);
      const T there = delta(k), here = value[at(j)];
      const T active = x ? there : here + there, inactive = x ? -here : T{0};
      out[k] = y ? active : inactive;
    }
  }

  const Network& net_;
  const BasePoint& base_;
  Index most_points_, points_ = 0;
  Buffer<T> a_, b_;
  std::vector<std::vector<T>> preactivations_, backward_;
  std::vector<std::vector<Bits>> bits_;  // of the points at hand
  std::vector<std::vector<Index>> flipped_, touched_;
};

}  // namespace

BasePoint::BasePoint(const Network& net, View<const double> x, bool with_gradient, const Run& run)
    : preactivations(net.depth()), bits(net.depth()), backward(net.depth()) {
  std::vector<double> a(x.data, x.data + x.cols);
  for (std::size_t i = 0; i < net.depth(); ++i) {
    const Index units = net.width(i);
    std::vector<double>& z = preactivations[i];
    z.resize(static_cast<std::size_t>(units));
    bits[i].resize(static_cast<std::size_t>(pattern_bytes(units)));
    net.layers()[i]->apply(View<const double>(a.data(), 1, net.layers()[i]->fan_in()),
                           View<double>(z.data(), 1, units), run);
    require_finite(z.data(), units);
    pack(z.data(), units, net.coins(i), bits[i].data());
    a = z;
    keep_active(bits[i].data(), units, a.data());
  }
  if (!with_gradient) return;
  gradient.resize(static_cast<std::size_t>(net.input_dim()));
  std::vector<double> v{1.0};
  for (std::size_t i = net.depth() + 1; i-- > 0;) {
    const Layer& layer = *net.layers()[i];
    std::vector<double>& h = i ? backward[i - 1] : gradient;
    h.resize(static_cast<std::size_t>(layer.fan_in()));
    layer.apply_transpose(View<const double>(v.data(), 1, layer.fan_out()),
                          View<double>(h.data(), 1, layer.fan_in()), run);
    require_finite(h.data(), layer.fan_in());
    v = h;
    if (i) keep_active(bits[i - 1].data(), layer.fan_in(), v.data());
  }
}

std::vector<double> pull_back(const Network& net, const BasePoint& base, std::size_t i,
                              std::vector<double> v, const Run& run) {
  for (;; --i) {
    const Layer& layer = *net.layers()[i];
    std::vector<double> below(static_cast<std::size_t>(layer.fan_in()));
    layer.apply_transpose(View<const double>(v.data(), 1, layer.fan_out()),
                          View<double>(below.data(), 1, layer.fan_in()), run);
    require_finite(below.data(), layer.fan_in());
    v = std::move(below);
    if (i == 0) return v;
    keep_active(base.bits[i - 1].data(), layer.fan_in(), v.data());
  }
}

template <class T>
void explore(const Network& net, const BasePoint& base, const Differences& differences,
             Index points, const Deviations& out, const Run& run) {
  const auto depth = static_cast<Index>(net.depth());
  const Index dim = net.input_dim();
  const bool terms = out.terms || out.decomposition;
  if (points == 0) return;
  const Index rows = terms ? std::max<Index>(depth, 1) : 1;  // that a point takes
  const Index per_block = std::clamp<Index>(net.points_per_block() / rows, 1, points);
  Explorer<T> explorer(net, base, per_block, rows);
  const Buffer<double> u(per_block * dim);
  const Index stages = out.gradient || terms ? 2 * depth : depth;
  for (Index b = 0; b < ceil_div(points, per_block); ++b) {
    const Block some(b, per_block, points);
    const double n = static_cast<double>(points);
    const Run part = run.stage(static_cast<double>(some.first) / n,
                               static_cast<double>(some.first + some.count) / n);
    const View<double> some_u(u.get(), some.count, dim);
    differences(some, some_u);
    if (depth == 0) {  // f is linear
      if (out.gradient) std::fill_n(out.gradient + some.first, some.count, 0.0);
      continue;
    }
    explorer.forward(some_u, out.flips ? out.flips + some.first * depth : nullptr, stages, part);
    if (!terms) {
      if (out.gradient) explorer.gradient(out.gradient + some.first, stages, part);
      continue;
    }
    const View<T> found = explorer.terms(stages, part);
    std::vector<double> sum(static_cast<std::size_t>(dim));
    for (Index p = 0; p < some.count; ++p) {
      std::fill(sum.begin(), sum.end(), 0.0);
      for (Index j = 0; j < depth; ++j) {
        const T* row = found.row((depth - 1 - j) * some.count + p);
        for (std::size_t c = 0; c < sum.size(); ++c) sum[c] += static_cast<double>(row[c]);
        const Index place = (some.first + p) * depth + j;
        if (out.terms) out.terms[place] = norm(row, dim);
        if (out.decomposition) std::copy_n(row, dim, out.decomposition + place * dim);
      }
      if (out.gradient) out.gradient[some.first + p] = norm(sum.data(), dim);
    }
  }
}

template void explore<float>(const Network&, const BasePoint&, const Differences&, Index,
                             const Deviations&, const Run&);
template void explore<double>(const Network&, const BasePoint&, const Differences&, Index,
                              const Deviations&, const Run&);

void angles(View<const double> x, View<const double> u, double* angle, const Run& run) {
  const double length = norm(x.data, x.cols);
  parallel_for(u.rows, run, [&](Index p) {
    // tan θ = |what is across x| / (‖x‖ + what is along it): no cancellation where u is short.
    const double part = length > 0 ? dot<double>(u.row(p), x.data, u.cols) / length / length : 0;
    const Buffer<double> across(u.cols);
    for (Index j = 0; j < u.cols; ++j) across.get()[j] = u.row(p)[j] - part * x.data[j];
    angle[p] = std::atan2(norm(across.get(), u.cols), (1 + part) * length);
  });
}

void sample_ball(std::uint64_t seed, double radius, bool surface, Index first, View<double> u,
                 const Run& run) {
  const Stream directions{seed, Purpose::directions, 0}, radii{seed, Purpose::radii, 0};
  const Index dim = u.cols, rows = std::max<Index>(1, (Index{1} << 12) / dim);
  parallel_for(ceil_div(u.rows, rows), run, [&](Index i) {
    const Block some(i, rows, u.rows);
    const Buffer<float> normal(some.count * dim);
    normals(directions, 1.0f, static_cast<std::uint64_t>((first + some.first) * dim),
            some.count * dim, normal.get());
    for (Index p = some.first; p < some.first + some.count; ++p) {
      const float* g = normal.get() + (p - some.first) * dim;
      const Words4 words = radii.words(static_cast<std::uint64_t>(first + p));
      const std::uint64_t word = std::uint64_t{words[0]} << 32 | words[1];
      const double uniform = (static_cast<double>(word >> 11) + 0.5) * 0x1p-53;
      const double share = surface ? 1.0 : std::pow(uniform, 1.0 / static_cast<double>(dim));
      const double scale = radius * share / norm(g, dim);
      for (Index j = 0; j < dim; ++j) u.row(p)[j] = scale * static_cast<double>(g[j]);
    }
  });
}

}  // namespace randrelu
