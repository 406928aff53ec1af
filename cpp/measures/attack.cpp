#include "measures/attack.hpp"

#include <cmath>

#include "base/buffer.hpp"
#include "layers/deferred.hpp"
#include "base/dot.hpp"
#include "base/finite.hpp"

namespace randrelu {
namespace {

// One trial, with room for its points and patterns.
class Trial {
 public:
  Trial(const Network& net, View<const double> x, const Run& run)
      : net_(net), x_(x), run_(run), gradient_(x.cols), stepped_(x.cols) {
    Outputs<double> out = outputs(before_);
    out.values = &f;
    out.gradients = gradient_.get();
    net.evaluate(x, out, next_stage());
    grad_norm = norm(gradient_.get(), x.cols);
  }

  // The change of f where it is linear.
  double change(StepKind kind, double number) const {
    if (kind == StepKind::reflections) return grad_norm > 0 ? -2 * f * number : 0;
    if (kind == StepKind::etas) return number * grad_norm * grad_norm;
    return grad_norm > 0 && f != 0 ? -std::copysign(number, f) : 0;
  }
  double eta(StepKind kind, double number) const {
    if (kind == StepKind::etas) return number;
    return grad_norm > 0 ? change(kind, number) / grad_norm / grad_norm : 0;
  }

  // f(x + η∇f(x)); `linear` is what it is if no unit flips.
  double after(double eta, double linear) {
    const Index dim = x_.cols;
    parallel_for(ceil_div(dim, kPiece), Run{run_.threads}, [&](Index i) {
      const Block some(i, kPiece, dim);
      for (Index j = some.first; j < some.first + some.count; ++j)
        stepped_.get()[j] = x_.data[j] + eta * gradient_.get()[j];
      require_finite(stepped_.get() + some.first, some.count);
    });
    double result = 0;
    Outputs<double> out = outputs(after_);
    out.values = &result;
    net_.evaluate(View<const double>(stepped_.get(), 1, dim), out, next_stage());
    return before_ == after_ ? linear : result;
  }

  double f = 0, grad_norm = 0;

 private:
  static constexpr Index kPiece = Index{1} << 15;
  using Patterns = std::vector<std::vector<Bits>>;
  Outputs<double> outputs(Patterns& patterns) const {
    Outputs<double> out;
    patterns.resize(net_.depth());
    for (std::size_t i = 0; i < net_.depth(); ++i) {
      patterns[i].resize(static_cast<std::size_t>(pattern_bytes(net_.width(i))));
      out.bits.push_back(patterns[i].data());
    }
    return out;
  }

  // Half of what is left: nobody knows how many steps it takes.
  Run next_stage() {
    const double first = done_;
    done_ = (1 + done_) / 2;
    return run_.stage(first, done_);
  }

  const Network& net_;
  View<const double> x_;
  Run run_;
  double done_ = 0;
  Buffer<double> gradient_, stepped_;
  Patterns before_, after_;
};

}  // namespace

void attack_trials(const std::vector<Index>& widths, const std::vector<double>& scales,
                   const std::vector<std::uint64_t>& seeds, View<const double> x,
                   const Steps& steps, const Trials& out, const Run& run) {
  // Small networks one to a thread; a large one takes all.
  constexpr Index kLarge = Index{1} << 15;
  const bool small = *std::max_element(widths.begin(), widths.end()) < kLarge;
  const auto make = [&](Index t, const Run& within) {
    const std::uint64_t seed = seeds[static_cast<std::size_t>(t)];
    const Network net(deferred_layers<double>(widths, seed, scales), seed);
    Trial trial(net, x, within);
    out.f[t] = trial.f;
    out.grad_norm[t] = trial.grad_norm;
    for (std::size_t k = 0; k < steps.numbers.size(); ++k) {
      const double number = steps.numbers[k], eta = trial.eta(steps.kind, number);
      const double f = trial.after(eta, trial.f + trial.change(steps.kind, number));
      out.eta[2 * t + 1] = eta;
      out.f_after[2 * t + 1] = f;
      if (k == 0) {
        out.eta[2 * t] = eta;
        out.f_after[2 * t] = f;
      }
      if ((f > 0) != (trial.f > 0) && (f < 0) != (trial.f < 0) && std::abs(f) >= std::abs(trial.f))
        break;
    }
  };
  const Index trials = static_cast<Index>(seeds.size());
  if (small) return parallel_for(trials, run, [&](Index t) { make(t, Run{1}); });
  for (Index t = 0; t < trials; ++t) {
    const double n = static_cast<double>(trials);
    make(t, run.stage(static_cast<double>(t) / n, static_cast<double>(t + 1) / n));
  }
}

}  // namespace randrelu
