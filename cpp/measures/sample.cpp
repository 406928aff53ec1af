#include "measures/sample.hpp"

#include <cmath>
#include <limits>

#include "base/buffer.hpp"
#include "base/dot.hpp"
#include "random/gaussian.hpp"

namespace randrelu {

void angles(View<const double> x, View<const double> u, double* angle, const Run& run) {
  const double length = euclidean_norm(x.data, x.cols);
  if (length == 0) {
    std::fill_n(angle, u.rows, std::numeric_limits<double>::quiet_NaN());
    return;
  }
  std::vector<double> direction(x.data, x.data + x.cols);
  for (double& c : direction) c /= length;
  const Index rows = std::max<Index>(1, (Index{1} << 12) / u.cols);
  parallel_for(ceil_div(u.rows, rows), run, [&](Index i) {
    const Block some(i, rows, u.rows);
    const Buffer<double> across(u.cols);
    for (Index p = some.first; p < some.first + some.count; ++p) {
      // tan θ = |what is across x| / (‖x‖ + what is along it): no cancellation where u is short.
      const double along = dot<double>(u.row(p), direction.data(), u.cols);
      for (Index j = 0; j < u.cols; ++j)
        across.get()[j] = u.row(p)[j] - along * direction[static_cast<std::size_t>(j)];
      angle[p] = std::atan2(euclidean_norm(across.get(), u.cols), length + along);
    }
  });
}

void sample_ball(std::uint64_t seed, double radius, bool surface, Index first, View<double> u,
                 const Run& run) {
  const Stream directions{seed, Purpose::directions, 0}, radii{seed, Purpose::radii, 0};
  const Index dim = u.cols, rows = std::max<Index>(1, (Index{1} << 12) / dim);
  parallel_for(ceil_div(u.rows, rows), run, [&](Index i) {
    const Block some(i, rows, u.rows);
    const Buffer<float> normal(some.count * dim);
    normals(directions, 1.0f, static_cast<std::uint64_t>((first + some.first) * dim),
            some.count * dim, normal.get());
    for (Index p = some.first; p < some.first + some.count; ++p) {
      const float* g = normal.get() + (p - some.first) * dim;
      const Words4 words = radii.words(static_cast<std::uint64_t>(first + p));
      const std::uint64_t word = std::uint64_t{words[0]} << 32 | words[1];
      const double uniform = (static_cast<double>(word >> 11) + 0.5) * 0x1p-53;
      const double share = surface ? 1.0 : std::pow(uniform, 1.0 / static_cast<double>(dim));
      const double scale = radius * share / euclidean_norm(g, dim);
      for (Index j = 0; j < dim; ++j) u.row(p)[j] = scale * static_cast<double>(g[j]);
    }
  });
}

}  // namespace randrelu
