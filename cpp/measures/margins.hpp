// The margins of a decision: by how much one output is above the others, and the gradient of that. Of a
// network with one output the margin is f.
#pragma once

#include "measures/reach.hpp"
#include "network/network.hpp"

namespace randrelu {

// The largest of k > 1 outputs, and the largest of the others; the first of equal ones.
struct Decision {
  Index top, runner_up;
};
template <class T>
Decision decision(const T* outputs, Index k);

// The largest output but `top`, the first of equal ones.
template <class T>
Index rival(const T* outputs, Index k, Index top);

// m = f_top − f_rival of N points, or f; the outputs are empty where there is one.
struct Margins {
  std::vector<double> values;       // (N,)
  std::vector<double> roundings;    // (N,), about what a rounding of each is
  std::vector<Index> tops, rivals;  // (N,)
};

// Evaluates the margins at x (N, d), in float or in double, and writes their gradients (N, d). `tops` (N,), or null: the largest
// outputs; `against` (N,) has the rivals, where null or a negative entry is the largest other output.
template <class T>
Margins margins(const Network& net, View<const T> x, const Index* tops, const Index* against,
                T* gradients, const Run& run);

// The margin over `other`, or those over each other output where it is negative; f of one output.
Functions margin_functions(Index k, Index top, Index other);

// Where on the segments from x to y (N, d) the margins first are 0: shares (N,) of the segments, NaN where
// there is none. `against` is as above; of one output both are null.
void first_changes(const Network& net, View<const double> x, View<const double> y,
                   const Index* tops, const Index* against, Index most_flips, double* shares,
                   const Run& run);

}  // namespace randrelu
