// One layer's share of a subdivision: all faces of a mesh cut by its units.
#pragma once

#include "measures/plane/face_cutter.hpp"

namespace randrelu {

struct CutLayer {
  std::vector<Id>
      origins;             // of every face after the cuts, the one before them that it is a part of
  std::vector<Bits> bits;  // of the units of the layer there
  Mixes mixes;             // what every vertex is of those before
  std::vector<Id>
      first_cuts;  // of every edge before, in a numbering of the cuts of all; and the end

  // The part of an edge from one of its cuts to the next.
  Id part_of_edge(Id edge, Id cut) const { return edge + first_cuts[at(edge)] + cut; }
};

// `layer` counts from 1, and `faces` those that there are in all. Throws TooManyFaces when they are more than
// `most_faces`.
CutLayer cut_layer(Mesh& mesh, const VertexValues& values, const Bits* coins, Index layer,
                   std::atomic<Index>& faces, Index most_faces, const Run& run);

}  // namespace randrelu
