#include "measures/vertex_values.hpp"

#include "base/dot.hpp"
#include "base/finite.hpp"
#include "layers/explicit.hpp"

namespace randrelu {
namespace {

constexpr double kRoundoff = 0x1p-53;

double norm(const std::vector<double>& v) {
  return euclidean_norm(v.data(), static_cast<Index>(v.size()));
}

// Turns the differences of preactivations to those of a base into differences of activations.
void activate(const std::vector<double>& base, double* difference) {
  for (std::size_t j = 0; j < base.size(); ++j) {
    const double before = base[j], after = before + difference[j];
    // Active at both: the difference itself, which has more digits than that of the two.
    const double kept = before > 0 ? difference[j] : after;
    difference[j] = after > 0 ? kept : -std::max(before, 0.0);
  }
}

}  // namespace

void Mixes::append(const Mixes& more) {
  const Index before = static_cast<Index>(vertices.size());
  for (const Index end : more.ends) ends.push_back(before + end);
  vertices.insert(vertices.end(), more.vertices.begin(), more.vertices.end());
  weights.insert(weights.end(), more.weights.begin(), more.weights.end());
}

VertexValues::VertexValues(const Network& net, View<const double> x, View<const double> u,
                           View<const double> v, const std::vector<Point>& corners, Index most_held,
                           const Run& run)
    : net_(net),
      most_held_(most_held),
      vertices_(static_cast<Index>(corners.size())),
      held_vertices_(vertices_),
      held_(vertices_ * net.layers()[0]->fan_out()),
      bases_(1, std::vector<double>(at(net.layers()[0]->fan_out()))) {
  const Index d = net.input_dim(), width = units();
  const Buffer<double> questions(3 * d), answers(3 * width);
  const View<double> asked(questions.get(), 3, d), z(answers.get(), 3, width);
  std::copy_n(x.data, d, asked.row(0));
  std::copy_n(u.data, d, asked.row(1));
  std::copy_n(v.data, d, asked.row(2));
  net.layers()[0]->apply(asked, z, run);
  const Point first = corners[0];
  double s = 0, t = 0;
  for (const Point& p : corners) {
    s = std::max(s, std::abs(p.s));
    t = std::max(t, std::abs(p.t));
  }
  std::vector<double>& base = bases_.back();
  for (Index j = 0; j < width; ++j)
    base[at(j)] = z.row(0)[j] + (first.s * z.row(1)[j] + first.t * z.row(2)[j]);
  net.add_bias(0, Block(0, width), base.data());
  for (Index r = 0; r < vertices_; ++r)
    for (Index j = 0; j < width; ++j)
      held_.get()[r * width + j] =
          (corners[at(r)].s - first.s) * z.row(1)[j] + (corners[at(r)].t - first.t) * z.row(2)[j];
  require_finite(base.data(), width);
  require_finite(held_.get(), vertices_ * width);
  size_ = euclidean_norm(x.data, d) + s * euclidean_norm(u.data, d) + t * euclidean_norm(v.data, d);
  find_tolerances(asked, z, run);
}

void VertexValues::advance(const Mixes& fresh, const Run& run) {
  // The new vertices as mixes of those that are held.
  for (Index i = 0; i < fresh.count(); ++i) {
    std::vector<std::pair<Id, double>> parts;
    for (Index k = fresh.start(i); k < fresh.ends[at(i)]; ++k) {
      const Index vertex = fresh.vertices[at(k)], mixed = vertex - held_vertices_;
      const double weight = fresh.weights[at(k)];
      if (mixed < 0) parts.emplace_back(static_cast<Id>(vertex), weight);
      for (Index m = mixed < 0 ? 0 : mixes_.start(mixed); mixed >= 0 && m < mixes_.ends[at(mixed)];
           ++m)
        parts.emplace_back(mixes_.vertices[at(m)], weight * mixes_.weights[at(m)]);
    }
    std::stable_sort(parts.begin(), parts.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    for (std::size_t k = 0; k < parts.size();) {
      double weight = 0;
      const Id vertex = parts[k].first;
      for (; k < parts.size() && parts[k].first == vertex; ++k) weight += parts[k].second;
      mixes_.add(vertex, weight);
    }
    mixes_.end();
  }
  vertices_ += fresh.count();
  ++layer_;
  gathered_ = {};
  gathered_units_ = {};
  gathered_ends_ = {};
  take_base(run.stage(0, 0.1));

  const bool last = layer_ == static_cast<Index>(net_.depth());
  const Index width = units();
  if (last || (!net_.deferred() && vertices_ * width > most_held_ / Index{sizeof(double)})) return;
  Buffer<double> rows(vertices_ * width);
  for_rows(run.stage(0.1, 1), [&](Index first, View<const double> some) {
    std::copy_n(some.data, some.rows * width, rows.get() + first * width);
  });
  held_ = std::move(rows);
  held_layer_ = layer_;
  held_vertices_ = vertices_;
  mixes_ = Mixes();
  bases_.erase(bases_.begin(), bases_.end() - 1);
}

// The values at the first vertex.
void VertexValues::take_base(const Run& run) {
  const Layer& layer = *net_.layers()[at(layer_)];
  std::vector<double> input(bases_.back()), answer(at(layer.fan_out()));
  for (double& value : input) value = std::max(value, 0.0);
  const View<const double> question(input.data(), 1, layer.fan_in());
  const View<double> z(answer.data(), 1, layer.fan_out());
  layer.apply(question, z, run);
  bases_.push_back(answer);
  net_.add_bias(at(layer_), Block(0, z.cols), bases_.back().data());
  require_finite(bases_.back().data(), z.cols);
  find_tolerances(question, z, run.silent());
}

Index VertexValues::rows_at_once() const {
  return net_.deferred() ? 64 : std::min<Index>(256, net_.points_per_block());
}

void VertexValues::for_rows(const Run& run, const Rows& use) const {
  const Index size = rows_at_once(), blocks = ceil_div(vertices_, size);
  if (blocks > 1 && !net_.deferred())
    return parallel_for(blocks, run,
                        [&](Index b) { make_rows(Block(b, size, vertices_), Run{1}, use); });
  for (Index b = 0; b < blocks; ++b)
    make_rows(Block(b, size, vertices_), run.stage(b, b + 1, blocks), use);
}

void VertexValues::make_rows(Block some, const Run& run, const Rows& use) const {
  const Index width = static_cast<Index>(bases_.front().size());
  if (held()) return use(some.first, {held_.get() + some.first * width, some.count, width});
  Buffer<double> rows(some.count * width);
  for (Index r = 0; r < some.count; ++r) mix(some.first + r, rows.get() + r * width);
  for (Index i = held_layer_; i < layer_; ++i) {
    const Layer& layer = *net_.layers()[at(i + 1)];
    Buffer<double> next(some.count * layer.fan_out());
    for (Index r = 0; r < some.count; ++r)
      activate(bases_[at(i - held_layer_)], rows.get() + r * layer.fan_in());
    layer.apply(View<const double>(rows.get(), some.count, layer.fan_in()),
                View<double>(next.get(), some.count, layer.fan_out()),
                run.stage(i - held_layer_, i + 1 - held_layer_, layer_ - held_layer_));
    require_finite(next.get(), some.count * layer.fan_out());
    rows = std::move(next);
  }
  use(some.first, {rows.get(), some.count, units()});
}

void VertexValues::mix(Index vertex, double* out) const {
  const Index width = static_cast<Index>(bases_.front().size());
  if (vertex < held_vertices_) {
    std::copy_n(held_.get() + vertex * width, width, out);
    return;
  }
  std::fill_n(out, width, 0.0);
  const Index mixed = vertex - held_vertices_;
  for (Index k = mixes_.start(mixed); k < mixes_.ends[at(mixed)]; ++k) {
    const double weight = mixes_.weights[at(k)];
    const double* other = held_.get() + mixes_.vertices[at(k)] * width;
    for (Index j = 0; j < width; ++j) out[j] += weight * other[j];
  }
}

Signs VertexValues::signs(const Run& run) {
  Signs signs(vertices_, units());
  std::vector<double> norms(at(vertices_));
  for_rows(run, [&](Index first, View<const double> some) {
    for (Index r = 0; r < some.rows; ++r) {
      const double* difference = some.row(r);
      Signs::Word *above = signs.above(first + r), *below = signs.below(first + r);
      double squares = 0;
      for (Index j = 0; j < units(); j += 64) {
        Signs::Word up = 0, down = 0;
        for (Index k = j; k < std::min(j + 64, units()); ++k) {
          const double z = base()[at(k)] + difference[k];
          up |= Signs::Word{z > tolerances_[at(k)]} << (k - j);
          down |= Signs::Word{z < -tolerances_[at(k)]} << (k - j);
          squares += z > 0 ? z * z : 0;
        }
        above[j / 64] = up;
        below[j / 64] = down;
      }
      norms[at(first + r)] = std::sqrt(squares);
    }
  });
  // Activations are convex between these vertices: none is longer.
  size_ = *std::max_element(norms.begin(), norms.end());
  return signs;
}

void VertexValues::gather(const std::vector<Signs::Word>& wanted, const Run& run) {
  const Index words = ceil_div(units(), 64);
  for (Index v = 0; v < vertices_; ++v) {
    for (Index w = 0; w < words; ++w)
      for_bits(wanted[at(v * words + w)], w,
               [&](Index j) { gathered_units_.push_back(static_cast<Id>(j)); });
    gathered_ends_.push_back(static_cast<Index>(gathered_units_.size()));
  }
  gathered_.resize(gathered_units_.size());
  for_rows(run, [&](Index first, View<const double> some) {
    for (Index r = 0; r < some.rows; ++r)
      for (Index k = first + r ? gathered_ends_[at(first + r - 1)] : 0;
           k < gathered_ends_[at(first + r)]; ++k) {
        const Index unit = gathered_units_[at(k)];
        gathered_[at(k)] = base()[at(unit)] + some.row(r)[unit];
      }
  });
}

double VertexValues::value(Index vertex, Index unit) const {
  if (held()) return base()[at(unit)] + held_.get()[vertex * units() + unit];
  const auto begin = gathered_units_.begin() + (vertex ? gathered_ends_[at(vertex - 1)] : 0),
             end = gathered_units_.begin() + gathered_ends_[at(vertex)];
  const auto place = std::lower_bound(begin, end, static_cast<Id>(unit));
  assert(place != end && *place == unit);
  return gathered_[at(place - gathered_units_.begin())];
}

std::vector<double> VertexValues::all(const Run& run) const {
  std::vector<double> values(at(vertices_ * units()));
  for_rows(run, [&](Index first, View<const double> some) {
    for (Index r = 0; r < some.rows; ++r)
      for (Index j = 0; j < units(); ++j)
        values[at((first + r) * units() + j)] = base()[at(j)] + some.row(r)[j];
  });
  return values;
}

// What rounding may have done to a value z_j = W_j a + b_j, if every step errs as it may: a sum of n products
// errs by n roundings of ‖W_j‖‖a‖, and a few dozen more are for the interpolations between vertices. An
// error e that a has already becomes W_j e, at most ‖W_j‖‖e‖; and the vector of all of these is as long as
// a matrix of such rows makes vectors at most, were its entries independent, twice over: it would be wrong by
// far to let it grow by ‖W‖_F, as no error points where W stretches most in every layer.
void VertexValues::find_tolerances(View<const double> question, View<const double> answer,
                                   const Run& run) {
  const Layer& layer = *net_.layers()[at(layer_)];
  const double n = static_cast<double>(layer.fan_in()), m = static_cast<double>(units());
  std::vector<double> norms(at(units()));
  if (layer.deferred()) {
    // All rows are as long as n independent entries, whose size every answer shows.
    double stretch = 0;
    for (Index r = 0; r < question.rows; ++r) {
      const double asked = euclidean_norm(question.row(r), question.cols);
      if (asked > 0) stretch = std::max(stretch, euclidean_norm(answer.row(r), units()) / asked);
    }
    std::fill(norms.begin(), norms.end(), stretch * std::sqrt(n / m));
  } else if (layer_ < static_cast<Index>(net_.depth())) {
    row_norms(layer, norms.data(), run);
  }
  const double own = (n + 32) * kRoundoff * size_;
  const std::vector<double>& bias = net_.bias(at(layer_));
  tolerances_.resize(norms.size());
  for (Index j = 0; j < units(); ++j)
    tolerances_[at(j)] =
        norms[at(j)] * (error_ + own) + (bias.empty() ? 0 : 8 * kRoundoff * std::abs(bias[at(j)]));
  const double whole = norm(norms), grown = 2 * whole * (1 / std::sqrt(n) + 1 / std::sqrt(m));
  error_ = std::min(whole, grown) * error_ + whole * own + 8 * kRoundoff * norm(bias);
}

}  // namespace randrelu
