#include "measures/reach.hpp"

#include <cmath>
#include <limits>

#include "base/dot.hpp"

namespace randrelu {
namespace {

constexpr double kFirstGuess = 1.5;  // times where a linear f would reach the level
constexpr double kLonger = 3;        // from one try to the next
constexpr double kShortest = 1e-6;   // of the segment
constexpr double kNearOrigin = 1e-12;
// How near to a level the end of a piece is at it: the rounding of the place where a line was cut.
constexpr double kAtLevel = 1e-14;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// The t > 0 at which the segment passes through the origin, or NaN; and where there are biases: then
// nothing happens there.
double origin_on(const Network& net, const Segment& s) {
  const double norm = euclidean_norm(s.x.data, s.x.cols);
  if (net.has_biases() || norm == 0) return kNone;
  const double nearest = std::clamp(-dot<double>(s.x.data, s.u.data, s.x.cols), 0.0, s.length);
  std::vector<double> y(s.x.data, s.x.data + s.x.cols);
  for (std::size_t j = 0; j < y.size(); ++j) y[j] += nearest * s.u.data[j];
  const double distance = euclidean_norm(y.data(), s.x.cols);
  return distance <= kNearOrigin * (norm + s.length) ? nearest : kNone;
}

// Knots, and the functions there.
struct Broken {
  std::vector<double> knots, values;
  Index count;

  explicit Broken(const Functions& functions) : count(functions.count), functions_(functions) {}
  void add(double t, const double* outputs) {
    knots.push_back(t);
    values.resize(values.size() + at(count));
    functions_.read(outputs, values.data() + values.size() - count);
  }
  double reach(double level) const {
    const View<const double> rows(values.data(), static_cast<Index>(knots.size()), count);
    return first_crossing(knots.data(), rows, level, functions_.ties);
  }

 private:
  const Functions& functions_;
};

// The same on the first `length` of the segment, which does not pass through the origin.
double reach_before(const Network& net, const Segment& s, double length, const Functions& functions,
                    double level, Index most_flips, const Run& run) {
  const LinePieces line = trace_line(net, s.x, s.u, length, most_flips, run);
  const std::size_t k = at(line.outputs), flips = line.flips.size();
  Broken f(functions);
  f.add(0, line.f0.data());
  for (std::size_t i = 0; i < flips; ++i) f.add(line.flips[i].t, line.f.data() + i * k);
  std::vector<double> last(k);
  for (std::size_t j = 0; j < k; ++j) {
    const double before = flips ? line.f[(flips - 1) * k + j] : line.f0[j];
    last[j] = before + (length - f.knots.back()) * line.slopes[flips * k + j];
  }
  f.add(length, last.data());
  return f.reach(level);
}

}  // namespace

double first_crossing(const double* knots, View<const double> values, double level, Index ties) {
  const Index pieces = values.rows - 1;
  for (Index k = 0; k < pieces; ++k) {
    double share = 2;
    for (Index c = 0; c < values.cols; ++c) {
      const double before = values.row(k)[c] - level, after = values.row(k + 1)[c] - level;
      const double rounding = kAtLevel * (std::abs(values.row(0)[c]) + std::abs(level));
      if (ties >= 0) {
        const bool at_level = std::abs(before) <= rounding && std::abs(after) <= rounding;
        if (after < -rounding || (c < ties && at_level))
          share = std::min(share, before > rounding ? before / (before - after) : 0);
      } else if (before == 0)
        share = 0;
      else if (std::abs(after) <= rounding)
        share = std::min(share, 1.0);
      else if ((before > 0) != (after > 0))
        share = std::min(share, before / (before - after));
    }
    const double start = knots[k], end = knots[k + 1];
    if (share <= 1) return std::min(start + share * (end - start), end);
  }
  return kNone;
}

double first_reach(const Network& net, const Segment& s, const Functions& functions, double level,
                   Index most_flips, const Run& run) {
  const double origin = origin_on(net, s);
  const double length = std::isnan(origin) ? s.length : origin * (1 - 1e-9);
  // f is looked for in longer and longer parts, so that what is reached early costs little.
  const double guess = s.slope != 0 ? kFirstGuess * std::abs((level - s.f) / s.slope) : length;
  for (double part = std::max(guess, kShortest * length);; part *= kLonger) {
    const bool whole = !(part < length);
    const double t =
        reach_before(net, s, whole ? length : part, functions, level, most_flips, run.silent());
    if (!std::isnan(t)) return t;
    if (whole) break;
  }
  if (std::isnan(origin)) return kNone;

  std::vector<double> end(at(net.outputs()));
  const std::vector<double> zero(end.size());
  Outputs<double> out;
  out.values = end.data();
  net.evaluate(s.u, out, run.silent());
  for (double& value : end) value *= s.length - origin;
  Broken f(functions);
  f.add(origin, zero.data());
  f.add(s.length, end.data());
  return f.reach(level);
}

}  // namespace randrelu
