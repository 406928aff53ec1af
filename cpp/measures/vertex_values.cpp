#include "measures/vertex_values.hpp"

#include "base/finite.hpp"

namespace randrelu {
namespace {

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
  if (net.depth() == 0) return;
  std::vector<double> sizes(at(d));
  for (Index k = 0; k < d; ++k)
    sizes[at(k)] = std::abs(x.data[k]) + s * std::abs(u.data[k]) + t * std::abs(v.data[k]);
  rounding_.set_sizes(std::move(sizes));
  rounding_.advance(net, 0, asked, z, run.silent());
  find_signs(false, run.silent());
}

void VertexValues::advance(Mixes fresh, const Run& run) {
  vertices_ += fresh.count();
  if (held())
    mixes_ = std::move(fresh);
  else
    mix_further(fresh);
  ++layer_;
  gathered_ends_ = {};
  gathered_units_ = {};
  gathered_ = {};
  take_base(run.stage(0, 0.1));

  if (layer_ == static_cast<Index>(net_.depth())) return;
  const bool fits = vertices_ * units() <= most_held_ / Index{sizeof(double)};
  find_signs(fits || net_.deferred(), run.stage(0.1, 1));
}

// Adds mixes of all vertices, as mixes of those that are held.
void VertexValues::mix_further(const Mixes& fresh) {
  std::vector<std::pair<Id, double>> parts;
  for (Index i = 0; i < fresh.count(); ++i) {
    parts.clear();
    for (Index k = fresh.start(i); k < fresh.ends[at(i)]; ++k) {
      const double weight = fresh.weights[at(k)];
      const Id vertex = fresh.vertices[at(k)];
      if (vertex < held_vertices_) {
        parts.emplace_back(vertex, weight);
        continue;
      }
      const Index mixed = vertex - held_vertices_;
      for (Index m = mixes_.start(mixed); m < mixes_.ends[at(mixed)]; ++m)
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
}

// The values at the first vertex.
void VertexValues::take_base(const Run& run) {
  const Layer& layer = *net_.layers()[at(layer_)];
  std::vector<double> input(bases_.back()), answer(at(layer.fan_out()));
  for (double& value : input) value = std::max(value, 0.0);
  const View<const double> question(input.data(), 1, layer.fan_in());
  const View<double> z(answer.data(), 1, layer.fan_out());
  layer.apply(question, z, unless_small(run, z.cols * question.cols));
  bases_.push_back(answer);
  net_.add_bias(at(layer_), Block(0, z.cols), bases_.back().data());
  require_finite(bases_.back().data(), z.cols);
  if (layer_ < static_cast<Index>(net_.depth()))
    rounding_.advance(net_, layer_, question, z, run.silent());
}

Index VertexValues::rows_at_once() const {
  if (net_.deferred()) return 64;
  return std::clamp<Index>((Index{1} << 17) / units(), 256, kMostPoints);
}

void VertexValues::for_rows(const Run& run, const Rows& use) const {
  const Index size = rows_at_once(), blocks = ceil_div(vertices_, size);
  if (blocks > 1 && !net_.deferred())
    return parallel_for(blocks, run,
                        [&](Index b) { make_rows(Block(b, size, vertices_), Run{1}, use); });
  for (Index b = 0; b < blocks; ++b)
    make_rows(Block(b, size, vertices_),
              unless_small(run.stage(b, b + 1, blocks), vertices_ * net_.widest()), use);
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

void VertexValues::find_signs(bool hold, const Run& run) {
  Signs signs(vertices_, units());
  Buffer<double> rows(hold ? vertices_ * units() : 0);
  std::vector<std::vector<double>> largest(at(ceil_div(vertices_, rows_at_once())));
  for_rows(run, [&](Index first, View<const double> some) {
    if (hold) std::copy_n(some.data, some.rows * some.cols, rows.get() + first * some.cols);
    std::vector<double>& sizes = largest[at(first / rows_at_once())];
    sizes.assign(at(some.cols), 0);
    for (Index r = 0; r < some.rows; ++r) {
      const double* difference = some.row(r);
      Signs::Word *above = signs.above(first + r), *below = signs.below(first + r);
      for (Index j = 0; j < some.cols; j += 64) {
        Signs::Word up = 0, down = 0;
        for (Index k = j; k < std::min(j + 64, some.cols); ++k) {
          const double z = base()[at(k)] + difference[k];
          up |= Signs::Word{z > tolerance(k)} << (k - j);
          down |= Signs::Word{z < -tolerance(k)} << (k - j);
          sizes[at(k)] = std::max(sizes[at(k)], z);
        }
        above[j / 64] = up;
        below[j / 64] = down;
      }
    }
  });
  signs_ = std::move(signs);
  // Activations are convex between these vertices: none is larger.
  std::vector<double> sizes(at(units()));
  for (const std::vector<double>& some : largest)
    for (std::size_t j = 0; j < sizes.size(); ++j) sizes[j] = std::max(sizes[j], some[j]);
  rounding_.set_sizes(std::move(sizes));
  if (!hold) return;
  held_ = std::move(rows);
  held_layer_ = layer_;
  held_vertices_ = vertices_;
  mixes_ = Mixes();
  bases_.erase(bases_.begin(), bases_.end() - 1);
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

double VertexValues::gathered_value(Index vertex, Index unit) const {
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

}  // namespace randrelu
