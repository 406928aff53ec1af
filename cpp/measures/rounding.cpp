#include "measures/rounding.hpp"

#include <cmath>

#include "base/dot.hpp"
#include "layers/explicit.hpp"

namespace randrelu {
namespace {

constexpr double kRoundoff = 0x1p-53;

double norm(const std::vector<double>& v) {
  return euclidean_norm(v.data(), static_cast<Index>(v.size()));
}

}  // namespace

// What rounding may have done to a value z_j = W_j a + b_j, if every step errs as it may: a sum of n products
// errs by n roundings of ‖W_j‖‖a‖, and a few dozen more are for the interpolations between vertices. An
// error e that a has already becomes W_j e, at most ‖W_j‖‖e‖; and the vector of all of these is as long as
// a matrix of such rows makes vectors at most, were its entries independent, twice over: it would be wrong by
// far to let it grow by ‖W‖_F, as no error points where W stretches most in every layer.
void Rounding::advance(const Network& net, Index number, View<const double> questions,
                       View<const double> answers, const Run& run) {
  const Layer& layer = *net.layers()[at(number)];
  const Index units = layer.fan_out();
  const double n = static_cast<double>(layer.fan_in()), m = static_cast<double>(units);
  std::vector<double> norms(at(units));
  if (layer.deferred()) {
    // All rows are as long as n independent entries, whose size every answer shows.
    double stretch = 0;
    for (Index r = 0; r < questions.rows; ++r) {
      const double asked = euclidean_norm(questions.row(r), questions.cols);
      if (asked > 0) stretch = std::max(stretch, euclidean_norm(answers.row(r), units) / asked);
    }
    std::fill(norms.begin(), norms.end(), stretch * std::sqrt(n / m));
  } else if (number < static_cast<Index>(net.depth())) {
    row_norms(layer, norms.data(), unless_small(run, units * layer.fan_in()));
  }
  const double own = (n + 32) * kRoundoff * size_;
  const std::vector<double>& bias = net.bias(at(number));
  tolerances_.resize(norms.size());
  for (Index j = 0; j < units; ++j)
    tolerances_[at(j)] =
        norms[at(j)] * (error_ + own) + (bias.empty() ? 0 : 8 * kRoundoff * std::abs(bias[at(j)]));
  const double whole = norm(norms), grown = 2 * whole * (1 / std::sqrt(n) + 1 / std::sqrt(m));
  error_ = std::min(whole, grown) * error_ + whole * own + 8 * kRoundoff * norm(bias);
}

}  // namespace randrelu
