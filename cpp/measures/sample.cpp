#include "measures/sample.hpp"

#include <cmath>
#include <limits>

#include "base/buffer.hpp"
#include "base/dot.hpp"
#include "random/gaussian.hpp"

namespace randrelu {

Ray::Ray(const double* x, Index dim) : length_(euclidean_norm(x, dim)), direction_(x, x + dim) {
  for (double& c : direction_) c /= length_;
}

template <class T>
double Ray::angle(const T* u) const {
  // tan θ = |what is across x| / (‖x‖ + what is along it): no cancellation where u is short.
  const auto dim = static_cast<Index>(direction_.size());
  const double along = dot<double>(u, direction_.data(), dim);
  const Buffer<double> across(dim);
  for (Index j = 0; j < dim; ++j)
    across.get()[j] = u[j] - along * direction_[static_cast<std::size_t>(j)];
  return std::atan2(euclidean_norm(across.get(), dim), length_ + along);
}

template double Ray::angle(const float*) const;
template double Ray::angle(const double*) const;

void angles(View<const double> x, View<const double> u, double* angle, const Run& run) {
  const Ray ray(x.data, x.cols);
  if (ray.length() == 0) {
    std::fill_n(angle, u.rows, std::numeric_limits<double>::quiet_NaN());
    return;
  }
  const Index rows = std::max<Index>(1, (Index{1} << 12) / u.cols);
  parallel_for(ceil_div(u.rows, rows), run, [&](Index i) {
    const Block some(i, rows, u.rows);
    for (Index p = some.first; p < some.first + some.count; ++p) angle[p] = ray.angle(u.row(p));
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
