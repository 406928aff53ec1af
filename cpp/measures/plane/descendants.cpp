#include "measures/plane/descendants.hpp"

#include <numeric>

namespace randrelu {

Descendants descendants(std::vector<CutLayer> layers, Index faces) {
  Descendants result;
  result.origins.resize(at(faces));
  std::iota(result.origins.begin(), result.origins.end(), Id{0});
  result.bits.resize(layers.size());
  for (std::size_t i = layers.size(); i-- > 0;) {
    CutLayer& layer = layers[i];
    const Index bytes = static_cast<Index>(layer.bits.size() / layer.origins.size());
    result.bits[i] = rows_of(result.origins, layer.bits, bytes);
    for (Id& face : result.origins) face = layer.origins[at(face)];
    layer = CutLayer();
  }
  return result;
}

std::vector<Bits> rows_of(const std::vector<Id>& origins, const std::vector<Bits>& rows,
                          Index bytes) {
  std::vector<Bits> result(origins.size() * at(bytes));
  for (std::size_t f = 0; f < origins.size(); ++f)
    std::copy_n(rows.data() + origins[f] * bytes, bytes,
                result.data() + static_cast<Index>(f) * bytes);
  return result;
}

}  // namespace randrelu
