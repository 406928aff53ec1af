#include "measures/plane/mesh.hpp"

namespace randrelu {

void cut_edge(std::vector<Crossing>& crossings, std::vector<Cut>& cuts) {
  cuts.clear();
  std::sort(crossings.begin(), crossings.end(), [](const Crossing& a, const Crossing& b) {
    const double first = a.share(), second = b.share();
    return first != second ? first < second : a.function < b.function;
  });
  for (const Crossing& c : crossings) {
    const bool passed =
        !cuts.empty() && std::abs(between(c.from, c.to, cuts.back().share)) <= c.tolerance;
    if (!passed) cuts.push_back({c.share(), c.function});
  }
}

void check_mesh([[maybe_unused]] const Mesh& mesh, [[maybe_unused]] double area) {
#ifndef NDEBUG
  const Index vertices = static_cast<Index>(mesh.vertices.size()),
              edges = static_cast<Index>(mesh.edges.size());
  assert(vertices - edges + mesh.faces() == 1);
  std::vector<int> seen(2 * mesh.edges.size());
  double total = 0;
  for (Index f = 0; f < mesh.faces(); ++f) {
    const Id first = mesh.starts[at(f)], end = mesh.starts[at(f + 1)];
    assert(end - first >= 3);
    const Point origin = mesh.vertices[at(mesh.start(mesh.halves[at(first)]))];
    for (Id k = first; k < end; ++k) {
      const Half half = mesh.halves[at(k)], next = mesh.halves[at(k + 1 < end ? k + 1 : first)];
      ++seen[at(half)];
      const Edge& edge = mesh.edges[at(half / 2)];
      assert(edge.from != edge.to);
      assert((half % 2 ? edge.from : edge.to) == mesh.start(next));
      const Point p = mesh.vertices[at(mesh.start(half))], q = mesh.vertices[at(mesh.start(next))];
      total += 0.5 * ((p.s - origin.s) * (q.t - origin.t) - (q.s - origin.s) * (p.t - origin.t));
    }
  }
  assert(std::abs(total - area) <= 1e-12 * area);
  for (Index e = 0; e < edges; ++e) {
    assert(seen[at(2 * e)] == 1);
    assert(seen[at(2 * e + 1)] == (mesh.edges[at(e)].layer > 0));
  }
#endif
}

}  // namespace randrelu
