// The later layers of a subdivision, for one part of the mesh after the other: the values of a layer at all
// vertices would take too much memory, those at the vertices of a part do not.
//
// First the layers go along the edges between parts, alone. What they find there is given to the parts on
// either side, which so agree on every vertex, bit for bit, and fit together again. Tolerances are found there,
// too, for all parts: sizes of activations are those on the edges between parts and around the polygon.
#pragma once

#include "measures/plane/descendants.hpp"

namespace randrelu {

struct MeshParts {
  Mesh mesh;
  Descendants faces;
  std::vector<double> f;  // the outputs at the vertices
};

// Cuts a mesh by the layers from `first` on, counted from 0. Its vertices are mixes of those of `values`, the
// preactivations of the layer before. A part has `faces_each` to begin with.
MeshParts cut_in_parts(const Network& net, const Mesh& mesh, const VertexValues& values,
                       const Mixes& mixes, Index first, Index faces_each, std::atomic<Index>& faces,
                       Index most_faces, const Run& run);

}  // namespace randrelu
