// What faces become, layer by layer.
#pragma once

#include "measures/plane/cut_layer.hpp"

namespace randrelu {

struct Descendants {
  std::vector<Id> origins;              // the face before the first layer that each is a part of
  std::vector<std::vector<Bits>> bits;  // of each, a vector per layer
};

// Of the faces after the last of some layers, of which there are `faces`.
Descendants descendants(std::vector<CutLayer> layers, Index faces);

// A row for each of `origins`, which are numbers of rows of some bytes.
std::vector<Bits> rows_of(const std::vector<Id>& origins, const std::vector<Bits>& rows,
                          Index bytes);

}  // namespace randrelu
