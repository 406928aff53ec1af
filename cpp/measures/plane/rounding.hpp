// How far rounding may have moved the preactivations at the vertices of a mesh, layer by layer.
//
// A sum of n products W_jk a_k makes n roundings, each at most 2⁻⁵³ of Σ_k |W_jk a_k|, and passes on the
// errors that the a_k have already. Taken as independent, of mean 0 (Higham and Mary 2019), their variances
// add up:
//
//   σ_j² = Σ_k W_jk² σ_k² + ((√n + 8) 2⁻⁵³ (Σ_k |W_jk| |a_k| + |b_j|))²,
//
// where the 8 is for what interpolates between vertices. The tolerance is 16 σ_j, which is no bound: were the
// roundings independent, their sum would be nearly normal, and leave it with a probability of some 10⁻⁵⁷. So it
// has room for roundings that are not. A bound for the worst of all roundings would grow by Σ_k |W_jk|
// instead, in every layer: in a deep network it would take vertices for zeros that are a million roundings
// away from them. Where the tolerance is too small after all, two lines that coincide enclose faces as thin as
// rounding, and nothing else is lost.
#pragma once

#include "network/network.hpp"

namespace randrelu {

class Rounding {
 public:
  // Up to here a value of a unit counts as 0.
  double tolerance(Index unit) const { return tolerances_[at(unit)]; }
  // The largest |a_k| at any vertex, of every unit of the next layer's input.
  void set_sizes(std::vector<double> sizes) { sizes_ = std::move(sizes); }
  // Goes on to a layer that has answered some questions.
  void advance(const Network& net, Index layer, View<const double> questions,
               View<const double> answers, const Run& run);

 private:
  std::vector<double> tolerances_, sizes_;
  // Of the errors in the next layer's input; empty where it has none.
  std::vector<double> variances_;
};

// A run on one thread where starting others would take longer than so many multiplications.
inline Run unless_small(const Run& run, Index work) {
  Run result = run;
  if (work < Index{1} << 20) result.threads = 1;
  return result;
}

}  // namespace randrelu
