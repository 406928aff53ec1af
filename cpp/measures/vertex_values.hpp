// The preactivations of a layer at the vertices of a mesh, on whose faces they are affine.
//
// They are held as differences to those at the first vertex: they keep their digits where the mesh is small,
// and a deferred layer is asked for as few new directions as there are.
#pragma once

#include "base/buffer.hpp"
#include "measures/mesh.hpp"
#include "network/network.hpp"

namespace randrelu {

// New vertices, each a convex combination of those before.
struct Mixes {
  std::vector<Index> ends;
  std::vector<Id> vertices;
  std::vector<double> weights;

  Index count() const { return static_cast<Index>(ends.size()); }
  Index start(Index i) const { return i ? ends[at(i - 1)] : 0; }
  void add(Id vertex, double weight) {
    if (weight == 0) return;
    vertices.push_back(vertex);
    weights.push_back(weight);
  }
  void end() { ends.push_back(static_cast<Index>(vertices.size())); }
  void append(const Mixes& more) {
    const Index before = static_cast<Index>(vertices.size());
    for (const Index end : more.ends) ends.push_back(before + end);
    vertices.insert(vertices.end(), more.vertices.begin(), more.vertices.end());
    weights.insert(weights.end(), more.weights.begin(), more.weights.end());
  }
};

class VertexValues {
 public:
  // Those of the first layer at x + s u + t v for the corners of a polygon.
  VertexValues(const Network& net, View<const double> x, View<const double> u, View<const double> v,
               const std::vector<Point>& corners, const Run& run);

  // Those of the layer after it, at the vertices here and at new ones.
  VertexValues next(const Network& net, const Mixes& fresh, const Run& run) const;

  Index units() const { return static_cast<Index>(base_.size()); }
  Index vertices() const { return rows_; }
  double value(Index vertex, Index unit) const {
    return base_[at(unit)] + differences_.get()[vertex * units() + unit];
  }
  // Up to here a value counts as 0.
  double tolerance(Index unit) const { return tolerances_[at(unit)]; }
  // 1, −1, or 0 within the tolerance.
  int sign(Index vertex, Index unit) const {
    const double z = value(vertex, unit);
    return z > tolerance(unit) ? 1 : z < -tolerance(unit) ? -1 : 0;
  }

 private:
  VertexValues(Index layer, Index rows, Index units)
      : layer_(layer), rows_(rows), base_(at(units)), differences_(rows * units) {}
  double* row(Index vertex) const { return differences_.get() + vertex * units(); }
  // Writes the difference of the activations at a vertex to those at the first one.
  void activate(Index vertex, const Mixes& fresh, double* out) const;
  void find_tolerances(const Network& net, View<const double> question, View<const double> answer,
                       double size, double inherited, const Run& run);

  Index layer_, rows_;
  std::vector<double> base_;
  Buffer<double> differences_;
  std::vector<double> tolerances_;
  double error_ = 0;  // a bound on the norm of what rounding has added to a row
};

}  // namespace randrelu
