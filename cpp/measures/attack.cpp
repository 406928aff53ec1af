#include "measures/attack.hpp"

#include <cmath>
#include <stdexcept>

#include "base/dot.hpp"
#include "layers/deferred.hpp"

namespace randrelu {
namespace {

int sign(double x) { return (x > 0) - (x < 0); }

}  // namespace

bool sign_flips(double before, double after) { return sign(before) != sign(after); }

bool succeeds(double before, double after) {
  return sign_flips(before, after) && std::abs(after) >= std::abs(before);
}

Attack::Attack(const Network& net, View<const double> x, const Run& run)
    : net_(net),
      x_(x),
      f_(at(x.rows)),
      grad_norms_(at(x.rows)),
      gradients_(x.rows * x.cols),
      forgotten_(net.forgotten()) {
  Outputs<double> out;
  out.gradients = gradients_.get();
  patterns_ = evaluate(x, f_.data(), out, run);
  for (Index p = 0; p < x.rows; ++p)
    grad_norms_[at(p)] = euclidean_norm(gradients().row(p), x.cols);
}

Attack::Patterns Attack::evaluate(View<const double> x, double* f, Outputs<double> out,
                                  const Run& run) const {
  Patterns patterns(net_.depth());
  for (std::size_t i = 0; i < net_.depth(); ++i) {
    patterns[i].resize(at(x.rows * pattern_bytes(net_.width(i))));
    out.bits.push_back(patterns[i].data());
  }
  out.values = f;
  net_.evaluate(x, out, run);
  return patterns;
}

double Attack::change(StepKind kind, double number, Index p) const {
  const double f = f_[at(p)], grad_norm = grad_norms_[at(p)];
  if (kind == StepKind::etas) return number * grad_norm * grad_norm;
  if (!(grad_norm > 0)) return 0;
  return kind == StepKind::reflections ? -2 * f * number : -sign(f) * number;
}

double Attack::eta(StepKind kind, double number, Index p) const {
  if (kind == StepKind::etas) return number;
  const double grad_norm = grad_norms_[at(p)];
  return grad_norm > 0 ? change(kind, number, p) / grad_norm / grad_norm : 0;
}

bool Attack::same_pattern(const Patterns& after, Index row, Index p) const {
  for (std::size_t i = 0; i < net_.depth(); ++i) {
    const Index bytes = pattern_bytes(net_.width(i));
    const Bits* here = after[i].data() + row * bytes;
    if (!std::equal(here, here + bytes, patterns_[i].data() + p * bytes)) return false;
  }
  return true;
}

void Attack::step(StepKind kind, View<const double> numbers, double* eta, View<double> x_after,
                  double* f_after, const Run& run) const {
  net_.require_unforgotten(forgotten_);
  const Index points = x_.rows;
  assert(numbers.cols == points && x_after.rows == numbers.rows * points);
  for_each_piece(x_after.rows, x_.cols, run.silent(), [&](Index row, Block some) {
    const Index p = row % points;
    const double own = this->eta(kind, numbers.data[row], p);
    if (some.first == 0) eta[row] = own;
    bool finite = std::isfinite(own);
    for (Index j = some.first; j < some.first + some.count; ++j) {
      x_after.row(row)[j] = x_.row(p)[j] + own * gradients().row(p)[j];
      finite &= std::isfinite(x_after.row(row)[j]);
    }
    if (!finite)
      throw std::overflow_error(
          "η or x + η∇f(x) leaves the range of float64; choose a smaller eta, or weights and "
          "points of another scale");
  });
  const Patterns after = evaluate(x_after, f_after, {}, run);
  for (Index row = 0; row < x_after.rows; ++row)
    if (const Index p = row % points; same_pattern(after, row, p))
      f_after[row] = f_[at(p)] + change(kind, numbers.data[row], p);
}

void attack_trials(const std::vector<Index>& widths, const std::vector<double>& scales,
                   const std::vector<std::uint64_t>& seeds, View<const double> x, StepKind kind,
                   const std::vector<double>& numbers, const Trials& out, const Run& run) {
  const auto trial = [&](Index t, const Run& within) {
    const std::uint64_t seed = seeds[at(t)];
    const Network net(deferred_layers<double>(widths, seed, scales), seed);
    // Every step takes half of what is left of the run: nobody knows how many there are.
    double done = 0;
    const auto next_stage = [&] {
      const double first = done;
      done = (1 + done) / 2;
      return within.stage(first, done);
    };
    const Attack attack(net, x, next_stage());
    const double f = attack.f()[0];
    out.f[t] = f;
    out.grad_norm[t] = attack.grad_norms()[0];
    const Buffer<double> x_after(x.cols);
    for (std::size_t k = 0; k < numbers.size(); ++k) {
      double &eta = out.eta[2 * t + 1], &f_after = out.f_after[2 * t + 1];
      attack.step(kind, View<const double>(&numbers[k], 1, 1), &eta,
                  View<double>(x_after.get(), 1, x.cols), &f_after, next_stage());
      if (k == 0) {
        out.eta[2 * t] = eta;
        out.f_after[2 * t] = f_after;
      }
      if (succeeds(f, f_after)) break;
    }
  };
  const Index trials = static_cast<Index>(seeds.size());
  if (*std::max_element(widths.begin(), widths.end()) < kWideTrial)
    return parallel_for(trials, run, [&](Index t) { trial(t, Run{1}); });
  for (Index t = 0; t < trials; ++t) trial(t, run.stage(t, t + 1, trials));
}

}  // namespace randrelu
