#include "measures/subdivision.hpp"

#include "measures/mesh_parts.hpp"

namespace randrelu {
namespace {

Mesh mesh_of(const std::vector<Point>& polygon) {
  Mesh mesh;
  mesh.vertices = polygon;
  const Id corners = static_cast<Id>(polygon.size());
  for (Id k = 0; k < corners; ++k) {
    mesh.edges.push_back({k, (k + 1) % corners, 0, 0});
    mesh.halves.push_back(2 * k);
  }
  mesh.starts.push_back(corners);
  return mesh;
}

double area_of(const std::vector<Point>& polygon) {
  double twice = 0;
  const Point o = polygon[0];
  for (std::size_t k = 1; k + 1 < polygon.size(); ++k) {
    const Point p = polygon[k], q = polygon[k + 1];
    twice += (p.s - o.s) * (q.t - o.t) - (q.s - o.s) * (p.t - o.t);
  }
  return twice / 2;
}

// Parts begin with so much less than a mesh that is not cut into parts may have: later layers let them grow,
// and some are cut at once. Those of a deferred network come one at a time, and have few vertices of very many units:
// were they smaller, most of these would lie on their borders, which are held for all parts.
Index smaller(const Network& net) { return net.deferred() ? 2 : 8; }

}  // namespace

Subdivision subdivide(const Network& net, View<const double> x, View<const double> u,
                      View<const double> v, const std::vector<Point>& polygon, Index most_faces,
                      Index most_held, const Run& run) {
  assert(most_faces <= kMostFaces);
  const Index depth = static_cast<Index>(net.depth()), stages = 2 * depth + 2;
  const Index numbers = most_held / Index{sizeof(double)};
  Subdivision found;
  found.outputs = net.outputs();
  found.mesh = mesh_of(polygon);
  std::atomic<Index> faces{1};
  VertexValues values(net, x, u, v, polygon, run.stage(0, 1, stages));
  std::vector<CutLayer> layers;
  for (Index i = 0; i < depth; ++i) {
    layers.push_back(cut_layer(found.mesh, values, net.coins(at(i)), i + 1, faces, most_faces,
                               run.stage(2 * i + 1, 2 * i + 2, stages)));
    const Mixes mixes = std::exchange(layers.back().mixes, {});
    const Index next = i + 1 < depth ? net.width(at(i + 1)) : 0;
    if (mixes.count() * next > numbers) {
      MeshParts rest = cut_in_parts(net, found.mesh, values, mixes, i + 1,
                                    std::max<Index>(1, numbers / (smaller(net) * next)), faces,
                                    most_faces, run.stage(2 * i + 2, stages, stages));
      for (const std::vector<Bits>& bits : descendants(std::move(layers), found.mesh.faces()).bits)
        found.bits.push_back(rows_of(rest.faces.origins, bits,
                                     static_cast<Index>(bits.size()) / found.mesh.faces()));
      std::move(rest.faces.bits.begin(), rest.faces.bits.end(), std::back_inserter(found.bits));
      found.mesh = std::move(rest.mesh);
      found.f = std::move(rest.f);
      check_mesh(found.mesh, area_of(polygon));
      return found;
    }
    check_mesh(found.mesh, area_of(polygon));
    values = values.next(mixes, run.stage(2 * i + 2, 2 * i + 3, stages));
  }
  found.f = values.all();
  found.bits = descendants(std::move(layers), found.mesh.faces()).bits;
  return found;
}

}  // namespace randrelu
