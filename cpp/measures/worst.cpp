#include "measures/worst.hpp"

#include <cmath>
#include <limits>
#include <optional>

#include "base/dot.hpp"

namespace randrelu {
namespace {

constexpr double kEps = std::numeric_limits<double>::epsilon();

double norm(const std::vector<double>& v) {
  return euclidean_norm(v.data(), static_cast<Index>(v.size()));
}

// The value below which a share of the values lies, interpolated between the two that are next to it.
double quantile(std::vector<double> values, double share) {
  const double place = share * static_cast<double>(values.size() - 1);
  const auto low = values.begin() + static_cast<Index>(place);
  std::nth_element(values.begin(), low, values.end());
  if (low + 1 == values.end()) return *low;
  return *low + (place - std::floor(place)) * (*std::min_element(low + 1, values.end()) - *low);
}

// The units of a layer: on which side of its boundary each is at the centre, and how far from it now.
struct Sides {
  std::vector<double> side, margin;

  explicit Sides(const std::vector<double>& z) : side(z.size()), margin(z.size()) {
    for (std::size_t k = 0; k < z.size(); ++k) side[k] = z[k] > 0 ? 1 : -1;
    move(z);
  }

  // Takes the preactivations somewhere else; returns how many units are on the other side there.
  Index move(const std::vector<double>& z) {
    Index flipped = 0;
    for (std::size_t k = 0; k < z.size(); ++k) {
      margin[k] = std::abs(z[k]);
      flipped += side[k] * z[k] < 0;
    }
    return flipped;
  }

  // The derivatives of the smoothed count by the preactivations: of Σ −tanh(side z / width), but a factor.
  std::vector<double> pull(double share) const {
    const double at_share = quantile(margin, share), width = at_share > 0 ? at_share : 1;
    std::vector<double> weights(side.size());
    for (std::size_t k = 0; k < side.size(); ++k) {
      const double sech = 1 / std::cosh(std::min(margin[k] / width, 50.0));
      weights[k] = -side[k] * sech * sech;
    }
    return weights;
  }
};

}  // namespace

Ascended ascend(const Network& net, View<const double> x, double radius, std::size_t layer,
                Index steps, const Run& run) {
  std::optional<BasePoint> here(std::in_place, net, x, layer + 1, false, run.silent());
  Ascended found{here->preactivations[layer], here->x};
  // x + u is rounded; with a u that is so much shorter it stays in the ball.
  const double length = radius * (1 - 4 * kEps) - kEps * (norm(here->x) + radius);
  constexpr double kLeast = 1e-290;  // the roundings of what is shorter are not relative
  if (!(length > kLeast)) return found;
  Sides sides(found.preactivations);
  std::vector<double> u(at(x.cols)), y(at(x.cols));
  Index most = 0;
  for (Index step = 0; step < steps; ++step) {
    // The width of the smoothing: the nearest half of the units at first, a fiftieth at last.
    const double done =
        static_cast<double>(step) / static_cast<double>(std::max<Index>(1, steps - 1));
    const std::vector<double> gradient =
        here->pull_back(layer, sides.pull(0.5 * std::pow(0.04, done)), run.silent());
    const double size = norm(gradient);
    if (size == 0) break;
    for (std::size_t c = 0; c < u.size(); ++c)
      u[c] = 0.7 * u[c] + 0.3 * radius / size * gradient[c];
    const double before = norm(u), scale = length / (before > 0 ? before : 1);
    for (std::size_t c = 0; c < u.size(); ++c) y[c] = x.data[c] + (u[c] *= scale);
    here.emplace(net, View<const double>(y.data(), 1, x.cols), layer + 1, false, run.silent());
    const Index flipped = sides.move(here->preactivations[layer]);
    if (flipped > most) {
      most = flipped;
      found.point = y;
    }
  }
  return found;
}

}  // namespace randrelu
