// How gradients differ between a base point and others, from what flips: backward in delta form.
#pragma once

#include "measures/patterns_around.hpp"

namespace randrelu {

template <class T>
class GradientsAround {
 public:
  GradientsAround(const Network& net, const PatternsAround<T>& patterns, const Scratch<T>& scratch)
      : net_(net),
        patterns_(patterns),
        scratch_(scratch),
        depth_(static_cast<Index>(net.depth())) {}

  // ∇f(y) − ∇f(x) of every row of the patterns.
  View<const T> changes(const Run& run) { return go_back(false, run); }
  // The Δ_j of (GD-DECOMP) of every row, whose sum is the negative of that, as rows (L − 1 − j) × rows + r.
  View<const T> terms(const Run& run) { return go_back(true, run); }

 private:
  const LayerAtX<T>& at_x(Index i) const { return patterns_.at_x()[at(i)]; }
  const SparseRows<T>& flipped(Index i) const { return patterns_.flipped()[at(i)]; }
  // The units of layer i that what goes back has, apart from those that flip.
  Units part(Index i) const { return net_.deferred() ? Units() : Units(at_x(i).active); }

  View<T> go_back(bool terms, const Run& run);
  template <class Value>
  SparseRows<T> gained(Index i, Index times, const Value& value) const;
  View<T> keep(Index i, View<const T> h, Index more, const Run& run) const;
  View<T> send_back(Index i, View<T> v, const SparseRows<T>& sparse, const Run& run);
  Units want(Index i);

  const Network& net_;
  const PatternsAround<T>& patterns_;
  const Scratch<T>& scratch_;
  Index depth_;
  std::vector<Index> wanted_, in_wanted_;  // units, and the place of each among them
};

}  // namespace randrelu
