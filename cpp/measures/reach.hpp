// Where on a line an output of a network, or a difference of two, first reaches a level.
#pragma once

#include <functional>

#include "measures/line.hpp"

namespace randrelu {

// Functions of the outputs, C of them, whose values `read` writes.
struct Functions {
  Index count;
  std::function<void(const double* outputs, double* values)> read;
  // Where they are the margins of a decision: how many of them the decision goes to where they stay at 0,
  // those of the outputs before it. Else negative.
  Index ties = -1;
};

// The smallest t at which one of the functions is at the level, or, of the margins of a decision, the
// smallest after which one is below it; NaN where there is none. They are linear between the knots (K + 1,),
// where their values are the rows of (K + 1, C).
double first_crossing(const double* knots, View<const double> values, double level, Index ties);

// A segment x + t u, t in [0, length], u (1, d) a unit vector. The first function is f at x, and changes by
// `slope` there, which says where to look first.
struct Segment {
  View<const double> x, u;
  double length, f, slope;
};

// The smallest t at which one of the functions is at the level, or NaN. Unlike trace_line() this goes
// through the origin, after which a network without biases is linear.
double first_reach(const Network& net, const Segment& segment, const Functions& functions,
                   double level, Index most_flips, const Run& run);

}  // namespace randrelu
