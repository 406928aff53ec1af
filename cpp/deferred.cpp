#include "deferred.hpp"

#include <stdexcept>
#include <type_traits>

namespace randrelu {
namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

template <class T>
void draw(const Stream& stream, std::uint64_t first, Block t, T* row) {
  float normal[1024];
  assert(t.count <= 1024);
  normals(stream, 1.0f, first + static_cast<std::uint64_t>(t.first), t.count, normal);
  for (Index j = 0; j < t.count; ++j) row[t.first + j] = static_cast<T>(normal[j]);
}

}  // namespace

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
template class DeferredLayer<float>;
template class DeferredLayer<double>;

}  // namespace randrelu
