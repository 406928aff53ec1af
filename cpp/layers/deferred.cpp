#include "layers/deferred.hpp"

#include <stdexcept>
#include <type_traits>

#include "base/finite.hpp"
#include "layers/orthogonal.hpp"
#include "random/gaussian.hpp"

namespace randrelu {
namespace {

template <class T>
void draw(const Stream& stream, std::uint64_t first, Block t, T* row) {
  float normal[kRowTile];
  assert(t.count <= kRowTile);
  normals(stream, 1.0f, first + static_cast<std::uint64_t>(t.first), t.count, normal);
  for (Index j = 0; j < t.count; ++j) row[t.first + j] = static_cast<T>(normal[j]);
}

template <class T>
class DeferredLayer final : public Layer {
 public:
  // scale × G; fresh normals come from `stream`, in the order of the questions.
  DeferredLayer(Index fan_out, Index fan_in, const Stream& stream, double scale)
      : fan_out_(fan_out), fan_in_(fan_in), stream_(stream), scale_(scale) {}

  Index fan_in() const override { return fan_in_; }
  Index fan_out() const override { return fan_out_; }
  std::size_t nbytes() const override;
  bool deferred() const override { return true; }
  Mark mark() const override { return {forward_.count(), backward_.count()}; }
  void forget_since(Mark mark) const override;

  void apply(View<const float> x, View<float> y, const Run& run, Part part) const override {
    ask<float>(forward_, backward_, part.inputs, x, fan_in_, part.outputs, y, fan_out_, run);
  }
  void apply(View<const double> x, View<double> y, const Run& run, Part part) const override {
    ask<double>(forward_, backward_, part.inputs, x, fan_in_, part.outputs, y, fan_out_, run);
  }
  void apply_transpose(View<const float> v, View<float> g, const Run& run,
                       Part part) const override {
    ask<float>(backward_, forward_, part.outputs, v, fan_out_, part.inputs, g, fan_in_, run);
  }
  void apply_transpose(View<const double> v, View<double> g, const Run& run,
                       Part part) const override {
    ask<double>(backward_, forward_, part.outputs, v, fan_out_, part.inputs, g, fan_in_, run);
  }

 private:
  // y = scale × (G x for every row x) in S, for some of the entries of x and y; `from` is what was asked
  // from x's side.
  template <class S>
  void ask(Asked<T>& from, Asked<T>& to, Units x_units, View<const S> x, Index n, Units y_units,
           View<S> y, Index m, const Run& run) const;
  // The same for whole rows, some of them at a time.
  void reveal(Asked<T>& from, Asked<T>& to, View<const T> x, View<T> y, const Run& run) const;
  // The same where all of G is known from the other side.
  void recall(const Asked<T>& to, View<const T> x, View<T> y, const Run& run) const;
  // Makes all of G known from the other side.
  void reveal_whole(Asked<T>& from, Asked<T>& to, Index n, Index m, const Run& run) const;

