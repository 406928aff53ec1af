// The preactivations of a layer at the vertices of a mesh, on whose faces they are affine.
//
// They are differences to those at one point, the base: so they keep their digits where the mesh is small, and
// a deferred layer is asked for as few new directions as there are.
#pragma once

#include <memory>

#include "measures/plane/mixes.hpp"
#include "measures/plane/rounding.hpp"
#include "measures/plane/signs.hpp"

namespace randrelu {

class VertexValues {
 public:
  // Vertices whose values are known: the place of each in `values`, or −1.
  struct Known {
    const VertexValues& values;
    const std::vector<Id>& places;
  };

  // Those of the first layer at x + s u + t v for the corners of a polygon, the first of which is the base.
  VertexValues(const Network& net, View<const double> x, View<const double> u, View<const double> v,
               const std::vector<Point>& corners, const Run& run);
  // Those of the next layer at mixes of these vertices.
  VertexValues next(const Mixes& mixes, const Run& run) const;
  // The same where some are known, with whose base and tolerances all others agree.
  VertexValues next(const Mixes& mixes, const Known& known, const Run& run) const;

  Index units() const { return static_cast<Index>(base_.size()); }
  Index vertices() const { return vertices_; }
  double value(Index vertex, Index unit) const { return base_[at(unit)] + row(vertex)[unit]; }
  // Those of all units at all vertices, (V, units).
  std::vector<double> all() const;
  // Up to here a value counts as 0. Neither this nor signs() is there for the outputs.
  double tolerance(Index unit) const { return rounding_.tolerance(unit); }
  const Signs& signs() const { return signs_; }

 private:
  VertexValues(const Network& net, Index layer, Index vertices);
  bool hidden() const { return layer_ < static_cast<Index>(net_->depth()); }
  double* row(Index vertex) const { return rows_.get() + vertex * units(); }
  void find_base(const VertexValues& before, const Run& run);
  void find_rows(const VertexValues& before, const Mixes& mixes, const Known* known,
                 const Run& run);
  // The difference of activations at a mix of vertices.
  void mix(const Mixes& mixes, Index i, double* out) const;
  void find_signs(const Run& run);
  std::vector<double> largest() const;

  const Network* net_;
  Index layer_, vertices_;
  std::vector<double> base_;
  // (V, units). Not a Buffer, whose memory is kept for another of its size: no two meshes are of one size.
  std::unique_ptr<double[]> rows_;
  Rounding rounding_;
  Signs signs_{0, 0};
};

}  // namespace randrelu
