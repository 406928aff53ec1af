#include "measures/plane/rounding.hpp"

#include <cmath>

#include "base/buffer.hpp"
#include "base/dot.hpp"
#include "base/finite.hpp"
#include "layers/explicit.hpp"

namespace randrelu {
namespace {

constexpr double kRoundoff = 0x1p-53;
constexpr double kDeviations = 16;

// What becomes of errors and sizes in a sum with some weights.
struct Sums {
  double variance = 0, size = 0;
};

template <class W>
Sums weigh(const W* weights, const std::vector<double>& variances,
           const std::vector<double>& sizes) {
  Sums sums;
  for (std::size_t k = 0; k < sizes.size(); ++k) {
    const double w = std::abs(static_cast<double>(weights[k]));
    sums.size += w * sizes[k];
    if (!variances.empty()) sums.variance += w * w * variances[k];
  }
  return sums;
}

// The same for all units of a layer.
std::vector<Sums> weigh(const Layer& layer, const std::vector<double>& variances,
                        const std::vector<double>& sizes, const Run& run) {
  std::vector<Sums> sums(at(layer.fan_out()));
  with_weights(layer, [&](const auto& weights) {
    using Weight = std::remove_cv_t<
        std::remove_pointer_t<decltype(weights.tile({0, 1}, {0, 1}, nullptr).data)>>;
    constexpr Index kUnits = 16;
    parallel_for(ceil_div(layer.fan_out(), kUnits), run, [&](Index b) {
      const Block some(b, kUnits, layer.fan_out());
      const Buffer<Weight> buffer(weights.in_memory() ? 0 : some.count * layer.fan_in());
      const auto tile = weights.tile(some, Block(0, layer.fan_in()), buffer.get());
      for (Index r = 0; r < some.count; ++r)
        sums[at(some.first + r)] = weigh(tile.row(r), variances, sizes);
    });
  });
  return sums;
}

// The same for weights that do not exist: independent, and as large as answers show.
Sums weigh_deferred(View<const double> questions, View<const double> answers,
                    const std::vector<double>& variances, const std::vector<double>& sizes) {
  double stretch = 0;
  for (Index r = 0; r < questions.rows; ++r) {
    const double asked = euclidean_norm(questions.row(r), questions.cols);
    if (asked > 0)
      stretch = std::max(stretch, euclidean_norm(answers.row(r), answers.cols) / asked);
  }
  const double weight = stretch / std::sqrt(static_cast<double>(answers.cols));
  Sums sums;
  for (const double variance : variances) sums.variance += weight * weight * variance;
  for (const double size : sizes) sums.size += weight * size;
  return sums;
}

}  // namespace

void Rounding::advance(const Network& net, Index number, View<const double> questions,
                       View<const double> answers, const Run& run) {
  const Layer& layer = *net.layers()[at(number)];
  const Index units = layer.fan_out();
  const std::vector<Sums> sums =
      layer.deferred()
          ? std::vector<Sums>(at(units), weigh_deferred(questions, answers, variances_, sizes_))
          : weigh(layer, variances_, sizes_, unless_small(run, units * layer.fan_in()));
  const double roundings = (std::sqrt(static_cast<double>(layer.fan_in())) + 8) * kRoundoff;
  const std::vector<double>& bias = net.bias(at(number));
  variances_.resize(at(units));
  tolerances_.resize(at(units));
  for (Index j = 0; j < units; ++j) {
    const double own = roundings * (sums[at(j)].size + (bias.empty() ? 0 : std::abs(bias[at(j)])));
    variances_[at(j)] = sums[at(j)].variance + own * own;
    tolerances_[at(j)] = kDeviations * std::sqrt(variances_[at(j)]);
  }
  // With an infinite one every value would count as 0, and no unit would change sign.
  require_finite(tolerances_.data(), units);
}

}  // namespace randrelu
