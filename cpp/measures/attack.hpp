// Gradient steps x + η∇f(x), and whether they turn the sign of f (Theorem 1.1): η, f after the step and the
// rule of success are defined here alone. Where a network has several outputs, f is the margin of the one
// that is largest at x over another: m = f_top − f_other.
#pragma once

#include <cmath>

#include "measures/margins.hpp"

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
  // Evaluates f and ∇f at the points x (N, d), which must outlive this. Where there are several outputs,
  // `against` has the other one of every point (N,); null or a negative entry is the runner-up.
  Attack(const Network& net, View<const double> x, const Index* against, const Run& run);

  const Network& network() const { return net_; }
  View<const double> points() const { return x_; }
  View<const double> gradients() const { return {gradients_.get(), x_.rows, x_.cols}; }
  const std::vector<double>& f() const { return f_; }                    // (N,)
  const std::vector<double>& grad_norms() const { return grad_norms_; }  // (N,)
  // (N,), or empty where there is one output. `other` may be `top`, whose margin over itself is 0.
  const std::vector<Index>& top() const { return top_; }
  const std::vector<Index>& other() const { return other_; }

  // The shortest step along ±∇f(x) after which f is as far beyond 0 as its goal (N,), its η (N,); NaN where
  // there is none within lengths (N,). With `any_other` the margin that gets there is that over any other output.
  void reach(const double* goals, const double* lengths, bool any_other, Index most_flips,
             double* eta, const Run& run) const;

  // Where step() writes, a row for each of K × N.
  struct Steps {
    double* eta;
    View<double> x_after;  // (K × N, d)
    double* f_after;
    Index* top_after;  // the largest output; null where there is one
  };
  // K steps from every point, their numbers (K, N): η, the points they lead to, and f evaluated there. A
  // point whose gradient is 0 stays where it is, with η = 0 unless the numbers are η. `goals` (N), or null,
  // say how far beyond 0 f is to come, in |f|: a step that misses its own by rounding alone goes on by about
  // the fewest ulps of η that an evaluation shows to reach it. With `any_other`, the margin that is to get there is
  // that over any other output.
  void step(StepKind kind, View<const double> numbers, const double* goals, bool any_other,
            const Steps& steps, const Run& run) const;

 private:
  Functions functions(Index p, bool any_other) const;
  // f of point p, or with `any_other` its smallest margin, from the outputs at some place.
  double read(Index p, const double* outputs, bool any_other) const;
  // How much the step changes f where it is linear.
  double change(StepKind kind, double number, Index p) const;
  double eta(StepKind kind, double number, Index p) const;
  // Writes x + η∇f(x), as much of it as `some`, and returns whether all of that is finite.
  bool move(Index p, double eta, Block some, double* to) const;
  // How far an f is beyond 0, seen from f(x), and how far it has to be.
  double beyond(Index p, double f) const;
  double required(Index p, double goal) const;
  void record(Index p, const double* outputs, const Steps& steps, Index row) const;
  // A step that goes on, by ulps of η.
  struct Search {
    Search(Index row_, double start_, double target_, double goal_)
        : row(row_), start(start_), target(target_), goal(goal_) {}
    double eta(double more) const { return std::copysign(std::abs(start) + more * ulp, start); }
    Index row;
    double start, target, goal;      // η, and how far beyond 0 f is to be shown, and to come
    double ulp = 0, most = 0;        // how far it may go on
    double too_few = 0, enough = 0;  // ulps; 0 where none was enough so far
    bool ended = false;
    // The last few that were tried, the first of them that was enough, and the one that is kept.
    double ulps[kFewPoints] = {}, reached[kFewPoints] = {};
    Index found = kFewPoints, kept = -1;
  };
  void begin(Search& search, double beyond) const;
  void go_on(std::vector<Search>& searches, bool any_other, const Steps& steps,
             const Run& run) const;
  // Fills y with the next few points of a search, and returns whether they are finite.
  bool propose(Search& search, View<double> y) const;
  void narrow(Search& search) const;

  const Network& net_;
  View<const double> x_;
  std::vector<Index> top_, other_;
  std::vector<double> f_, grad_norms_, roundings_;
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
