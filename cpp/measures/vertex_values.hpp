// The preactivations of a layer at the vertices of a mesh, on whose faces they are affine.
//
// They are differences to those at the first vertex: so they keep their digits where the mesh is small, and a
// deferred layer is asked for as few new directions as there are.
//
// They are held for one layer at a time, in memory that is bounded: where a layer's values at all vertices
// would take more, those of the last layer that was held are, and rows of the later one are made from them,
// by a product a layer, whenever they are wanted. Those of a deferred network are always held, as asking
// takes longer than a product.
#pragma once

#include <functional>

#include "base/buffer.hpp"
#include "measures/mixes.hpp"
#include "measures/rounding.hpp"
#include "measures/signs.hpp"

namespace randrelu {

// How much the values of a layer may take, in bytes.
constexpr Index kMostHeld = Index{1} << 29;

class VertexValues {
 public:
  // Those of the first layer at x + s u + t v for the corners of a polygon.
  VertexValues(const Network& net, View<const double> x, View<const double> u, View<const double> v,
               const std::vector<Point>& corners, Index most_held, const Run& run);

  // Goes on to the next layer, with new vertices, mixes of those before.
  void advance(Mixes fresh, const Run& run);

  Index units() const { return static_cast<Index>(base().size()); }
  Index vertices() const { return vertices_; }
  const Signs& signs() const { return signs_; }
  // Finds the values of some units at some vertices, for value() to read: those with a bit in `wanted`,
  // (V, words).
  void gather(const std::vector<Signs::Word>& wanted, const Run& run);
  bool held() const { return held_layer_ == layer_; }  // then value() needs no gather()
  double value(Index vertex, Index unit) const {
    if (!held()) return gathered_value(vertex, unit);
    return base()[at(unit)] + held_.get()[vertex * units() + unit];
  }
  // Up to here a value counts as 0.
  double tolerance(Index unit) const { return rounding_.tolerance(unit); }
  // Those of all units at all vertices, (V, units).
  std::vector<double> all(const Run& run) const;

 private:
  using Rows = std::function<void(Index first, View<const double> differences)>;
  const std::vector<double>& base() const { return bases_.back(); }
  Index rows_at_once() const;
  double gathered_value(Index vertex, Index unit) const;
  // Makes the rows of all vertices, some at a time.
  void for_rows(const Run& run, const Rows& use) const;
  void make_rows(Block some, const Run& run, const Rows& use) const;
  // The difference of the held layer at a vertex.
  void mix(Index vertex, double* out) const;
  void mix_further(const Mixes& fresh);
  void take_base(const Run& run);
  // Finds the signs at all vertices, and holds the values if they are to be held.
  void find_signs(bool hold, const Run& run);

  const Network& net_;
  Index most_held_;
  Index layer_ = 0, vertices_;
  Index held_layer_ = 0, held_vertices_;
  Buffer<double> held_;                     // (held_vertices_, units of that layer)
  Mixes mixes_;                             // of the held vertices: the others
  std::vector<std::vector<double>> bases_;  // at the first vertex, from the held layer on
  Rounding rounding_;
  Signs signs_{0, 0};
  // What gather() found.
  std::vector<Index> gathered_ends_;
  std::vector<Id> gathered_units_;
  std::vector<double> gathered_;
};

}  // namespace randrelu
