#include "measures/row_space.hpp"

#include <cmath>
#include <limits>

#include "base/dot.hpp"
#include "layers/explicit.hpp"
#include "measures/symmetric.hpp"

namespace randrelu {
namespace {

constexpr int kMostSteps = 12;
// Steps of the projection, relative to ‖x‖: that ends it, and that the last may not exceed.
constexpr double kNegligible = 1e-13, kCloseEnough = kRowSpaceAccuracy / 2;
// Where one side is at most this part of the other, Gaussian matrices are far enough from singular for a
// Gram matrix in float.
constexpr double kOblong = 0.9;

// Some summands of every row of the Gram matrix, side by side: columns of W where it is W Wᵀ (`wide`),
// else rows.
template <class W, class T>
void fill_panel(const ExplicitLayer<W>& layer, bool wide, Block summands, View<T> panel,
                const Run& run) {
  constexpr Index kRows = 64;
  parallel_for(ceil_div(panel.rows, kRows), run, [&](Index i) {
    const Block some(i, kRows, panel.rows);
    const Buffer<W> buffer(layer.in_memory() ? 0 : some.count * summands.count);
    const Tile<const W> w =
        layer.tile(wide ? some : summands, wide ? summands : some, buffer.get());
    for (Index r = 0; r < some.count; ++r) {
      T* const row = panel.row(some.first + r);
      if (wide)
        std::copy_n(w.row(r), summands.count, row);
      else
        for (Index c = 0; c < summands.count; ++c) row[c] = static_cast<T>(w.row(c)[r]);
    }
  });
}

// Adds W Wᵀ (`wide`) or WᵀW to `gram`.
template <class T>
void add_gram(const Layer& layer, bool wide, Symmetric<T>& gram, const Run& run) {
  const Index k = layer.fan_out(), d = layer.fan_in();
  const Index n = std::min(k, d), summands = std::max(k, d);
  const Index panels = ceil_div(summands, kGramSummands);
  const Buffer<T> buffer(n * std::min(kGramSummands, summands));
  for (Index p = 0; p < panels; ++p) {
    const auto share = [&](Index q) {
      return static_cast<double>(q) / static_cast<double>(panels);
    };
    const Run now = run.stage(share(p), share(p + 1));
    const Block some(p, kGramSummands, summands);
    const View<T> panel(buffer.get(), n, some.count);
    with_weights(layer,
                 [&](const auto& w) { fill_panel(w, wide, some, panel, now.stage(0, 0.05)); });
    gram.add_square(panel, now.stage(0.05, 1));
  }
}

// δ ← δ + Wᵀ (W Wᵀ)⁻¹ W (x − δ), or δ ← δ + WᵀW (WᵀW)⁻¹ (x − δ), until it stands still: W enters in
// double, so δ stays in the row space whatever the rounding of the Gram matrix, which each step corrects.
template <class T>
std::optional<double> project(const Layer& layer, bool wide, const Symmetric<T>& gram,
                              View<const double> x, const Run& run) {
  const Index k = layer.fan_out(), d = layer.fan_in();
  const Buffer<double> along(d), rows(k), rest(d);
  const View<double> step(along.get(), 1, d), v(rows.get(), 1, k), missing(rest.get(), 1, d);
  std::vector<double> delta(static_cast<std::size_t>(d));
  const double length = euclidean_norm(x.data, d);
  double last = std::numeric_limits<double>::infinity();
  for (int i = 0; i < kMostSteps; ++i) {
    const auto share = [](int s) { return static_cast<double>(s) / kMostSteps; };
    const Run now = run.stage(share(i), share(i + 1));
    for (Index c = 0; c < d; ++c) rest.get()[c] = x.data[c] - delta[static_cast<std::size_t>(c)];
    if (!wide) gram.solve(rest.get(), now.stage(0, 0));
    layer.apply(missing, v, now.stage(0, 0.5));
    if (wide) gram.solve(rows.get(), now.stage(0.5, 0.5));
    layer.apply_transpose(v, step, now.stage(0.5, 1));
    for (Index c = 0; c < d; ++c) delta[static_cast<std::size_t>(c)] += along.get()[c];
    const double size = euclidean_norm(along.get(), d);
    const bool done = size <= kNegligible * length || !(size <= last / 2);
    last = size;
    if (done) break;
  }
  if (!(last <= kCloseEnough * length)) return std::nullopt;
  return euclidean_norm(delta.data(), d);
}

// Whether the factored Gram matrix knows W's smallest direction. The vector v that it shortens most, found by
// inverse iteration, is compared with W itself, in double: where rounding has hidden a direction, ‖Wᵀv‖² (or
// ‖Wv‖²) is far from what the Gram matrix says. A pivot alone may be much larger than that rounding.
template <class T>
bool knows_smallest(const Layer& layer, bool wide, const Symmetric<T>& gram, const Run& run) {
  constexpr int kSolves = 4;
  const Index k = layer.fan_out(), d = layer.fan_in(), n = wide ? k : d;
  std::vector<double> v(at(n)), image(at(wide ? d : k));
  for (Index i = 0; i < n; ++i) v[at(i)] = 1 + static_cast<double>(i % 7);  // no special direction
  double said = 0;  // by the Gram matrix, of ‖Wᵀv‖²
  for (int i = 0; i < kSolves; ++i) {
    const std::vector<double> before = v;
    gram.solve(v.data(), run.stage(0, 0));
    const double length = euclidean_norm(v.data(), n);
    said = dot<double>(v.data(), before.data(), n) / length / length;
    for (double& c : v) c /= length;
  }
  const View<const double> row(v.data(), 1, n);
  const View<double> out(image.data(), 1, static_cast<Index>(image.size()));
  wide ? layer.apply_transpose(row, out, run) : layer.apply(row, out, run);
  const double size = euclidean_norm(out.data, out.cols);
  return std::abs(size * size - said) <= said / 2;
}

// With the Gram matrix in T: its rounding costs steps, not digits.
template <class T>
std::optional<double> norm_by_gram(const Layer& layer, View<const double> x, const Run& run) {
  const Index k = layer.fan_out(), d = layer.fan_in(), n = std::min(k, d), most = std::max(k, d);
  const bool wide = k < d;
  // Operations: n² max(k, d) for the Gram matrix, n³/3 for its factor, and little else.
  const double gram_share = 0.95 / (1 + static_cast<double>(n) / static_cast<double>(3 * most));
  Symmetric<T> gram(n, run.stage(0, 0));
  add_gram(layer, wide, gram, run.stage(0, gram_share));
  // The rounding of a pivot is at most (γ_max(k, d) + γ_{n+1}) times its diagonal entry (Higham, Accuracy
  // and Stability of Numerical Algorithms, theorem 10.3): below that nothing is known of it.
  const T tolerance = static_cast<T>(k + d + 1) * std::numeric_limits<T>::epsilon();
  if (!gram.factor(tolerance, run.stage(gram_share, 0.94))) return std::nullopt;
  if (!knows_smallest(layer, wide, gram, run.stage(0.94, 0.95))) return std::nullopt;
  return project(layer, wide, gram, x, run.stage(0.95, 1));
}

}  // namespace

std::optional<double> row_space_norm(const Layer& layer, View<const double> x, const Run& run) {
  const Index k = layer.fan_out(), d = layer.fan_in();
  assert(x.rows == 1 && x.cols == d);
  const double smaller = static_cast<double>(std::min(k, d)),
               larger = static_cast<double>(std::max(k, d));
  const bool oblong = smaller <= kOblong * larger;
  if (oblong)
    if (const auto found = norm_by_gram<float>(layer, x, run.stage(0, 0.9))) return found;
  return norm_by_gram<double>(layer, x, oblong ? run.stage(0.9, 1) : run);
}

}  // namespace randrelu
