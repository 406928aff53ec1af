// The linear regions of the hidden layers on a convex polygon of the plane x + s u + t v: a subdivision into
// convex faces, on each of which every layer, and the outputs, are affine. All in double.
//
// Layer by layer: the preactivations of a layer are affine on the faces of the layers before it, so that a
// face is cut where units change sign between its vertices. With V vertices and F faces after a layer of n
// units, the next layer takes a product with V rows, and a cut takes as long as the face has vertices: work
// grows with what is found.
//
// A vertex where a unit's preactivation is within its tolerance of 0 (rounding.hpp) lies on the unit's line, and
// not on either side of it: so lines that meet in one point, or coincide, do so here, too. An edge that lies on
// the lines of several units keeps the first of them.
#pragma once

#include <stdexcept>

#include "measures/plane/mesh.hpp"
#include "network/network.hpp"

namespace randrelu {

// How many bytes the values at all vertices of a mesh may take; where they would take more, the mesh is cut in
// parts, see mesh_parts.hpp. Several parts are in memory at once; of a deferred network it is one.
constexpr Index kMostHeld = Index{1} << 25, kMostHeldDeferred = Index{1} << 29;

struct Subdivision {
  Mesh mesh;
  std::vector<std::vector<Bits>> bits;  // of every face, a vector per hidden layer
  Index outputs = 0;                    // k
  std::vector<double> f;                // at the vertices, (V, k)
};

struct TooManyFaces : std::runtime_error {
  TooManyFaces(Index faces_, Index layer_)
      : std::runtime_error("the plane has more faces than there is room for"),
        faces(faces_),
        layer(layer_) {}
  Index faces, layer;  // there are more than this many after this layer, from 1
};

// The polygon is strictly convex, counter-clockwise. Throws TooManyFaces when there are more than
// `most_faces`, which are at most kMostFaces. Takes most_held bytes for the values of a layer.
Subdivision subdivide(const Network& net, View<const double> x, View<const double> u,
                      View<const double> v, const std::vector<Point>& polygon, Index most_faces,
                      Index most_held, const Run& run);

}  // namespace randrelu
