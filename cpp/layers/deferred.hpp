// A layer whose Gaussian matrix does not exist yet: it is revealed along the directions that are asked
// for, and nowhere else. What is asked may depend on all earlier answers; the answers have exactly the
// joint law that they would have from an explicit matrix (Bolthausen's conditioning).
//
// For G (m, n) with independent standard normal entries, let U be the orthonormal directions asked so far
// from the right and V those from the left. Given all answers, G q for a unit vector q ⟂ U is
// V Vᵀ G q, which is known, plus (I − V Vᵀ) g with g a fresh standard normal vector.
#pragma once

#include <memory>

#include "random/gaussian.hpp"
#include "layers/layer.hpp"
#include "layers/orthogonal.hpp"

namespace randrelu {

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

  [[noreturn]] void row_norms(double* norms, const Run& run) const override;

  void apply(View<const float> x, View<float> y, const Run& run) const override;
  void apply(View<const double> x, View<double> y, const Run& run) const override;
  void apply_transpose(View<const float> v, View<float> g, const Run& run) const override;
  void apply_transpose(View<const double> v, View<double> g, const Run& run) const override;
  void apply(View<const float> x, Units outputs, Units inputs, View<float> y,
             const Run& run) const override;
  void apply(View<const double> x, Units outputs, Units inputs, View<double> y,
             const Run& run) const override;
  void apply_transpose(View<const float> v, Units outputs, Units inputs, View<float> g,
                       const Run& run) const override;
  void apply_transpose(View<const double> v, Units outputs, Units inputs, View<double> g,
                       const Run& run) const override;

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

// The layers of a network of these widths.
template <class T>
std::vector<std::unique_ptr<Layer>> deferred_layers(const std::vector<Index>& widths,
                                                    std::uint64_t seed,
                                                    const std::vector<double>& scales);

}  // namespace randrelu
