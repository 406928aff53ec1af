// Vertices that are convex combinations of others.
#pragma once

#include "measures/plane/mesh.hpp"

namespace randrelu {

struct Mixes {
  std::vector<Index> ends;
  std::vector<Id> vertices;
  std::vector<double> weights;

  Index count() const { return static_cast<Index>(ends.size()); }
  Index start(Index i) const { return i ? ends[at(i - 1)] : 0; }
  void add(Id vertex, double weight) {
    if (weight == 0) return;
    vertices.push_back(vertex);
    weights.push_back(weight);
  }
  void end() { ends.push_back(static_cast<Index>(vertices.size())); }
  void append(const Mixes& more) {
    const Index before = static_cast<Index>(vertices.size());
    for (const Index end : more.ends) ends.push_back(before + end);
    vertices.insert(vertices.end(), more.vertices.begin(), more.vertices.end());
    weights.insert(weights.end(), more.weights.begin(), more.weights.end());
  }
  // Some of them.
  Mixes chosen(const std::vector<Id>& which) const {
    Mixes result;
    for (const Id i : which) {
      for (Index k = start(i); k < ends[at(i)]; ++k) result.add(vertices[at(k)], weights[at(k)]);
      result.end();
    }
    return result;
  }
};

}  // namespace randrelu
