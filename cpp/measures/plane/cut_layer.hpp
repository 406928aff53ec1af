// One layer's share of a subdivision: all faces of a mesh cut by its units.
#pragma once

#include "measures/plane/face_cutter.hpp"

namespace randrelu {

struct CutLayer {
  // Of every face after the cuts: the face before them that it is a part of, and the bits of the layer.
  std::vector<Id> origins;
  std::vector<Bits> bits;
  Mixes mixes;  // what every vertex is of those before
  // The number of the first cut of every edge before, where the cuts of all are numbered in a row; and the end.
  std::vector<Id> first_cuts;

  // The part of an edge from one of its cuts to the next.
  Id part_of_edge(Id edge, Id cut) const { return edge + first_cuts[at(edge)] + cut; }
};

// `layer` counts from 1, and `faces` counts all faces, also those of other parts of the mesh. Throws
// TooManyFaces when they are more than `most_faces`.
CutLayer cut_layer(Mesh& mesh, const VertexValues& values, const Bits* coins, Index layer,
                   std::atomic<Index>& faces, Index most_faces, const Run& run);

}  // namespace randrelu
