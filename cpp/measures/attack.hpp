// Gradient steps on many fresh deferred networks: a trial is a network, f and ∇f at x, and f behind one
// step after the other until one turns the sign (Theorem 1.1).
#pragma once

#include "network/network.hpp"

namespace randrelu {

// What the numbers of the steps are.
enum class StepKind { reflections = 0, changes = 1, etas = 2 };

struct Steps {
  // Multiples of −2f, sizes of a change of f towards 0 and beyond (both where f is linear), or η.
  StepKind kind;
  std::vector<double> numbers;
};

// A row per trial.
struct Trials {
  double* f;
  double* grad_norm;
  double* eta;      // (trials, 2): of the first step, and of the one that succeeded, else the last
  double* f_after;  // (trials, 2)
};

void attack_trials(const std::vector<Index>& widths, const std::vector<double>& scales,
                   const std::vector<std::uint64_t>& seeds, View<const double> x,
                   const Steps& steps, const Trials& out, const Run& run);

}  // namespace randrelu
