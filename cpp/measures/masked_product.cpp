#include "measures/masked_product.hpp"

#include <cmath>
#include <utility>

#include "base/dot.hpp"

namespace randrelu {
namespace {

constexpr Index kLookEvery = 4;  // steps of the iteration
// Since the last look, that is small enough: every look gains a fraction of the last.
constexpr double kGain = 1e-6;
constexpr double kNoise = 1e-13;  // of the square, that rounding may be

// The mask of the rows from `first` on.
Mask mask_from(Mask mask, Index first) {
  for (LayerBits& layer : mask) layer.data += first * layer.stride;
  return mask;
}

void multiply(const Network& net, const Mask& mask, std::size_t j, std::size_t i,
              View<const double> rows, View<double> out, bool transposed, Scratch<double>& scratch,
              const Run& run) {
  Stages stages(run, count_weights(net.layers(), j, i));
  if (!transposed)
    return walk_forward<double>(net.layers(), mask, j, i, rows, out, scratch, stages);
  if (i <= net.depth()) {
    const View<double> masked = scratch.layer(i, rows.rows, rows.cols);
    std::copy_n(rows.data, rows.rows * rows.cols, masked.data);
    mask_rows(mask[i - 1], masked, stages.silent());
    rows = masked;
  }
  walk_backward<double>(net.layers(), mask, j, i, rows, out, scratch, stages);
}

// A symmetric tridiagonal matrix that grows.
struct Tridiagonal {
  std::vector<double> diagonal, beside;

  // Whether a number exceeds all eigenvalues: the pivots of what is left of it are positive then.
  bool is_below(double number) const {
    double pivot = number - diagonal[0];
    for (std::size_t k = 1; k < diagonal.size() && pivot > 0; ++k)
      pivot = number - diagonal[k] - beside[k - 1] / pivot * beside[k - 1];
    return pivot > 0;
  }

  // The largest eigenvalue, which lies between the diagonal's and Gershgorin's bound, by bisection.
  double largest_eigenvalue() const {
    double low = 0, high = 0;
    for (std::size_t k = 0; k < diagonal.size(); ++k) {
      const double before = k ? beside[k - 1] : 0, after = k < beside.size() ? beside[k] : 0;
      low = std::max(low, diagonal[k]);
      high = std::max(high, diagonal[k] + before + after);
    }
    for (;;) {
      const double middle = low + (high - low) / 2;
      if (!(low < middle && middle < high)) return low;
      (is_below(middle) ? high : low) = middle;
    }
  }
};

// The iteration for the square of one matrix.
struct Lanczos {
  Tridiagonal square;  // in the basis of the directions so far
  double largest = 0;  // eigenvalue, when it was last looked at

  // Takes what the last direction, of norm 1, and the square make together, and the square of its image.
  // Leaves the next direction in its place: 0 where there is none.
  void step(double image_square, const std::vector<const double*>& basis, double* next, Index n) {
    square.diagonal.push_back(image_square);
    for (int again = 0; again < 2; ++again)  // once more, for what rounding left of the basis
      for (const double* direction : basis) {
        const double along = dot<double>(direction, next, n);
        for (Index c = 0; c < n; ++c) next[c] -= along * direction[c];
      }
    double left = euclidean_norm(next, n);
    // Noise is all that is left once every direction has been seen that the matrix has.
    if (left <= kNoise * *std::max_element(square.diagonal.begin(), square.diagonal.end()))
      left = 0;
    const double scale = left > 0 ? 1 / left : 0;
    for (Index c = 0; c < n; ++c) next[c] *= scale;
    square.beside.push_back(left);
  }

  // Whether more has been seen since the last look.
  bool look() {
    const double before = std::exchange(largest, square.largest_eigenvalue());
    return largest - before > kGain * largest;
  }
};

}  // namespace

void masked_product(const Network& net, const Mask& mask, std::size_t j, std::size_t i,
                    View<const double> rows, View<double> out, bool transposed, const Run& run) {
  const Index size = std::min(net.points_per_block(), rows.rows);
  Scratch<double> scratch(size * net.widest());
  for (Index b = 0; size && b < ceil_div(rows.rows, size); ++b) {
    const Block some(b, size, rows.rows);
    multiply(net, mask_from(mask, some.first), j, i, rows.middle_rows(some.first, some.count),
             out.middle_rows(some.first, some.count), transposed, scratch, run);
  }
}

std::vector<double> masked_product_norms(const Network& net, const Mask& mask, Index points,
                                         std::size_t j, std::size_t i,
                                         const std::vector<double>& start, const Run& run) {
  const Index from = net.layers()[j]->fan_in(), to = net.layers()[i - 1]->fan_out();
  const Index n = std::min(from, to), m = std::max(from, to);
  const bool wide = to <= from;  // then the square is that of the transpose
  assert(static_cast<Index>(start.size()) == n);
  std::vector<Lanczos> iterations(at(points));
  std::vector<Buffer<double>> basis;
  const Buffer<double> images(points * m);
  const View<double> image(images.get(), points, m);
  Buffer<double> next(points * n);
  const double norm = euclidean_norm(start.data(), n);
  for (Index c = 0; c < points * n; ++c) next.get()[c] = start[at(c % n)] / norm;

  for (Index k = 1; k <= n; ++k) {
    basis.push_back(std::exchange(next, Buffer<double>(points * n)));
    const View<double> v(basis.back().get(), points, n), square(next.get(), points, n);
    masked_product(net, mask, j, i, v, image, wide, run.silent());
    masked_product(net, mask, j, i, image, square, !wide, run.silent());
    for_each_row(points, k * n, run.silent(), [&](Index p) {
      std::vector<const double*> own;
      for (const Buffer<double>& directions : basis) own.push_back(directions.get() + p * n);
      const double image_square = dot<double>(image.row(p), image.row(p), m);
      iterations[at(p)].step(image_square, own, square.row(p), n);
    });
    const bool last = k == n || std::all_of(iterations.begin(), iterations.end(), [](auto& own) {
                        return own.square.beside.back() == 0;
                      });
    if (k % kLookEvery != 0 && !last) continue;
    bool more = false;
    for (Lanczos& own : iterations) more |= own.look();
    if (last || !more) break;
  }
  std::vector<double> norms;
  for (const Lanczos& own : iterations) norms.push_back(std::sqrt(own.largest));
  return norms;
}

}  // namespace randrelu
