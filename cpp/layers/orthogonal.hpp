// Directions made orthogonal to each other as they come, one block of questions after the other.
#pragma once

#include <cmath>
#include <limits>

#include "base/buffer.hpp"
#include "base/dot.hpp"
#include "layers/long_rows.hpp"

namespace randrelu {

// What was asked from one side of G: orthogonal directions and the answers to them, in T.
template <class T>
struct Asked {
  std::vector<Buffer<T>> directions, answers;
  std::vector<double> inverse_norms;  // of the directions; the answers are those to unit vectors

  Index count() const { return static_cast<Index>(answers.size()); }
  // Forgets what came after the first `count`.
  void shrink(Index count) {
    if (static_cast<Index>(directions.size()) > count)
      directions.erase(directions.begin() + count, directions.end());
    if (static_cast<Index>(answers.size()) > count)
      answers.erase(answers.begin() + count, answers.end());
    inverse_norms.resize(std::min(inverse_norms.size(), static_cast<std::size_t>(count)));
  }
};

// Directions that are projected together.
constexpr Index kPanelRows = 8;

// A direction is known when what is left of it, once the known ones are split off, is this much of it.
// Rounding leaves a few epsilons.
template <class T>
constexpr double kKnown = 64 * static_cast<double>(std::numeric_limits<T>::epsilon());

// Multiplies column k of a (rows × factors) matrix by factors[k], and everything by `sign`.
inline std::vector<double> scale_columns(std::vector<double> matrix, const double* factors,
                                         Index cols, double sign = 1) {
  for (std::size_t i = 0; i < matrix.size(); ++i)
    matrix[i] *= sign * factors[static_cast<Index>(i) % cols];
  return matrix;
}

// The coefficients of the questions on the directions, a row for each question: those on the directions
// that were there before it, then its own.
using Coefficients = std::vector<std::vector<double>>;

template <class T>
class Orthogonaliser {
 public:
  Orthogonaliser(Asked<T>& asked, Index n, const Run& run)
      : asked_(asked), n_(n), run_{run.threads}, whole_(run) {}

  // Appends the directions of x that are new.
  Coefficients split(View<const T> x) {
    Coefficients result;
    const Index panels = ceil_div(x.rows, kPanelRows);
    for (Index i = 0; i < panels; ++i) {
      poll(whole_, static_cast<double>(i) / static_cast<double>(panels));
      const Block some(i, kPanelRows, x.rows);
      split_panel(x.middle_rows(some.first, some.count), result);
    }
    return result;
  }

 private:
  void split_panel(View<const T> x, Coefficients& result) {
    const Index before = directions();
    const std::vector<const T*> rows = pointers(x);
    const std::vector<T*> known = pointers(asked_.directions);
    std::vector<double> lengths;
    std::vector<double> c = first_products(rows, known, lengths);
    std::vector<Buffer<T>> rests;
    for (Index p = 0; p < x.rows; ++p) rests.emplace_back(n_);
    const std::vector<T*> rest = pointers(rests);
    std::vector<double> remaining(at(x.rows), 1.0);
    take_rest(rows, lengths, known, rest, c, remaining);

    for (Index p = 0; p < x.rows; ++p) {
      std::vector<double> own(c.begin() + p * before, c.begin() + (p + 1) * before);
      if (lengths[at(p)] > 0) {
        double size = remaining[at(p)];
        if (directions() > before && size > kKnown<T>) {
          own.resize(at(directions()));
          // Against what this panel has found; against all once more where little is left.
          const double smaller = project(rest[at(p)], before, own);
          size = project(rest[at(p)], smaller < 0.1 * size ? 0 : before, own);
        }
        if (size > kKnown<T>) {
          own.resize(at(directions()));
          own.push_back(size);
          asked_.directions.push_back(std::move(rests[at(p)]));
          asked_.inverse_norms.push_back(1 / size);
        }
      }
      for (double& value : own) value *= lengths[at(p)];
      result.push_back(std::move(own));
    }
  }

