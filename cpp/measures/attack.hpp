// Gradient steps x + η∇f(x), and whether they turn the sign of f (Theorem 1.1): η, f after the step and the
// rule of success are defined here alone.
#pragma once

#include "network/network.hpp"

namespace randrelu {

// Whether the signs differ, of which there are three: f(x) = 0 has the sign 0.
bool sign_flips(double before, double after);
// The conclusion of Theorem 1.1: the sign differs, and |f| is no smaller, but larger by `margin`.
bool succeeds(double before, double after, double margin = 0);

// What the number of a step is.
enum class StepKind {
  reflections,  // a multiple of −2f, the change of f that turns it into −f: where f is linear
  changes,      // the size of a change of f towards 0 and beyond, where f is linear
  etas          // η
};

// Points from which steps are taken.
class Attack {
 public:
  // Evaluates f, ∇f and the patterns at the points x (N, d), which must outlive this.
  Attack(const Network& net, View<const double> x, const Run& run);

  const Network& network() const { return net_; }
  View<const double> points() const { return x_; }
  View<const double> gradients() const { return {gradients_.get(), x_.rows, x_.cols}; }
  const std::vector<double>& f() const { return f_; }                    // (N,)
  const std::vector<double>& grad_norms() const { return grad_norms_; }  // (N,)

  // K steps from every point, their numbers (K, N): η (K, N), the points they lead to (K × N, d), and f
  // evaluated there (K, N). A point whose gradient is 0 stays where it is, with η = 0 unless the numbers
  // are η. `goals` (N), or null, say how far beyond 0 f is to come, in |f|: a step that misses its own by
  // rounding alone goes on by the fewest ulps of η that an evaluation shows to reach it.
  void step(StepKind kind, View<const double> numbers, const double* goals, double* eta,
            View<double> x_after, double* f_after, const Run& run) const;

 private:
  // How much the step changes f where it is linear.
  double change(StepKind kind, double number, Index p) const;
  double eta(StepKind kind, double number, Index p) const;
  // Writes x + η∇f(x), as much of it as `some`, and returns whether all of that is finite.
  bool move(Index p, double eta, Block some, double* to) const;
  // How far an f is beyond 0, seen from f(x), and how far it has to be.
  double beyond(Index p, double f) const;
  double required(Index p, double goal) const;
  void go_on(Index p, double goal, double& eta, double* x_after, double& f_after,
             const Run& run) const;

  const Network& net_;
  View<const double> x_;
  std::vector<double> f_, norms_, grad_norms_, roundings_;
  Buffer<double> gradients_;
  std::uint64_t forgotten_;
};

// Networks at least this wide are attacked one after the other, each on all threads; narrower ones side by
// side.
constexpr Index kWideTrial = Index{1} << 15;

// What came of many trials, a row each.
struct Trials {
  double* f;
  double* grad_norm;
  double* eta;      // (trials, 2): of the first step, and of the one that succeeded, else the last
  double* f_after;  // (trials, 2)
};

// A trial is a fresh deferred network, and steps from x (1, d) one after the other until one succeeds.
void attack_trials(const std::vector<Index>& widths, const std::vector<double>& scales,
                   const std::vector<std::uint64_t>& seeds, View<const double> x, StepKind kind,
                   const std::vector<double>& numbers, const Trials& out, const Run& run);

}  // namespace randrelu