  Index fan_out_, fan_in_;
  Stream stream_;
  double scale_;
  // Asking reveals more of the matrix; the network sees to it that only one call does so at a time.
  mutable Asked<T> forward_, backward_;
  mutable std::uint64_t drawn_ = 0;  // fresh normals, in whole groups of the generator
};

template <class T>
template <class S>
void DeferredLayer<T>::ask(Asked<T>& from, Asked<T>& to, Units x_units, View<const S> x, Index n,
                           Units y_units, View<S> y, Index m, const Run& run) const {
  // As many questions at a time as keep sums and copies small; what they reveal is the same.
  constexpr Index kQuestions = 64;
  double done = 0;
  // As many questions as G has rows: cheaper to know these whole. (A single row always is.)
  if (to.count() < m && std::min(std::max(from.count(), x.rows), n) >= m) {
    done = 0.5;
    reveal_whole(from, to, n, m, run.stage(0, done));
  }
  const bool direct = std::is_same_v<S, T> && x_units.all() && y_units.all();
  const Index most = direct ? 0 : std::min(x.rows, kQuestions);
  const Buffer<T> whole(most * n), answers(most * m);
  for (Index i = 0; i < ceil_div(x.rows, kQuestions); ++i) {
    const Block some(i, kQuestions, x.rows);
    const double total = static_cast<double>(x.rows), first = static_cast<double>(some.first);
    const auto share = [&](double questions) { return done + (1 - done) * questions / total; };
    const Run part = run.stage(share(first), share(first + static_cast<double>(some.count)));
    const View<const S> question = x.middle_rows(some.first, some.count);
    const View<S> answer = y.middle_rows(some.first, some.count);
    if constexpr (std::is_same_v<S, T>)
      if (direct) {
        reveal(from, to, question, answer, part);
        continue;
      }
    // Whole rows in T.
    const View<T> rows(whole.get(), some.count, n), found(answers.get(), some.count, m);
    for_each_row(some.count, n, run.silent(), [&](Index p) {
      if (!x_units.all()) std::fill_n(rows.row(p), n, T{0});
      for (Index k = 0; k < x.cols; ++k)
        rows.row(p)[x_units[k]] = static_cast<T>(question.row(p)[k]);
      if (sizeof(T) < sizeof(S)) require_finite(rows.row(p), n);
    });
    reveal(from, to, rows, found, part);
    for_each_row(some.count, m, run.silent(), [&](Index p) {
      if (sizeof(T) < sizeof(S)) require_finite(found.row(p), m);
      for (Index k = 0; k < y.cols; ++k)
        answer.row(p)[k] = static_cast<S>(found.row(p)[y_units[k]]);
    });
  }
}

template <class T>
void DeferredLayer<T>::reveal_whole(Asked<T>& from, Asked<T>& to, Index n, Index m,
                                    const Run& run) const {
  const Index most = std::min<Index>(m, kPanelRows);
  const Buffer<T> unit(most * m), rows(most * n);
  for (Index i = 0; i < ceil_div(m, most); ++i) {
    const Block some(i, most, m);
    const View<T> questions(unit.get(), some.count, m);
    std::fill_n(unit.get(), some.count * m, T{0});
    for (Index p = 0; p < some.count; ++p) questions.row(p)[some.first + p] = T{1};
    const double total = static_cast<double>(m), first = static_cast<double>(some.first);
    reveal(to, from, questions, View<T>(rows.get(), some.count, n),
           run.stage(first / total, (first + static_cast<double>(some.count)) / total));
  }
}

template <class T>
void DeferredLayer<T>::reveal(Asked<T>& from, Asked<T>& to, View<const T> x, View<T> y,
                              const Run& run) const {
  if (to.count() == y.cols) return recall(to, x, y, run);
  const Run part{run.threads};
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
                          opposite = pointers(to.directions),
                          opposite_answers = pointers(to.answers);
    const std::uint64_t stride = static_cast<std::uint64_t>(ceil_div(y.cols, 64) * 64);
    const auto draw_rows = [&](Block t) {
      for (Index i = 0; i < fresh; ++i)
        draw(stream_, drawn_ + static_cast<std::uint64_t>(i) * stride, t, news[at(i)]);
    };
    // V Vᵀ G q − V Vᵀ g, as coefficients on V.
    std::vector<double> known;
    if (fresh && across) {
      known = sum_over_tiles(x.cols, fresh * across, part, [&](Block t, double* s) {
        add_dots<T>(rows_of(asked), rows_of(opposite_answers), t, s);
      });
      const std::vector<double> drawn =
          sum_over_tiles(y.cols, fresh * across, part, [&](Block t, double* s) {
            draw_rows(t);
            add_dots<T>(rows_of(news), rows_of(opposite), t, s);
          });
      for (Index i = 0; i < fresh; ++i)
        for (Index k = 0; k < across; ++k) {
          const double inverse = to.inverse_norms[at(k)];
          double& value = known[at(i * across + k)];
          value =
              (value * from.inverse_norms[at(before + i)] - drawn[at(i * across + k)] * inverse) *
              inverse;
        }
    }
    const std::vector<T*> out = pointers(y);
    over_tiles(y.cols, y.rows * all + fresh * across, run.stage(0.8, 1), [&](Block t) {
      if (fresh && across)
        add_multiples<T>(rows_of(news), known, rows_of(opposite), t);
      else
        draw_rows(t);
      for (T* row : out) std::fill_n(row + t.first, t.count, T{0});
      add_multiples<T>(rows_of(out), c, rows_of(answers), t);
    });
    drawn_ += static_cast<std::uint64_t>(fresh) * stride;
  } catch (...) {  // stopped, or out of memory: as if it had not been asked
    from.shrink(before);
    throw;
  }
}

template <class T>
void DeferredLayer<T>::recall(const Asked<T>& to, View<const T> x, View<T> y,
                              const Run& run) const {
  const Index all = to.count();
  const std::vector<const T*> rows = pointers(x);
  const std::vector<T*> out = pointers(y), opposite = pointers(to.directions),
                        answers = pointers(to.answers);
  std::vector<double> c = sum_over_tiles(x.cols, x.rows * all, run, [&](Block t, double* s) {
    add_dots<T>(rows_of(rows), rows_of(answers), t, s);
  });
  for (std::size_t i = 0; i < c.size(); ++i) c[i] *= scale_ * to.inverse_norms[i % at(all)];
  over_tiles(y.cols, x.rows * all, run.silent(), [&](Block t) {
    for (T* row : out) std::fill_n(row + t.first, t.count, T{0});
    add_multiples<T>(rows_of(out), c, rows_of(opposite), t);
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

}  // namespace

template <class T>
Layers deferred_layers(const std::vector<Index>& widths, std::uint64_t seed,
                       const std::vector<double>& scales) {
  Layers layers;
  for (std::size_t i = 0; i < scales.size(); ++i) {
    const Stream fresh{seed, Purpose::revealed, static_cast<std::uint32_t>(i + 1)};
    layers.push_back(
        std::make_shared<DeferredLayer<T>>(widths[i + 1], widths[i], fresh, scales[i]));
  }
  return layers;
}

template Layers deferred_layers<float>(const std::vector<Index>&, std::uint64_t,
                                       const std::vector<double>&);
template Layers deferred_layers<double>(const std::vector<Index>&, std::uint64_t,
                                        const std::vector<double>&);

}  // namespace randrelu
