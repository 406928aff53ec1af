// Which units flip on rays from a base point. In delta form: every point carries its difference from the base
// point, layer by layer, which loses no digits to cancellation where the two are close. A difference is that of the
// units that are active at x, as if none flipped, plus that of the few that do, which are kept apart as sparse rows.
// (A deferred layer is asked about whole vectors, so there both are summed.)
#pragma once

#include <optional>

#include "measures/rays.hpp"

namespace randrelu {

// Fills the differences y − x of these points, (count, d).
using Differences = std::function<void(Block points, View<double> u)>;

template <class T>
class PatternsAround {
 public:
  // For so many rays at once. With `backward` the units that flip in the last layer are listed,
  // too. A deferred layer that is to `forget` does so as soon as it has been asked.
  PatternsAround(const BasePoint& base, Index rays, bool backward, bool forget,
                 const Scratch<T>& scratch);

  // Takes up some rays, as far as a scale, with the products of the first layers that all scales share. Of mirrored
  // rays every second one is the one before, backwards.
  void start(const Differences& differences, Block rays, bool mirrored, double largest,
             const Run& run);
  // The angles between x and the points at a scale.
  void angles_to_x(double scale, double* to_x) const;
  // Finds which units flip at these scales: rows of rays, scale after scale. flips and image_angles have as
  // many rows from one scale to the next as `stride` says.
  void find(const double* scales, Index count_scales, Index stride, std::int64_t* flips,
            double* image_angles, const Run& run);

  const std::vector<LayerAtX<T>>& at_x() const { return at_x_; }
  // What flips in every layer, for every row.
  const std::vector<SparseRows<T>>& flipped() const { return flipped_; }
  Index rows() const { return rows_; }
  // Where the results of a row stand.
  Index place(Index r) const { return r / rays_ * stride_ + r % rays_; }

 private:
  bool deferred() const { return net_.deferred(); }
  // Whether the products of the second layer are taken once for all scales.
  bool shared() const { return depth_ > 1 && !deferred(); }
  Units part(Index i) const { return deferred() ? Units() : Units(at_x_[at(i)].active); }
  double scale(Index r) const { return scales_[at(r / rays_)]; }
  Bits* at_y(Index r, Index units) { return bits_.data() + r * pattern_bytes(units); }
  // What all scales share, of every ray: W_1 u, or W_2 D_1(x) W_1 u.
  View<T> kept(Index i) const {
    return {kept_.get() + i * rays_ * net_.width(0), rays_, net_.width(at(i))};
  }
  // The differences of the activations of layer i, apart from what flips.
  View<T> differences_of(Index i, Index rows) const {
    return scratch_.layer(0, rows, part(i).size(net_.width(at(i))));
  }

  void find_on_rays(std::int64_t* flips, const Run& run);
  View<T> preactivations(Index i, const Run& run);
  void find_in_layer(Index i, View<const T> z, std::int64_t* flips, const Run& run);
  void select(Index i, View<const T> z, const Run& run);
  void find_angles(Index i, View<const T> z, double* angles, const Run& run) const;
  double angle(Index i, const T* difference, Index r) const;

  const Network& net_;
  const BasePoint& base_;
  const Scratch<T>& scratch_;
  Index depth_, rays_ = 0, rows_ = 0, stride_ = 0;
  bool mirrored_ = false, backward_, forget_;
  struct Parts {
    double along = 0, across = 0;
  };
  Ray x_;
  std::vector<Parts> parts_;  // of every direction, along x and across it
  std::vector<LayerAtX<T>> at_x_;
  std::optional<Rays<T>> on_rays_;
  std::vector<double> scales_;
  std::vector<SparseRows<T>> flipped_;  // of the first layer only where they are asked for
  Buffer<double> u_;
  Buffer<T> kept_;
  std::vector<Bits> bits_;    // of the last layer at the rows, where it is on rays
  std::vector<char> silent_;  // whether all that is active in a layer is 0
};

}  // namespace randrelu
