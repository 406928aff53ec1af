#include "measures/plane/vertex_values.hpp"

#include "base/buffer.hpp"
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

// How many vertices go through a layer at once.
Index vertices_at_once(const Network& net, Index units) {
  if (net.deferred()) return 64;
  return std::clamp<Index>((Index{1} << 17) / units, 256, kMostPoints);
}

}  // namespace

VertexValues::VertexValues(const Network& net, Index layer, Index vertices)
    : net_(&net),
      layer_(layer),
      vertices_(vertices),
      base_(at(net.layers()[at(layer)]->fan_out())),
      rows_(new double[at(vertices * units())]),
      signs_(hidden() ? Signs(vertices, units()) : Signs(0, 0)) {}

VertexValues::VertexValues(const Network& net, View<const double> x, View<const double> u,
                           View<const double> v, const std::vector<Point>& corners, const Run& run)
    : VertexValues(net, 0, static_cast<Index>(corners.size())) {
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
  for (Index j = 0; j < width; ++j)
    base_[at(j)] = z.row(0)[j] + (first.s * z.row(1)[j] + first.t * z.row(2)[j]);
  net.add_bias(0, Block(0, width), base_.data());
  for (Index r = 0; r < vertices_; ++r)
    for (Index j = 0; j < width; ++j)
      row(r)[j] =
          (corners[at(r)].s - first.s) * z.row(1)[j] + (corners[at(r)].t - first.t) * z.row(2)[j];
  require_finite(base_.data(), width);
  require_finite(rows_.get(), vertices_ * width);
  if (!hidden()) return;
  std::vector<double> sizes(at(d));
  for (Index k = 0; k < d; ++k)
    sizes[at(k)] = std::abs(x.data[k]) + s * std::abs(u.data[k]) + t * std::abs(v.data[k]);
  rounding_.set_sizes(std::move(sizes));
  rounding_.advance(net, 0, asked, z, run.silent());
  find_signs(run.silent());
  rounding_.set_sizes(largest());
}

VertexValues VertexValues::next(const Mixes& mixes, const Run& run) const {
  VertexValues result(*net_, layer_ + 1, mixes.count());
  result.find_base(*this, run.stage(0, 0.1));
  result.find_rows(*this, mixes, nullptr, run.stage(0.1, 0.9));
  if (!result.hidden()) return result;
  result.find_signs(run.stage(0.9, 1));
  result.rounding_.set_sizes(result.largest());
  return result;
}

VertexValues VertexValues::next(const Mixes& mixes, const Known& known, const Run& run) const {
  VertexValues result(*net_, layer_ + 1, mixes.count());
  result.base_ = known.values.base_;
  result.rounding_ = known.values.rounding_;
  result.find_rows(*this, mixes, &known, run.stage(0, 0.9));
  if (result.hidden()) result.find_signs(run.stage(0.9, 1));
  return result;
}

void VertexValues::find_base(const VertexValues& before, const Run& run) {
  const Layer& layer = *net_->layers()[at(layer_)];
  std::vector<double> input(before.base_);
  for (double& value : input) value = std::max(value, 0.0);
  const View<const double> question(input.data(), 1, layer.fan_in());
  const Buffer<double> answer(units());
  const View<double> z(answer.get(), 1, units());
  layer.apply(question, z, unless_small(run, z.cols * question.cols));
  std::copy_n(z.data, z.cols, base_.data());
  net_->add_bias(at(layer_), Block(0, z.cols), base_.data());
  require_finite(base_.data(), z.cols);
  if (!hidden()) return;
  rounding_ = before.rounding_;
  rounding_.advance(*net_, layer_, question, z, run.silent());
}

void VertexValues::find_rows(const VertexValues& before, const Mixes& mixes, const Known* known,
                             const Run& run) {
  std::vector<Index> open;
  for (Index v = 0; v < vertices_; ++v)
    if (const Id place = known ? known->places[at(v)] : -1; place < 0)
      open.push_back(v);
    else
      std::copy_n(known->values.row(place), units(), row(v));

  const Layer& layer = *net_->layers()[at(layer_)];
  const Index size = vertices_at_once(*net_, units()), count = static_cast<Index>(open.size()),
              blocks = ceil_div(count, size);
  const auto block = [&](Index b, const Run& own) {
    const Block some(b, size, count);
    const Buffer<double> input(some.count * layer.fan_in()), output(some.count * units());
    const View<double> question(input.get(), some.count, layer.fan_in());
    const View<double> answer(output.get(), some.count, units());
    const Index* const vertices = open.data() + some.first;
    for (Index r = 0; r < some.count; ++r) before.mix(mixes, vertices[r], question.row(r));
    layer.apply(View<const double>(question.data, question.rows, question.cols), answer, own);
    require_finite(output.get(), some.count * units());
    for (Index r = 0; r < some.count; ++r) std::copy_n(answer.row(r), units(), row(vertices[r]));
  };
  if (blocks > 1 && !net_->deferred())
    parallel_for(blocks, run, [&](Index b) { block(b, Run{1}); });
  else
    for (Index b = 0; b < blocks; ++b)
      block(b, unless_small(run.stage(b, b + 1, blocks), count * net_->widest()));
}

void VertexValues::mix(const Mixes& mixes, Index i, double* out) const {
  std::fill_n(out, units(), 0.0);
  for (Index k = mixes.start(i); k < mixes.ends[at(i)]; ++k) {
    const double weight = mixes.weights[at(k)];
    const double* const other = row(mixes.vertices[at(k)]);
    for (Index j = 0; j < units(); ++j) out[j] += weight * other[j];
  }
  activate(base_, out);
}

void VertexValues::find_signs(const Run& run) {
  for_each_row(vertices_, units(), run, [&](Index v) {
    Signs::Word *above = signs_.above(v), *below = signs_.below(v);
    for (Index j = 0; j < units(); j += 64) {
      Signs::Word up = 0, down = 0;
      for (Index k = j; k < std::min(j + 64, units()); ++k) {
        const double z = value(v, k);
        up |= Signs::Word{z > tolerance(k)} << (k - j);
        down |= Signs::Word{z < -tolerance(k)} << (k - j);
      }
      above[j / 64] = up;
      below[j / 64] = down;
    }
  });
}

// The largest activation of every unit at any vertex: between them they are convex, and none is larger.
std::vector<double> VertexValues::largest() const {
  std::vector<double> result(base_.size());
  for (Index v = 0; v < vertices_; ++v)
    for (Index j = 0; j < units(); ++j) result[at(j)] = std::max(result[at(j)], value(v, j));
  return result;
}

std::vector<double> VertexValues::all() const {
  std::vector<double> values(at(vertices_ * units()));
  for (Index v = 0; v < vertices_; ++v)
    for (Index j = 0; j < units(); ++j) values[at(v * units() + j)] = value(v, j);
  return values;
}

}  // namespace randrelu
