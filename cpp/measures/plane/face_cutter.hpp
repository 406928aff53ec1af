// A convex face cut by the functions that change sign on it.
//
// All functions are affine on the face. They cut it one after another, each from one vertex where it is 0 to
// another: there are two, as the edges of the face are cut before, and a new edge as soon as it is made, by
// all functions that pass 0 on it. So no cut depends on a comparison of coordinates, faces thinner than
// rounding keep their topology, and the two faces of an edge share its vertices.
#pragma once

#include <atomic>

#include "base/bits.hpp"
#include "measures/plane/vertex_values.hpp"

namespace randrelu {

// The functions are the preactivations of units. A unit is active on a face or is not; what is 0 at all of
// its vertices has the bit of its coin.
struct Cutting {
  const VertexValues& values;
  const Bits* coins;
  std::int32_t layer;  // from 1, on the new edges
  Id vertices, edges;  // how many there are before the first new one
  Index most_faces;
  std::atomic<Index>& faces;  // in all
};

// What cutting some faces makes. New vertices and edges count on from those before.
struct Pieces {
  std::vector<Index> origins;  // the face that each was cut from
  std::vector<Index> ends;     // of the edges of each in `halves`
  std::vector<Half> halves;
  std::vector<Bits> bits;  // of each, in turn
  std::vector<Point> vertices;
  Mixes mixes;  // of the vertices that the face had before this layer
  std::vector<Edge> edges;
};

// A face with the values of units at its vertices. A row for each vertex: s, t, its weights as a mixture of
// the vertices that the face had before this layer, then the values of the units.
struct Face {
  struct Corner {
    Id vertex;
    Half half;  // the edge that begins there
  };
  std::vector<Corner> corners;
  std::vector<Id> units;
  std::vector<double> rows;
  // Of all units of the layer; those of `units` are still to be found.
  std::vector<Bits> bits;
};

class FaceCutter {
 public:
  FaceCutter(const Cutting& cutting, Pieces& pieces) : cutting_(cutting), pieces_(pieces) {}
  // Cuts face `origin`, whose vertices were `before`.
  void cut(Index origin, const std::vector<Id>& before, Face face);

 private:
  void split(Face face);
  // Cuts the new edge from corner a to corner b; its vertices go to chain_, edges are numbered in a row.
  Id add_edge(const Face& face, Index a, Index b);
  // The part of a face from one corner on to another, counter-clockwise, then back by the new edge.
  Face part(const Face& face, Index from, Index to, Id edge, bool active) const;
  void emit(const Face& face);

  Index first_value() const { return 2 + static_cast<Index>(before_->size()); }
  Index stride(const Face& face) const {
    return first_value() + static_cast<Index>(face.units.size());
  }

  const Cutting& cutting_;
  Pieces& pieces_;
  Index origin_ = 0;
  const std::vector<Id>* before_ = nullptr;
  std::vector<Face> waiting_;
  // Of the new edge: its vertices, the rows there, and space to find them.
  std::vector<Id> chain_;
  std::vector<double> chain_rows_;
  std::vector<Crossing> crossings_;
  std::vector<Cut> cuts_;
};

}  // namespace randrelu