  // The norms of x, and the products of x/‖x‖ with the unit directions.
  std::vector<double> first_products(const std::vector<const T*>& x, const std::vector<T*>& known,
                                     std::vector<double>& lengths) const {
    const Index points = static_cast<Index>(x.size()), count = directions();
    const std::vector<double> sums =
        sum_over_tiles(n_, points * (count + 1), run_, [&](Block t, double* s) {
          add_dots<T>(rows_of(x), rows_of(known), t, s);
          add_squares<T>(rows_of(x), t, s + points * count);
        });
    std::vector<double> c(sums.begin(), sums.begin() + points * count);
    for (Index p = 0; p < points; ++p) {
      const double square = sums[at(points * count + p)];
      const bool safe = square > 1e-280 && square < 1e280;
      lengths.push_back(safe ? std::sqrt(square) : euclidean_norm(x[at(p)], n_));
      for (Index k = 0; k < count; ++k) {
        double& value = c[at(p * count + k)];
        if (!safe)
          value = careful_dot(x[at(p)], lengths.back(), known[at(k)]);
        else
          value /= lengths.back();
        value *= asked_.inverse_norms[at(k)];
      }
    }
    return c;
  }

  // x/‖x‖ · q where the squares of x leave the range of doubles.
  double careful_dot(const T* x, double length, const T* q) const {
    double sum = 0;
    if (length > 0)
      for (Index j = 0; j < n_; ++j) sum += static_cast<double>(x[j]) / length * q[j];
    return sum;
  }

  // rest = x/‖x‖ without its part along the directions, taken off twice: `c` grows by the second
  // products, and `remaining` is the norm of what remains.
  void take_rest(const std::vector<const T*>& x, const std::vector<double>& lengths,
                 const std::vector<T*>& known, const std::vector<T*>& rest, std::vector<double>& c,
                 std::vector<double>& remaining) const {
    const Index points = static_cast<Index>(x.size()), count = directions();
    const double* inverse = asked_.inverse_norms.data();
    const std::vector<double> first = scale_columns(c, inverse, count, -1);
    std::vector<double> second = sum_over_tiles(n_, points * count, run_, [&](Block t, double* s) {
      for (Index p = 0; p < points; ++p) {
        const double length = lengths[at(p)];
        const T factor = static_cast<T>(1 / length);
        const bool direct = std::isfinite(factor) && factor >= std::numeric_limits<T>::min();
        for (Index j = t.first; j < t.first + t.count; ++j)
          rest[at(p)][j] = direct       ? x[at(p)][j] * factor
                           : length > 0 ? static_cast<T>(x[at(p)][j] / length)
                                        : T{0};
      }
      add_multiples<T>(rows_of(rest), first, rows_of(known), t);
      add_dots<T>(rows_of(rest), rows_of(known), t, s);
    });
    if (count == 0) return;
    second = scale_columns(std::move(second), inverse, count);
    for (std::size_t i = 0; i < c.size(); ++i) c[i] += second[i];
    second = scale_columns(std::move(second), inverse, count, -1);
    const std::vector<double> squares = sum_over_tiles(n_, points, run_, [&](Block t, double* s) {
      add_multiples<T>(rows_of(rest), second, rows_of(known), t);
      add_squares<T>(rows_of(rest), t, s);
    });
    for (Index p = 0; p < points; ++p) remaining[at(p)] = std::sqrt(squares[at(p)]);
  }

  // Takes the part along the directions from `first` on off one row; returns the norm of the rest.
  double project(T* row, Index first, std::vector<double>& coefficients) const {
    const std::vector<T*> one{row}, known = pointers(asked_.directions, first);
    const Index count = static_cast<Index>(known.size());
    const double* inverse = asked_.inverse_norms.data() + first;
    const std::vector<double> c = scale_columns(
        sum_over_tiles(
            n_, count, run_,
            [&](Block t, double* s) { add_dots<T>(rows_of(one), rows_of(known), t, s); }),
        inverse, count);
    for (Index k = 0; k < count; ++k) coefficients[at(first + k)] += c[at(k)];
    const std::vector<double> off = scale_columns(c, inverse, count, -1);
    return std::sqrt(sum_over_tiles(n_, 1, run_, [&](Block t, double* s) {
      add_multiples<T>(rows_of(one), off, rows_of(known), t);
      add_squares<T>(rows_of(one), t, s);
    })[0]);
  }

  Index directions() const { return static_cast<Index>(asked_.directions.size()); }

  Asked<T>& asked_;
  Index n_;
  Run run_;    // of a sum over tiles
  Run whole_;  // of all of them
};

}  // namespace randrelu
