#include "measures/margins.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/dot.hpp"

namespace randrelu {
template <class T>
Index rival(const T* outputs, Index k, Index top) {
  const T* const before = std::max_element(outputs, outputs + top);
  const T* const after = std::max_element(outputs + top + 1, outputs + k);
  const bool first = after == outputs + k || (top > 0 && *before >= *after);
  return (first ? before : after) - outputs;
}
template Index rival(const float*, Index, Index);
template Index rival(const double*, Index, Index);

template <class T>
Decision decision(const T* outputs, Index k) {
  const Index top = std::max_element(outputs, outputs + k) - outputs;
  return {top, rival(outputs, k, top)};
}
template Decision decision(const float*, Index);
template Decision decision(const double*, Index);

template <class T>
Margins margins(const Network& net, View<const T> x, const Index* tops, const Index* against,
                T* gradients, const Run& run) {
  constexpr double eps = std::numeric_limits<T>::epsilon();
  const Index k = net.outputs();
  Margins found;
  found.values.resize(at(x.rows)), found.roundings.resize(at(x.rows));
  std::vector<double> sizes(at(x.rows));
  std::vector<T> offsets(at(x.rows));
  Outputs<T> out;
  const Buffer<T> values(x.rows * k);
  out.values = values.get();
  out.gradients = gradients;
  out.offsets = offsets.data();
  if (k > 1) {
    found.tops.resize(at(x.rows)), found.rivals.resize(at(x.rows));
    out.combine = [&](Block points, View<const T> outputs, View<T> weights) {
      std::fill_n(weights.data, points.count * k, T{0});
      for (Index p = 0; p < points.count; ++p) {
        const Index n = points.first + p;
        const T* const f = outputs.row(p);
        const Index top = tops ? tops[n] : decision(f, k).top;
        const Index other = against && against[n] >= 0 ? against[n] : rival(f, k, top);
        found.tops[at(n)] = top, found.rivals[at(n)] = other;
        weights.row(p)[top] += 1;
        weights.row(p)[other] -= 1;
        // The two may be large, and their difference small.
        sizes[at(n)] = static_cast<double>(std::abs(f[top])) + std::abs(f[other]);
      }
    };
  }
  net.evaluate(x, out, run);
  for (Index p = 0; p < x.rows; ++p) {
    const std::size_t n = at(p);
    const T* const f = values.get() + p * k;
    const T* const gradient = gradients + p * x.cols;
    found.values[n] = k > 1 ? f[found.tops[n]] - f[found.rivals[n]] : *f;
    // It is ∇m(x)·x and the offset: how far apart they come out shows where almost all of a layer cancels in
    // the next.
    const double size = euclidean_norm(gradient, x.cols) * euclidean_norm(x.row(p), x.cols);
    const double linear = dot<double>(gradient, x.row(p), x.cols);
    found.roundings[n] = eps * (size + std::abs(offsets[n]) + sizes[n]) +
                         std::abs(found.values[n] - offsets[n] - linear);
  }
  return found;
}

template Margins margins(const Network&, View<const float>, const Index*, const Index*, float*,
                         const Run&);
template Margins margins(const Network&, View<const double>, const Index*, const Index*, double*,
                         const Run&);

Functions margin_functions(Index k, Index top, Index other) {
  if (k == 1) return {1, [](const double* outputs, double* f) { *f = *outputs; }};
  if (other >= 0)
    return {1, [=](const double* outputs, double* f) { *f = outputs[top] - outputs[other]; }};
  return {k - 1,
          [=](const double* outputs, double* f) {
            for (Index j = 0; j < k; ++j)
              if (j != top) *f++ = outputs[top] - outputs[j];
          },
          top};
}

void first_changes(const Network& net, View<const double> x, View<const double> y,
                   const Index* tops, const Index* against, Index most_flips, double* shares,
                   const Run& run) {
  const Index threads = thread_count(run.threads);
  const bool side_by_side = !net.deferred() && x.rows >= threads;
  const Index each = side_by_side ? std::max<Index>(1, most_flips / threads) : most_flips;
  const auto follow = [&](Index p, const Run& within) {
    std::vector<double> u(y.row(p), y.row(p) + x.cols);
    for (Index j = 0; j < x.cols; ++j) u[at(j)] -= x.row(p)[j];
    const double length = euclidean_norm(u.data(), x.cols);
    shares[p] = std::numeric_limits<double>::quiet_NaN();
    if (!(length > 0)) return;
    for (double& c : u) c /= length;
    const Segment segment{x.middle_rows(p, 1), View<const double>(u.data(), 1, x.cols), length, 0,
                          0};
    const Functions functions =
        margin_functions(net.outputs(), tops ? tops[p] : 0, against ? against[p] : -1);
    shares[p] = first_reach(net, segment, functions, 0, each, within.silent()) / length;
  };
  if (side_by_side) return parallel_for(x.rows, run, [&](Index p) { follow(p, Run{1}); });
  for (Index p = 0; p < x.rows; ++p) follow(p, run.silent());
}

}  // namespace randrelu
