#include "measures/attack.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "base/dot.hpp"
#include "layers/deferred.hpp"

namespace randrelu {
namespace {

// Evaluations that sum in another order differ by less than this many times what is taken for a rounding.
constexpr double kRoundings = 16;
constexpr double kEps = std::numeric_limits<double>::epsilon();
// How far a step goes on, in ulps of η or, where these are coarser, in what changes f by a rounding.
constexpr double kMostUlps = 4096;

int sign(double x) { return (x > 0) - (x < 0); }

}  // namespace

bool sign_flips(double before, double after) { return sign(before) != sign(after); }

bool succeeds(double before, double after, double margin) {
  return sign_flips(before, after) && std::abs(after) >= std::abs(before) + margin;
}

Attack::Attack(const Network& net, View<const double> x, const Index* against, const Run& run)
    : net_(net),
      x_(x),
      grad_norms_(at(x.rows)),
      gradients_(x.rows * x.cols),
      forgotten_(net.forgotten()) {
  Margins found = margins(net, x, nullptr, against, gradients_.get(), run);
  top_ = std::move(found.tops), other_ = std::move(found.rivals);
  f_ = std::move(found.values), roundings_ = std::move(found.roundings);
  for (Index p = 0; p < x.rows; ++p)
    grad_norms_[at(p)] = euclidean_norm(gradients().row(p), x.cols);
}

double Attack::read(Index p, const double* outputs, bool any_other) const {
  const Index k = net_.outputs();
  if (k == 1) return outputs[0];
  const Index top = top_[at(p)];
  if (!any_other) return outputs[top] - outputs[other_[at(p)]];
  return outputs[top] - outputs[rival(outputs, k, top)];
}

Functions Attack::functions(Index p, bool any_other) const {
  const Index k = net_.outputs();
  if (k == 1) return margin_functions(1, 0, -1);
  return margin_functions(k, top_[at(p)], any_other ? -1 : other_[at(p)]);
}

void Attack::reach(const double* goals, const double* lengths, bool any_other, Index most_flips,
                   double* eta, const Run& run) const {
  net_.require_unforgotten(forgotten_);
  const Index points = x_.rows, threads = thread_count(run.threads);
  // Each on a thread of its own where there are enough of them.
  const bool side_by_side = !net_.deferred() && points >= threads;
  const Index each = side_by_side ? std::max<Index>(1, most_flips / threads) : most_flips;
  const auto search = [&](Index p, const Run& within) {
    const double f = f_[at(p)], slope = grad_norms_[at(p)];
    eta[p] = std::numeric_limits<double>::quiet_NaN();
    if (f == 0 || slope == 0) return;
    const double level = -sign(f) * goals[p];
    double shortest = lengths[p];
    // The first direction lets |f| fall. The other is looked along too, no farther than the first
    // needed, since f may turn there.
    for (const int way : {-sign(f), sign(f)}) {
      std::vector<double> u(gradients().row(p), gradients().row(p) + x_.cols);
      for (double& c : u) c *= way / slope;
      const double length = euclidean_norm(u.data(), x_.cols);
      for (double& c : u) c /= length;
      const Segment segment{x_.middle_rows(p, 1), View<const double>(u.data(), 1, x_.cols),
                            shortest, f, way * slope};
      const double t =
          first_reach(net_, segment, functions(p, any_other), level, each, within.silent());
      if (t <= shortest) shortest = t, eta[p] = way * t / slope;
    }
  };
  if (side_by_side) return parallel_for(points, run, [&](Index p) { search(p, Run{1}); });
  for (Index p = 0; p < points; ++p) {
    search(p, run.silent());
    poll(run.stage(0.0, 1.0), static_cast<double>(p + 1) / static_cast<double>(points));
  }
}

double Attack::change(StepKind kind, double number, Index p) const {
  const double f = f_[at(p)], grad_norm = grad_norms_[at(p)];
  if (kind == StepKind::etas) return number * grad_norm * grad_norm;
  if (!(grad_norm > 0)) return 0;
  return kind == StepKind::reflections ? -2 * f * number : -sign(f) * number;
}

double Attack::eta(StepKind kind, double number, Index p) const {
  if (kind == StepKind::etas) return number;
  const double grad_norm = grad_norms_[at(p)];
  return grad_norm > 0 ? change(kind, number, p) / grad_norm / grad_norm : 0;
}

bool Attack::move(Index p, double eta, Block some, double* to) const {
  bool finite = std::isfinite(eta);
  for (Index j = some.first; j < some.first + some.count; ++j) {
    to[j] = x_.row(p)[j] + eta * gradients().row(p)[j];
    finite &= std::isfinite(to[j]);
  }
  return finite;
}

double Attack::beyond(Index p, double f) const { return -sign(f_[at(p)]) * f; }

double Attack::required(Index p, double goal) const {
  return goal + kRoundings * roundings_[at(p)];
}

void Attack::step(StepKind kind, View<const double> numbers, const double* goals, bool any_other,
                  const Steps& steps, const Run& run) const {
  net_.require_unforgotten(forgotten_);
  const Index points = x_.rows, k = net_.outputs();
  assert(numbers.cols == points && steps.x_after.rows == numbers.rows * points);
  for_each_piece(steps.x_after.rows, x_.cols, run.silent(), [&](Index row, Block some) {
    const Index p = row % points;
    const double own = this->eta(kind, numbers.data[row], p);
    if (some.first == 0) steps.eta[row] = own;
    if (!move(p, own, some, steps.x_after.row(row)))
      throw std::overflow_error(
          "η or x + η∇f(x) leaves the range of float64; choose a smaller eta, or weights and "
          "points of another scale");
  });
  Outputs<double> out;
  const Buffer<double> values(steps.x_after.rows * k);
  out.values = values.get();
  net_.evaluate<double>(steps.x_after, out, run);
  std::vector<Index> short_of;
  for (Index row = 0; row < steps.x_after.rows; ++row) {
    const Index p = row % points;
    const double* const outputs = values.get() + row * k;
    record(p, outputs, steps, row);
    if (goals && steps.eta[row] != 0 &&
        !(beyond(p, read(p, outputs, any_other)) > required(p, goals[p])))
      short_of.push_back(row);
  }
  // As many searches at once as keep their points in one block.
  const Index most = std::max<Index>(1, net_.points_per_block() / kFewPoints);
  const auto count = static_cast<Index>(short_of.size());
  for (Index b = 0; b < ceil_div(count, most); ++b) {
    const Block some(b, most, count);
    std::vector<Search> searches;
    for (Index i = some.first; i < some.first + some.count; ++i) {
      const Index row = short_of[at(i)], p = row % points;
      searches.emplace_back(row, steps.eta[row], required(p, goals[p]), goals[p]);
      begin(searches.back(), beyond(p, read(p, values.get() + row * k, any_other)));
    }
    go_on(searches, any_other, steps, run.silent());
  }
}

void Attack::record(Index p, const double* outputs, const Steps& steps, Index row) const {
  steps.f_after[row] = read(p, outputs, false);
  if (steps.top_after) steps.top_after[row] = decision(outputs, net_.outputs()).top;
}

void Attack::begin(Search& search, double beyond) const {
  const Index p = search.row % x_.rows;
  const double size = std::abs(search.start), slope = grad_norms_[at(p)];
  search.ulp = std::nextafter(size, std::numeric_limits<double>::infinity()) - size;
  const double coarser = std::max(1.0, roundings_[at(p)] / kEps / slope / slope / size);
  search.most = std::floor(std::min(kMostUlps * coarser, std::ldexp(1.0, 52)));
  // So many ulps are missing by the slope; what is missed by more is no matter of rounding.
  const double missing = (search.target - beyond) / slope / slope / search.ulp;
  search.ended = missing > search.most;
  search.too_few = std::floor(std::clamp(missing / 2, 0.0, search.most / 2));
}

// Doubles the ulps until f is past the goal, then narrows between the last that were too few and the first
// that were enough, to an eighth. Rounding makes f jump at this scale, so fewer might do somewhere in between.
void Attack::go_on(std::vector<Search>& searches, bool any_other, const Steps& steps,
                   const Run& run) const {
  const Index k = net_.outputs(), size = static_cast<Index>(searches.size()) * kFewPoints;
  const Buffer<double> points(size * x_.cols), values(size * k);
  Outputs<double> out;
  out.values = values.get();
  for (;;) {
    std::vector<Search*> going;
    for (Search& search : searches) {
      const View<double> y(points.get() + static_cast<Index>(going.size()) * kFewPoints * x_.cols,
                           kFewPoints, x_.cols);
      if (!search.ended && propose(search, y)) going.push_back(&search);
    }
    if (going.empty()) break;
    const View<double> all(points.get(), static_cast<Index>(going.size()) * kFewPoints, x_.cols);
    net_.evaluate<double>(all, out, run);
    for (std::size_t i = 0; i < going.size(); ++i) {
      Search& search = *going[i];
      const Index p = search.row % x_.rows, first = static_cast<Index>(i) * kFewPoints;
      search.found = kFewPoints;
      for (Index n = kFewPoints - 1; n >= 0; --n) {
        search.reached[n] = beyond(p, read(p, values.get() + (first + n) * k, any_other));
        if (search.reached[n] > search.target) search.found = n;
      }
      narrow(search);
      if (search.kept >= 0) {
        steps.eta[search.row] = search.eta(search.ulps[search.kept]);
        std::copy_n(all.row(first + search.kept), x_.cols, steps.x_after.row(search.row));
        record(p, values.get() + (first + search.kept) * k, steps, search.row);
      }
    }
  }
}

bool Attack::propose(Search& search, View<double> y) const {
  for (Index n = 0; n < kFewPoints; ++n) {
    const double doubled = std::ldexp(std::max(search.too_few, 0.5), static_cast<int>(n) + 1);
    const double part = static_cast<double>(n + 1) / (kFewPoints + 1);
    search.ulps[n] = search.enough > 0
                         ? search.too_few + std::ceil((search.enough - search.too_few) * part)
                         : std::min(doubled, search.most);
    search.ended =
        !move(search.row % x_.rows, search.eta(search.ulps[n]), Block(0, x_.cols), y.row(n));
    if (search.ended) return false;
  }
  return true;
}

void Attack::narrow(Search& search) const {
  const Index first = search.found;
  search.kept = first < kFewPoints ? first : -1;
  if (first > 0) search.too_few = search.ulps[first - 1];
  if (first < kFewPoints) search.enough = search.ulps[first];
  const bool found = search.enough > 0;
  search.ended = found ? search.enough - search.too_few <= std::max(1.0, search.enough / 8)
                       : search.too_few >= search.most;
  // Where f stays at the level, as 0 where a layer is dead, the last of them shows it best.
  if (search.ended && !found && search.reached[kFewPoints - 1] >= search.goal)
    search.kept = kFewPoints - 1;
}

void attack_trials(const std::vector<Index>& widths, const std::vector<double>& scales,
                   const std::vector<std::uint64_t>& seeds, View<const double> x, StepKind kind,
                   const std::vector<double>& numbers, const Trials& out, const Run& run) {
  const auto trial = [&](Index t, const Run& within) {
    const std::uint64_t seed = seeds[at(t)];
    const Network net(deferred_layers<double>(widths, seed, scales), {}, seed);
    // Every step takes half of what is left of the run: nobody knows how many there are.
    double done = 0;
    const auto next_stage = [&] {
      const double first = done;
      done = (1 + done) / 2;
      return within.stage(first, done);
    };
    const Attack attack(net, x, nullptr, next_stage());
    const double f = attack.f()[0];
    out.f[t] = f;
    out.grad_norm[t] = attack.grad_norms()[0];
    const double size = std::abs(f), *const goal = kind == StepKind::reflections ? &size : nullptr;
    const Buffer<double> x_after(x.cols);
    for (std::size_t k = 0; k < numbers.size(); ++k) {
      double &eta = out.eta[2 * t + 1], &f_after = out.f_after[2 * t + 1];
      attack.step(kind, View<const double>(&numbers[k], 1, 1), goal, false,
                  {&eta, View<double>(x_after.get(), 1, x.cols), &f_after, nullptr}, next_stage());
      if (k == 0) {
        out.eta[2 * t] = eta;
        out.f_after[2 * t] = f_after;
      }
      if (succeeds(f, f_after)) break;
    }
  };
  const Index trials = static_cast<Index>(seeds.size());
  if (*std::max_element(widths.begin(), widths.end()) < kWideTrial)
    return parallel_for(trials, run, [&](Index t) { trial(t, Run{1}); });
  for (Index t = 0; t < trials; ++t) trial(t, run.stage(t, t + 1, trials));
}

}  // namespace randrelu
