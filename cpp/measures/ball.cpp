#include "measures/ball.hpp"

#include "base/dot.hpp"
#include "measures/gradients_around.hpp"

namespace randrelu {
namespace {

// How many points, and scales, are visited at once. What a deferred layer forgets would be drawn anew, so then
// everything is.
struct AtOnce {
  AtOnce(const Network& net, Index all_points, Index all_scales, Index rows, bool remember,
         bool mirrored, bool backward)
      : points(all_points), scales(all_scales) {
    if (remember) points = std::clamp<Index>(net.points_per_block() / rows, 1, points);
    if (mirrored) points = 2 * ceil_div(points, 2);  // a pair is visited together
    // Of two layers on rays only bits are kept of every scale.
    const bool bits = net.depth() == 2 && !net.deferred() && !backward;
    const Index entries = Index{1} << (bits ? 28 : 24);
    if (!net.deferred() || remember)
      scales = std::clamp<Index>(entries / (points * rows * net.widest()), 1, scales);
    held = points * rows * (bits ? 1 : scales);
  }

  Index points, scales;
  Index held;  // rows of a layer at once
};

// What is wanted of the gradients at the rows of some patterns, from row `first` of the results on.
template <class T>
void write_gradients(GradientsAround<T>& gradients, const PatternsAround<T>& patterns,
                     const Deviations& out, Index first, Index depth, const Run& run) {
  const Index rows = patterns.rows();
  if (!out.any_terms()) {
    const View<const T> changes = gradients.changes(run);
    for (Index r = 0; r < rows; ++r)
      out.gradient[first + patterns.place(r)] = euclidean_norm(changes.row(r), changes.cols);
    return;
  }
  const View<const T> terms = gradients.terms(run);
  std::vector<double> sum(at(terms.cols));
  for (Index r = 0; r < rows; ++r) {
    std::fill(sum.begin(), sum.end(), 0.0);
    const Index place = first + patterns.place(r);
    for (Index j = 0; j < depth; ++j) {
      const T* row = terms.row((depth - 1 - j) * rows + r);
      for (std::size_t c = 0; c < sum.size(); ++c) sum[c] += static_cast<double>(row[c]);
      const Index entry = place * depth + j;
      if (out.terms) out.terms[entry] = euclidean_norm(row, terms.cols);
      if (out.decomposition) std::copy_n(row, terms.cols, out.decomposition + entry * terms.cols);
    }
    if (out.gradient) out.gradient[place] = euclidean_norm(sum.data(), terms.cols);
  }
}

}  // namespace

template <class T>
void explore(const BasePoint& base, const Differences& differences, Index points,
             const std::vector<double>& scales, bool mirrored, const Deviations& out,
             const Run& run, bool remember) {
  base.require_known();
  assert(std::is_sorted(scales.begin(), scales.end()) && (scales.empty() || scales[0] >= 0));
  const Network& net = base.net;
  const auto depth = static_cast<Index>(net.depth()), count = static_cast<Index>(scales.size());
  if (points == 0 || count == 0) return;
  const Index rows = out.any_terms() ? std::max<Index>(depth, 1) : 1;  // that a point takes
  const bool backward = out.any_gradient();
  const AtOnce most(net, points, count, rows, remember, mirrored, backward);
  std::vector<Forgetting> forgetting;
  for (const auto& layer : net.layers()) forgetting.emplace_back(*layer, !remember);
  const Scratch<T> scratch(most.held * net.widest());
  PatternsAround<T> patterns(base, most.points, backward, !remember && !backward, scratch);
  GradientsAround<T> gradients(net, patterns, scratch);
  for (Index b = 0; b < ceil_div(points, most.points); ++b) {
    const Block some(b, most.points, points);
    const Run part = run.stage(some.first, some.first + some.count, points);
    patterns.start(differences, some, mirrored, scales.back(), part.stage(0, 1, count + 1));
    for (Index s = 0; s < count; s += most.scales) {
      const Index at_once = std::min(most.scales, count - s), first = s * points + some.first;
      const Run stage = part.stage(s + 1, s + 1 + at_once, count + 1);
      for (Index k = 0; out.angles && k < at_once; ++k)
        patterns.angles_to_x(scales[at(s + k)], out.angles + first + k * points);
      if (depth == 0) {  // f is linear
        for (Index k = 0; out.gradient && k < at_once; ++k)
          std::fill_n(out.gradient + first + k * points, some.count, 0.0);
        continue;
      }
      patterns.find(&scales[at(s)], at_once, points,
                    out.flips ? out.flips + first * depth : nullptr,
                    out.image_angles ? out.image_angles + first * (depth - 1) : nullptr,
                    backward ? stage.stage(0, 0.5) : stage);
      if (backward) write_gradients(gradients, patterns, out, first, depth, stage.stage(0.5, 1));
    }
  }
}

template void explore<float>(const BasePoint&, const Differences&, Index,
                             const std::vector<double>&, bool, const Deviations&, const Run&, bool);
template void explore<double>(const BasePoint&, const Differences&, Index,
                              const std::vector<double>&, bool, const Deviations&, const Run&,
                              bool);

}  // namespace randrelu
