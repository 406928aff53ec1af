#include "measures/row_space.hpp"

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <limits>
#include <stdexcept>

#include "base/buffer.hpp"
#include "base/dot.hpp"
#include "layers/explicit.hpp"

namespace randrelu {
namespace {

template <class T>
using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;

constexpr Index kTile = 256;   // of a Gram matrix, and columns that are eliminated at once
constexpr Index kPanel = 512;  // summands that a Gram matrix takes in at once
constexpr int kMostSteps = 12;
// Steps of the projection, relative to ‖x‖: that ends it, and that the last may not exceed.
constexpr double kNegligible = 1e-13, kCloseEnough = 1e-8;
// Where one side is at most this part of the other, Gaussian matrices are far enough from singular for a
// Gram matrix in float.
constexpr double kOblong = 0.9;

// A symmetric matrix, of which only the lower triangle is used; factored in place.
template <class T>
class Symmetric {
  using Strided = Eigen::Map<Matrix<T>, 0, Eigen::OuterStride<>>;

 public:
  Symmetric(Index n, const Run& run) : n_(n), data_(n * n) {
    for_each_row(n, n, run, [&](Index c) { std::fill_n(data_.get() + c * n_, n_, T{0}); });
  }

  // A += sign × P Pᵀ from row and column `first` on, for a panel P of n − first rows.
  template <class Panel>
  void update(Index first, const Panel& panel, T sign, const Run& run) {
    const Index size = n_ - first, tiles = ceil_div(size, kTile);
    parallel_for(tiles * (tiles + 1) / 2, run, [&](Index t) {
      Index i = 0;
      while ((i + 1) * (i + 2) / 2 <= t) ++i;
      const Block rows(i, kTile, size), cols(t - i * (i + 1) / 2, kTile, size);
      Strided tile =
          block(Block(first + rows.first, rows.count), Block(first + cols.first, cols.count));
      const auto left = panel.middleRows(rows.first, rows.count);
      const auto right = panel.middleRows(cols.first, cols.count);
      if (rows.first == cols.first)
        tile.template selfadjointView<Eigen::Lower>().rankUpdate(left, sign);
      else if (sign > 0)
        tile.noalias() += left * right.transpose();
      else
        tile.noalias() -= left * right.transpose();
    });
  }

  // A = L Lᵀ. False when a pivot is less than `tolerance` times its diagonal entry.
  bool factor(T tolerance, const Run& run) {
    const Matrix<T> diagonal = whole().diagonal();
    for (Index j = 0; j < ceil_div(n_, kTile); ++j) {
      const Block cols(j, kTile, n_);
      Strided pivots = block(cols, cols);
      Eigen::LLT<Eigen::Ref<Matrix<T>, 0, Eigen::OuterStride<>>> llt(pivots);
      const auto found = pivots.diagonal().array().square();
      const auto least = tolerance * diagonal.middleRows(cols.first, cols.count).array();
      if (llt.info() != Eigen::Success || !(found > least).all()) return false;
      const Index done = cols.first + cols.count, rest = n_ - done;
      const Run step = run.stage(behind(cols.first), behind(done));
      parallel_for(ceil_div(rest, kTile), step.stage(0, 0.1), [&](Index i) {
        const Block some(i, kTile, rest);
        Strided below = block(Block(done + some.first, some.count), cols);
        pivots.template triangularView<Eigen::Lower>()
            .transpose()
            .template solveInPlace<Eigen::OnTheRight>(below);
      });
      update(done, block(Block(done, rest), cols), -1, step.stage(0.1, 1));
    }
    return true;
  }

  // v ← A⁻¹ v, once factored.
  void solve(double* v) const {
    Eigen::Map<Eigen::VectorXd> vector(v, n_);
    const double size = vector.template lpNorm<Eigen::Infinity>();
    if (!(size > 0)) return;
    Matrix<T> scaled = (vector / size).template cast<T>();  // in the range of T
    whole().template triangularView<Eigen::Lower>().solveInPlace(scaled);
    whole().template triangularView<Eigen::Lower>().transpose().solveInPlace(scaled);
    vector = size * scaled.template cast<double>();
  }

