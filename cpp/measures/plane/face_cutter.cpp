#include "measures/plane/face_cutter.hpp"

#include "measures/plane/subdivision.hpp"

namespace randrelu {

void FaceCutter::cut(Index origin, const std::vector<Id>& before, Face face) {
  origin_ = origin;
  before_ = &before;
  waiting_.push_back(std::move(face));
  while (!waiting_.empty()) {
    Face next = std::move(waiting_.back());
    waiting_.pop_back();
    if (next.units.empty())
      emit(next);
    else
      split(std::move(next));
  }
}

void FaceCutter::split(Face face) {
  const Index faces = ++cutting_.faces;
  if (faces > cutting_.most_faces) throw TooManyFaces(cutting_.most_faces, cutting_.layer);
  if (faces % 256 == 0) poll(Run{}, 0);  // one face may have very many parts
  const Index corners = static_cast<Index>(face.corners.size());
  const auto value = [&](Index corner) {
    return face.rows[at(corner * stride(face) + first_value())];
  };
  Index highest = 0, lowest = 0;
  for (Index r = 1; r < corners; ++r) {
    if (value(r) > value(highest)) highest = r;
    if (value(r) < value(lowest)) lowest = r;
  }
  // Between a corner on either side there is one where the unit is 0, both ways round.
  const auto zero_between = [&](Index from, Index to) {
    Index best = (from + 1) % corners;
    for (Index r = best; r != to; r = (r + 1) % corners)
      if (std::abs(value(r)) < std::abs(value(best))) best = r;
    assert(best != to && std::abs(value(best)) <= cutting_.values.tolerance(face.units[0]));
    return best;
  };
  const Index a = zero_between(highest, lowest), b = zero_between(lowest, highest);
  const Id edge = add_edge(face, a, b);
  Face active = part(face, b, a, edge, true);
  waiting_.push_back(part(face, a, b, edge, false));
  waiting_.push_back(std::move(active));
}

Id FaceCutter::add_edge(const Face& face, Index a, Index b) {
  const Index width = stride(face), first = first_value();
  const double* const from = face.rows.data() + a * width;
  const double* const to = face.rows.data() + b * width;
  crossings_.clear();
  for (Index c = first + 1; c < width; ++c) {
    const double tolerance = cutting_.values.tolerance(face.units[at(c - first)]);
    if ((from[c] > tolerance && to[c] < -tolerance) || (from[c] < -tolerance && to[c] > tolerance))
      crossings_.push_back({from[c], to[c], tolerance, static_cast<Id>(c)});
  }
  cut_edge(crossings_, cuts_);

  const Id edge = cutting_.edges + static_cast<Id>(pieces_.edges.size());
  chain_.clear();
  chain_rows_.resize(cuts_.size() * at(width));
  Id last = face.corners[at(a)].vertex;
  const auto add = [&](Id vertex) {
    pieces_.edges.push_back({last, vertex, cutting_.layer, face.units[0]});
    last = vertex;
  };
  for (std::size_t i = 0; i < cuts_.size(); ++i) {
    double* const row = chain_rows_.data() + i * at(width);
    for (Index c = 0; c < width; ++c) row[c] = between(from[c], to[c], cuts_[i].share);
    row[first] = row[cuts_[i].function] = 0;
    chain_.push_back(cutting_.vertices + static_cast<Id>(pieces_.vertices.size()));
    pieces_.vertices.push_back({row[0], row[1]});
    for (std::size_t k = 0; k < before_->size(); ++k) pieces_.mixes.add((*before_)[k], row[2 + k]);
    pieces_.mixes.end();
    add(chain_.back());
  }
  add(face.corners[at(b)].vertex);
  return edge;
}

Face FaceCutter::part(const Face& face, Index from, Index to, Id edge, bool active) const {
  const Index corners = static_cast<Index>(face.corners.size()), width = stride(face);
  const Index first = first_value(), added = static_cast<Index>(chain_.size());
  Face result;
  std::vector<const double*> rows;
  for (Index r = from;; r = (r + 1) % corners) {
    result.corners.push_back(face.corners[at(r)]);
    rows.push_back(face.rows.data() + r * width);
    if (r == to) break;
  }
  // The new edge has its active side on the left.
  const auto half = [&](Index k) {
    return active ? 2 * (edge + static_cast<Id>(k)) : 2 * (edge + static_cast<Id>(added - k)) + 1;
  };
  result.corners.back().half = half(0);
  for (Index k = 0; k < added; ++k) {
    const Index i = active ? k : added - 1 - k;
    result.corners.push_back({chain_[at(i)], half(k + 1)});
    rows.push_back(chain_rows_.data() + i * width);
  }

  result.bits = face.bits;
  set_bit(result.bits.data(), face.units[0], active);
  std::vector<Index> kept;
  for (Index c = first + 1; c < width; ++c) {
    const Id unit = face.units[at(c - first)];
    const double tolerance = cutting_.values.tolerance(unit);
    bool above = false, below = false;
    for (const double* row : rows) {
      above |= row[c] > tolerance;
      below |= row[c] < -tolerance;
    }
    if (above && below) {
      kept.push_back(c);
      result.units.push_back(unit);
    } else {
      set_bit(result.bits.data(), unit, above || (!below && bit(cutting_.coins, unit)));
    }
  }
  if (kept.empty()) return result;
  result.rows.reserve(rows.size() * at(first + static_cast<Index>(kept.size())));
  for (const double* row : rows) {
    result.rows.insert(result.rows.end(), row, row + first);
    for (const Index c : kept) result.rows.push_back(row[c]);
  }
  return result;
}

void FaceCutter::emit(const Face& face) {
  pieces_.origins.push_back(origin_);
  for (const Face::Corner& corner : face.corners) pieces_.halves.push_back(corner.half);
  pieces_.ends.push_back(static_cast<Index>(pieces_.halves.size()));
  pieces_.bits.insert(pieces_.bits.end(), face.bits.begin(), face.bits.end());
}

}  // namespace randrelu
