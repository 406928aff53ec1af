#include "deferred.hpp"

#include <cmath>
#include <limits>
#include <stdexcept>
#include <type_traits>

#include "dot.hpp"
#include "sweep.hpp"

namespace randrelu {
namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

// Directions that are projected together.
constexpr Index kPanel = 8;

// A direction is known when what is left of it, once the known ones are split off, is this much of it.
// Rounding leaves a few epsilons.
template <class T>
constexpr double kKnown = 64 * static_cast<double>(std::numeric_limits<T>::epsilon());

template <class T>
std::vector<T*> pointers(const std::vector<Buffer<T>>& rows, Index first = 0) {
  std::vector<T*> result;
  for (std::size_t i = at(first); i < rows.size(); ++i) result.push_back(rows[i].get());
  return result;
}

template <class T>
std::vector<T*> pointers(View<T> rows) {
  std::vector<T*> result;
  for (Index i = 0; i < rows.rows; ++i) result.push_back(rows.row(i));
  return result;
}

template <class T>
RowList<T> list(const std::vector<T*>& rows) {
  return {rows.data(), static_cast<Index>(rows.size())};
}

// Multiplies column k of a (rows × factors) matrix by factors[k], and everything by `sign`.
std::vector<double> scaled(std::vector<double> matrix, const double* factors, Index cols,
                           double sign = 1) {
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
    const Index panels = ceil_div(x.rows, kPanel);
    for (Index i = 0; i < panels; ++i) {
      poll(whole_, static_cast<double>(i) / static_cast<double>(panels));
      const Block some(i, kPanel, x.rows);
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
    std::vector<double> left(at(x.rows), 1.0);
    take_rest(rows, lengths, known, rest, c, left);

    for (Index p = 0; p < x.rows; ++p) {
      std::vector<double> own(c.begin() + p * before, c.begin() + (p + 1) * before);
      if (lengths[at(p)] > 0) {
        double size = left[at(p)];
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
    const std::vector<double> sums = sweep(n_, points * (count + 1), run_, [&](Block t, double* s) {
      add_dots(list(x), list(known), t, s);
      add_squares(list(x), t, s + points * count);
    });
    std::vector<double> c(sums.begin(), sums.begin() + points * count);
    for (Index p = 0; p < points; ++p) {
      const double square = sums[at(points * count + p)];
      const bool safe = square > 1e-280 && square < 1e280;
      lengths.push_back(safe ? std::sqrt(square) : norm(x[at(p)], n_));
      for (Index k = 0; k < count; ++k) {
        double& value = c[at(p * count + k)];
        if (!safe) value = careful_dot(x[at(p)], lengths.back(), known[at(k)]);
        else value /= lengths.back();
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
  // products, and `left` is the norm of what remains.
  void take_rest(const std::vector<const T*>& x, const std::vector<double>& lengths,
                 const std::vector<T*>& known, const std::vector<T*>& rest, std::vector<double>& c,
                 std::vector<double>& left) const {
    const Index points = static_cast<Index>(x.size()), count = directions();
    const double* inverse = asked_.inverse_norms.data();
    const std::vector<double> first = scaled(c, inverse, count, -1);
    std::vector<double> second =
        sweep(n_, points * count, run_, [&](Block t, double* s) {
          for (Index p = 0; p < points; ++p) {
            const double length = lengths[at(p)];
            const T factor = static_cast<T>(1 / length);
            const bool direct = std::isfinite(factor) && factor >= std::numeric_limits<T>::min();
            for (Index j = t.first; j < t.first + t.count; ++j)
              rest[at(p)][j] = direct       ? x[at(p)][j] * factor
                               : length > 0 ? static_cast<T>(x[at(p)][j] / length)
                                            : T{0};
          }
          add_multiples(list(rest), first, list(known), t);
          add_dots(list(rest), list(known), t, s);
        });
    if (count == 0) return;
    second = scaled(std::move(second), inverse, count);
    for (std::size_t i = 0; i < c.size(); ++i) c[i] += second[i];
    second = scaled(std::move(second), inverse, count, -1);
    const std::vector<double> squares = sweep(n_, points, run_, [&](Block t, double* s) {
      add_multiples(list(rest), second, list(known), t);
      add_squares(list(rest), t, s);
    });
    for (Index p = 0; p < points; ++p) left[at(p)] = std::sqrt(squares[at(p)]);
  }

  // Takes the part along the directions from `first` on off one row; returns the norm of the rest.
  double project(T* row, Index first, std::vector<double>& coefficients) const {
    const std::vector<T*> one{row}, known = pointers(asked_.directions, first);
    const Index count = static_cast<Index>(known.size());
    const double* inverse = asked_.inverse_norms.data() + first;
    const std::vector<double> c =
        scaled(sweep(n_, count, run_,
                     [&](Block t, double* s) { add_dots(list(one), list(known), t, s); }),
               inverse, count);
    for (Index k = 0; k < count; ++k) coefficients[at(first + k)] += c[at(k)];
    const std::vector<double> off = scaled(c, inverse, count, -1);
    return std::sqrt(sweep(n_, 1, run_, [&](Block t, double* s) {
      add_multiples(list(one), off, list(known), t);
      add_squares(list(one), t, s);
    })[0]);
  }

  Index directions() const { return static_cast<Index>(asked_.directions.size()); }

  Asked<T>& asked_;
  Index n_;
  Run run_;    // of a sweep
  Run whole_;  // of all of them
};

template <class T>
void draw(const Stream& stream, std::uint64_t first, Block t, T* row) {
  float normal[1024];
  assert(t.count <= 1024);
  normals(stream, 1.0f, first + static_cast<std::uint64_t>(t.first), t.count, normal);
  for (Index j = 0; j < t.count; ++j) row[t.first + j] = static_cast<T>(normal[j]);
}

}  // namespace

template <class T>
void Asked<T>::shrink(Index count) {
  const std::size_t size = at(count);
  if (directions.size() > size) directions.erase(directions.begin() + count, directions.end());
  if (answers.size() > size) answers.erase(answers.begin() + count, answers.end());
  inverse_norms.resize(std::min(inverse_norms.size(), size));
}

template <class T>
void DeferredLayer<T>::recall(const Asked<T>& to, View<const T> x, View<T> y,
                              const Run& run) const {
  const Index all = to.count();
  const std::vector<const T*> rows = pointers(x);
  const std::vector<T*> out = pointers(y), left = pointers(to.directions),
                        answers = pointers(to.answers);
  std::vector<double> c = sweep(x.cols, x.rows * all, run, [&](Block t, double* s) {
    add_dots(list(rows), list(answers), t, s);
  });
  for (std::size_t i = 0; i < c.size(); ++i)
    c[i] *= scale_ * to.inverse_norms[i % at(all)];
  sweep(y.cols, 0, Run{run.threads}, [&](Block t, double*) {
    for (T* row : out) std::fill_n(row + t.first, t.count, T{0});
    add_multiples(list(out), c, list(left), t);
  });
}

template <class T>
void DeferredLayer<T>::ask(Asked<T>& from, Asked<T>& to, View<const T> x, View<T> y,
                           const Run& run) const {
  const Run part{run.threads};
  if (y.cols == 1 && x.cols > 1 && to.count() == 0) {  // a single row: cheaper to know whole than by directions
    const Buffer<T> row(x.cols);
    const T one{1};
    ask(to, from, View<const T>(&one, 1, 1), View<T>(row.get(), 1, x.cols), part);
  }
  if (to.count() == y.cols) return recall(to, x, y, run);
  const Index before = from.count(), across = to.count();
  try {
    Coefficients own = Orthogonaliser<T>(from, x.cols, run.stage(0, 0.8)).split(x);
    const Index all = static_cast<Index>(from.directions.size()), fresh = all - before;
    std::vector<double> c(at(y.rows * all));
    for (Index p = 0; p < y.rows; ++p)
      for (std::size_t k = 0; k < own[at(p)].size(); ++k)
        c[at(p * all) + k] = scale_ * own[at(p)][k];

    for (Index i = 0; i < fresh; ++i) from.answers.emplace_back(y.cols);
    const std::vector<T*> asked = pointers(from.directions, before),
                          answers = pointers(from.answers), news = pointers(from.answers, before),
                          left = pointers(to.directions), left_answers = pointers(to.answers);
    const std::uint64_t stride = static_cast<std::uint64_t>(ceil_div(y.cols, 64) * 64);
    const auto draw_rows = [&](Block t) {
      for (Index i = 0; i < fresh; ++i)
        draw(stream_, drawn_ + static_cast<std::uint64_t>(i) * stride, t, news[at(i)]);
    };
    // V Vᵀ G q − V Vᵀ g, as coefficients on V.
    std::vector<double> known;
    if (fresh && across) {
      known = sweep(x.cols, fresh * across, part, [&](Block t, double* s) {
        add_dots(list(asked), list(left_answers), t, s);
      });
      const std::vector<double> drawn = sweep(y.cols, fresh * across, part, [&](Block t, double* s) {
        draw_rows(t);
        add_dots(list(news), list(left), t, s);
      });
      for (Index i = 0; i < fresh; ++i)
        for (Index k = 0; k < across; ++k) {
          const double inverse = to.inverse_norms[at(k)];
          double& value = known[at(i * across + k)];
          value = (value * from.inverse_norms[at(before + i)] -
                   drawn[at(i * across + k)] * inverse) * inverse;
        }
    }
    const std::vector<T*> out = pointers(y);
    sweep(y.cols, 0, run.stage(0.8, 1), [&](Block t, double*) {
      if (fresh && across)
        add_multiples(list(news), known, list(left), t);
      else
        draw_rows(t);
      for (T* row : out) std::fill_n(row + t.first, t.count, T{0});
      add_multiples(list(out), c, list(answers), t);
    });
    drawn_ += static_cast<std::uint64_t>(fresh) * stride;
  } catch (...) {  // stopped, or out of memory: as if it had not been asked
    from.shrink(before);
    throw;
  }
}

template <class T>
template <class S>
void DeferredLayer<T>::ask(Asked<T>& from, Asked<T>& to, Units x_units, View<const S> x,
                           Index n, Units y_units, View<S> y, Index m, const Run& run) const {
  if constexpr (std::is_same_v<S, T>)
    if (x_units.all() && y_units.all()) return ask(from, to, x, y, run);
  // Whole rows in T.
  const Buffer<T> whole(x.rows * n), answers(x.rows * m);
  const View<T> rows(whole.get(), x.rows, n), found(answers.get(), x.rows, m);
  for_each_row(x.rows, n, Run{run.threads}, [&](Index p) {
    if (!x_units.all()) std::fill_n(rows.row(p), n, T{0});
    for (Index k = 0; k < x.cols; ++k) rows.row(p)[x_units[k]] = static_cast<T>(x.row(p)[k]);
  });
  ask(from, to, rows, found, run);
  for_each_row(x.rows, m, Run{run.threads}, [&](Index p) {
    for (Index k = 0; k < y.cols; ++k) y.row(p)[k] = static_cast<S>(found.row(p)[y_units[k]]);
  });
}

template <class T>
std::size_t DeferredLayer<T>::nbytes() const {
  return static_cast<std::size_t>((forward_.count() + backward_.count()) * (fan_in_ + fan_out_)) *
         sizeof(T);
}

template <class T>
void DeferredLayer<T>::forget_since(Mark mark) const {
  forward_.shrink(mark.forward);
  backward_.shrink(mark.backward);
}

template <class T>
void DeferredLayer<T>::row_norms(double*, const Run&) const {
  throw std::logic_error("a deferred layer has no rows");
}

template <class T>
void DeferredLayer<T>::apply(View<const float> x, View<float> y, const Run& run) const {
  ask<float>(forward_, backward_, Units(), x, fan_in_, Units(), y, fan_out_, run);
}
template <class T>
void DeferredLayer<T>::apply(View<const double> x, View<double> y, const Run& run) const {
  ask<double>(forward_, backward_, Units(), x, fan_in_, Units(), y, fan_out_, run);
}
template <class T>
void DeferredLayer<T>::apply_transpose(View<const float> v, View<float> g, const Run& run) const {
  ask<float>(backward_, forward_, Units(), v, fan_out_, Units(), g, fan_in_, run);
}
template <class T>
void DeferredLayer<T>::apply_transpose(View<const double> v, View<double> g,
                                       const Run& run) const {
  ask<double>(backward_, forward_, Units(), v, fan_out_, Units(), g, fan_in_, run);
}
template <class T>
void DeferredLayer<T>::apply(View<const float> x, Units outputs, Units inputs, View<float> y,
                             const Run& run) const {
  ask<float>(forward_, backward_, inputs, x, fan_in_, outputs, y, fan_out_, run);
}
template <class T>
void DeferredLayer<T>::apply(View<const double> x, Units outputs, Units inputs, View<double> y,
                             const Run& run) const {
  ask<double>(forward_, backward_, inputs, x, fan_in_, outputs, y, fan_out_, run);
}
template <class T>
void DeferredLayer<T>::apply_transpose(View<const float> v, Units outputs, Units inputs,
                                       View<float> g, const Run& run) const {
  ask<float>(backward_, forward_, outputs, v, fan_out_, inputs, g, fan_in_, run);
}
template <class T>
void DeferredLayer<T>::apply_transpose(View<const double> v, Units outputs, Units inputs,
                                       View<double> g, const Run& run) const {
  ask<double>(backward_, forward_, outputs, v, fan_out_, inputs, g, fan_in_, run);
}

template <class T>
std::vector<std::unique_ptr<Layer>> deferred_layers(const std::vector<Index>& widths,
                                                    std::uint64_t seed,
                                                    const std::vector<double>& scales) {
  std::vector<std::unique_ptr<Layer>> layers;
  for (std::size_t i = 0; i < scales.size(); ++i) {
    const Stream fresh{seed, Purpose::revealed, static_cast<std::uint32_t>(i + 1)};
    layers.push_back(
        std::make_unique<DeferredLayer<T>>(widths[i + 1], widths[i], fresh, scales[i]));
  }
  return layers;
}

template std::vector<std::unique_ptr<Layer>> deferred_layers<float>(const std::vector<Index>&,
                                                                    std::uint64_t,
                                                                    const std::vector<double>&);
template std::vector<std::unique_ptr<Layer>> deferred_layers<double>(const std::vector<Index>&,
                                                                     std::uint64_t,
                                                                     const std::vector<double>&);
template struct Asked<float>;
template struct Asked<double>;
template class DeferredLayer<float>;
template class DeferredLayer<double>;

}  // namespace randrelu
