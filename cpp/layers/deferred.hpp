// A layer whose Gaussian matrix does not exist yet: it is revealed along the directions that are asked
// for, and nowhere else. What is asked may depend on all earlier answers; the answers have exactly the
// joint law that they would have from an explicit matrix (Bolthausen's conditioning).
//
// For G (m, n) with independent standard normal entries, let U be the orthonormal directions asked so far
// from the right and V those from the left. Given all answers, G q for a unit vector q ⟂ U is
// V Vᵀ G q, which is known, plus (I − V Vᵀ) g with g a fresh standard normal vector.
#pragma once

#include "layers/layer.hpp"

namespace randrelu {

// The layers of a network of these widths: scales[i] × G, with what is revealed of G held in T.
template <class T>
Layers deferred_layers(const std::vector<Index>& widths, std::uint64_t seed,
                       const std::vector<double>& scales);

}  // namespace randrelu
