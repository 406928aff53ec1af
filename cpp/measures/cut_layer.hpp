// One layer's share of a subdivision: all faces of a mesh cut by its units.
#pragma once

#include "measures/face_cutter.hpp"

namespace randrelu {

// Of the faces after the cuts.
struct CutLayer {
  std::vector<Id> origins;  // the face before them that each is a part of
  std::vector<Bits> bits;   // of the units of the layer
  Mixes fresh;              // the new vertices
};

// `layer` counts from 1. Throws TooManyFaces when there are more than `most_faces`.
CutLayer cut_layer(Mesh& mesh, VertexValues& values, const Bits* coins, Index layer,
                   Index most_faces, const Run& run);

}  // namespace randrelu
