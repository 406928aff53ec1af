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

}  // namespace

VertexValues::VertexValues(const Network& net, View<const double> x, View<const double> u,
                           View<const double> v, const std::vector<Point>& corners, const Run& run)
    : VertexValues(0, static_cast<Index>(corners.size()), net.layers()[0]->fan_out()) {
  const Index d = net.input_dim();
  const Buffer<double> questions(3 * d), answers(3 * units());
  const View<double> asked(questions.get(), 3, d), z(answers.get(), 3, units());
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
  for (Index j = 0; j < units(); ++j)
    base_[at(j)] = z.row(0)[j] + (first.s * z.row(1)[j] + first.t * z.row(2)[j]);
  net.add_bias(0, Block(0, units()), base_.data());
  for (Index r = 0; r < rows_; ++r)
    for (Index j = 0; j < units(); ++j)
      row(r)[j] =
          (corners[at(r)].s - first.s) * z.row(1)[j] + (corners[at(r)].t - first.t) * z.row(2)[j];
  require_finite(base_.data(), units());
  require_finite(row(0), rows_ * units());
  const double size =
      euclidean_norm(x.data, d) + s * euclidean_norm(u.data, d) + t * euclidean_norm(v.data, d);
  find_tolerances(net, asked, z, size, 0, run);
}

VertexValues VertexValues::next(const Network& net, const Mixes& fresh, const Run& run) const {
  const Layer& layer = *net.layers()[at(layer_ + 1)];
  const Index all = rows_ + fresh.count(), width = units();
  VertexValues result(layer_ + 1, all, layer.fan_out());
  std::vector<double> base(at(width));
  for (Index j = 0; j < width; ++j) base[at(j)] = std::max(base_[at(j)], 0.0);
  const View<const double> question(base.data(), 1, width);
  const View<double> answer(result.base_.data(), 1, result.units());
  layer.apply(question, answer, run.stage(0, 1, all + 1));
  std::vector<double> linear = result.base_;
  net.add_bias(at(layer_ + 1), Block(0, result.units()), result.base_.data());
  require_finite(result.base_.data(), result.units());

  const Index size = std::min(all, net.deferred() ? Index{64} : net.points_per_block());
  const Buffer<double> activations(size * width);
  std::vector<double> norms(at(all));
  for (Index b = 0; b < ceil_div(all, size); ++b) {
    const Block some(b, size, all);
    const View<double> a(activations.get(), some.count, width);
    for_each_row(some.count, width, run.silent(), [&](Index r) {
      activate(some.first + r, fresh, a.row(r));
      norms[at(some.first + r)] = euclidean_norm(a.row(r), width);
    });
    const View<double> z(result.row(some.first), some.count, result.units());
    layer.apply(a, z, run.stage(some.first + 1, some.first + some.count + 1, all + 1));
    for_each_row(some.count, z.cols, run.silent(),
                 [&](Index r) { require_finite(z.row(r), z.cols); });
  }
  const double longest = norm(base) + *std::max_element(norms.begin(), norms.end());
  result.find_tolerances(net, question, View<const double>(linear.data(), 1, result.units()),
                         longest, error_, run.silent());
  return result;
}

void VertexValues::activate(Index vertex, const Mixes& fresh, double* out) const {
  const Index width = units();
  const double* difference = row(vertex < rows_ ? vertex : 0);
  if (vertex >= rows_) {
    std::fill_n(out, width, 0.0);
    for (Index k = fresh.start(vertex - rows_); k < fresh.ends[at(vertex - rows_)]; ++k) {
      const double weight = fresh.weights[at(k)];
      const double* other = row(fresh.vertices[at(k)]);
      for (Index j = 0; j < width; ++j) out[j] += weight * other[j];
    }
    difference = out;
  }
  for (Index j = 0; j < width; ++j) {
    const double before = base_[at(j)], after = before + difference[j];
    // Active at both: the difference itself, which has more digits than that of the two.
    const double kept = before > 0 ? difference[j] : after;
    out[j] = after > 0 ? kept : -std::max(before, 0.0);
  }
}

// What rounding may have done to a value z_j = W_j a + b_j, if every step errs as it may: a sum of n products
// errs by n roundings of ‖W_j‖‖a‖, and a few dozen more are for the interpolations between vertices. An
// error e that a has already becomes W_j e, at most ‖W_j‖‖e‖; and the vector of all of these is as long as
// a matrix of such rows makes vectors at most, were its entries independent, twice over: it would be wrong by
// far to let it grow by ‖W‖_F, as no error points where W stretches most in every layer.
void VertexValues::find_tolerances(const Network& net, View<const double> question,
                                   View<const double> answer, double size, double inherited,
                                   const Run& run) {
  const Layer& layer = *net.layers()[at(layer_)];
  const double n = static_cast<double>(layer.fan_in()), m = static_cast<double>(units());
  std::vector<double> norms(at(units()));
  if (layer.deferred()) {
    // All rows are as long as n independent entries, whose size every answer shows.
    double row_norm = 0;
    for (Index r = 0; r < question.rows; ++r) {
      const double asked = euclidean_norm(question.row(r), question.cols);
      if (asked > 0) row_norm = std::max(row_norm, euclidean_norm(answer.row(r), units()) / asked);
    }
    std::fill(norms.begin(), norms.end(), row_norm * std::sqrt(n / m));
  } else if (layer_ < static_cast<Index>(net.depth())) {
    row_norms(layer, norms.data(), run);
  }
  const double own = (n + 32) * kRoundoff * size;
  const std::vector<double>& bias = net.bias(at(layer_));
  for (Index j = 0; j < units(); ++j)
    tolerances_.push_back(norms[at(j)] * (inherited + own) +
                          (bias.empty() ? 0 : 8 * kRoundoff * std::abs(bias[at(j)])));
  const double whole = norm(norms), grown = 2 * whole * (1 / std::sqrt(n) + 1 / std::sqrt(m));
  error_ = std::min(whole, grown) * inherited + whole * own + 8 * kRoundoff * norm(bias);
}

}  // namespace randrelu
