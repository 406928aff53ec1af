#include "measures/sample.hpp"

#include <cmath>

#include "base/buffer.hpp"
#include "base/dot.hpp"
#include "random/gaussian.hpp"

namespace randrelu {

Ray::Ray(const double* x, Index dim) : length_(euclidean_norm(x, dim)), direction_(x, x + dim) {
  for (double& c : direction_) c /= length_;
}

template <class T>
void Ray::split(const T* u, double* along, double* across) const {
  const auto dim = static_cast<Index>(direction_.size());
  *along = dot<double>(u, direction_.data(), dim);
  const Buffer<double> rest(dim);
  for (Index j = 0; j < dim; ++j)
    rest.get()[j] = static_cast<double>(u[j]) - *along * direction_[at(j)];
  *across = euclidean_norm(rest.get(), dim);
}

template <class T>
double Ray::angle(const T* u, double s, double beside) const {
  // tan θ = |what is across x| / (‖x‖ + what is along it): no cancellation where u is short.
  double along, across;
  split(u, &along, &across);
  return std::atan2(std::hypot(s * across, beside), length_ + s * along);
}

template void Ray::split(const float*, double*, double*) const;
template void Ray::split(const double*, double*, double*) const;
template double Ray::angle(const float*, double, double) const;
template double Ray::angle(const double*, double, double) const;

void sample_ball(std::uint64_t seed, bool surface, Index first, View<double> u, const Run& run) {
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
      const double scale = share / euclidean_norm(g, dim);
      for (Index j = 0; j < dim; ++j) u.row(p)[j] = scale * static_cast<double>(g[j]);
    }
  });
}

}  // namespace randrelu