 private:
  Strided whole() const { return block(Block(0, n_), Block(0, n_)); }
  Strided block(Block rows, Block cols) const {
    return {data_.get() + cols.first * n_ + rows.first, rows.count, cols.count,
            Eigen::OuterStride<>(n_)};
  }
  // The share of the elimination that is behind row r.
  double behind(Index r) const {
    const double left = 1 - static_cast<double>(r) / static_cast<double>(n_);
    return 1 - left * left * left;
  }

  Index n_;
  Buffer<T> data_;
};

// W[rows, cols] in T, into `out` with its rows side by side.
template <class W, class T>
void copy_panel(const ExplicitLayer<W>& layer, Block rows, Block cols, T* out,
                const Run& run) {
  const Index at_once = std::max<Index>(1, (Index{1} << 15) / cols.count);
  parallel_for(ceil_div(rows.count, at_once), run, [&](Index i) {
    const Block some(i, at_once, rows.count);
    const Buffer<W> buffer(layer.in_memory() ? 0 : some.count * cols.count);
    const Tile<const W> tile =
        layer.tile(Block(rows.first + some.first, some.count), cols, buffer.get());
    for (Index r = 0; r < some.count; ++r)
      std::transform(tile.data + r * tile.stride, tile.data + r * tile.stride + cols.count,
                     out + (some.first + r) * cols.count, [](W w) { return static_cast<T>(w); });
  });
}

// Adds W Wᵀ (`wide`) or WᵀW to `gram`.
template <class W, class T>
void add_gram(const ExplicitLayer<W>& layer, bool wide, Symmetric<T>& gram, const Run& run) {
  const Index k = layer.fan_out(), d = layer.fan_in();
  const Index n = std::min(k, d), summands = std::max(k, d), panels = ceil_div(summands, kPanel);
  const Buffer<T> panel(n * std::min(kPanel, summands));
  for (Index p = 0; p < panels; ++p) {
    const auto share = [&](Index q) { return static_cast<double>(q) / static_cast<double>(panels); };
    const Run now = run.stage(share(p), share(p + 1));
    const Block some(p, kPanel, summands);
    // Rows of the panel are those of the Gram matrix; a slab of rows of W is one of columns of Wᵀ.
    if (wide) {
      copy_panel(layer, Block(0, n), some, panel.get(), now.stage(0, 0.05));
      using RowMajor = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
      gram.update(0, Eigen::Map<RowMajor>(panel.get(), n, some.count), 1, now.stage(0.05, 1));
    } else {
      copy_panel(layer, some, Block(0, n), panel.get(), now.stage(0, 0.05));
      gram.update(0, Eigen::Map<Matrix<T>>(panel.get(), n, some.count), 1, now.stage(0.05, 1));
    }
  }
}

template <class T>
void add_gram(const Layer& layer, bool wide, Symmetric<T>& gram, const Run& run) {
  if (const auto* single = dynamic_cast<const ExplicitLayer<float>*>(&layer))
    add_gram(*single, wide, gram, run);
  else if (const auto* twice = dynamic_cast<const ExplicitLayer<double>*>(&layer))
    add_gram(*twice, wide, gram, run);
  else
    throw std::logic_error("a deferred layer has no rows");
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
    if (!wide) gram.solve(rest.get());
    layer.apply(missing, v, now.stage(0, 0.5));
    if (wide) gram.solve(rows.get());
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
  if (!gram.factor(tolerance, run.stage(gram_share, 0.95))) return std::nullopt;
  return project(layer, wide, gram, x, run.stage(0.95, 1));
}

}  // namespace

std::optional<double> row_space_norm(const Layer& layer, View<const double> x, const Run& run) {
  const Index k = layer.fan_out(), d = layer.fan_in();
  assert(x.rows == 1 && x.cols == d);
  const bool oblong = static_cast<double>(std::min(k, d)) <= kOblong * static_cast<double>(std::max(k, d));
  if (oblong)
    if (const auto found = norm_by_gram<float>(layer, x, run.stage(0, 0.9))) return found;
  return norm_by_gram<double>(layer, x, oblong ? run.stage(0.9, 1) : run);
}

}  // namespace randrelu
