// A convex polygon cut into convex faces: vertices, edges between them, and the edges around every face.
#pragma once

#include <cmath>

#include "base/types.hpp"

namespace randrelu {

// Numbers a vertex, an edge or a face.
using Id = std::int32_t;

// With more faces than this, numbers of edges would not fit.
constexpr Index kMostFaces = Index{1} << 28;

struct Point {
  double s, t;
};

struct Edge {
  Id from, to;
  std::int32_t layer, unit;  // that bends there; layers from 1, 0 for the border of the polygon
};

// An edge e as the face on its left sees it, 2e, or the one on its right, 2e + 1, which goes along it
// backward: every face has its edges counter-clockwise.
using Half = Id;

struct Mesh {
  std::vector<Point> vertices;
  std::vector<Edge> edges;
  std::vector<Id> starts{0};  // of every face in `halves`, and the end
  std::vector<Half> halves;

  Index faces() const { return static_cast<Index>(starts.size()) - 1; }
  // The vertex at which a face comes to an edge.
  Id start(Half half) const {
    const Edge& edge = edges[at(half / 2)];
    return half % 2 ? edge.to : edge.from;
  }
};

// The value between two at a share of the way. It is fused by name, so that both faces of an edge find the
// same bits there, whatever the compiler fuses.
inline double between(double from, double to, double share) {
  return std::fma(share, to - from, from);
}

// A function that is affine on an edge, has different signs at its ends, and counts as 0 up to a tolerance.
struct Crossing {
  double from, to, tolerance;
  Id function;

  double share() const { return from / (from - to); }
};

// A new vertex on an edge, where a function is 0.
struct Cut {
  double share;
  Id function;
};

// Where functions pass 0 on an edge, in order. Where one of them is 0 within its tolerance at the cut of
// another, it passes there: there is no second cut.
void cut_edge(std::vector<Crossing>& crossings, std::vector<Cut>& cuts);

// Fails an assertion unless the faces are a subdivision of a disk; does nothing in release builds.
void check_mesh(const Mesh& mesh, double area);

}  // namespace randrelu
