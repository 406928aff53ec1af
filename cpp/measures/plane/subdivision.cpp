#include "measures/plane/subdivision.hpp"

#include "measures/plane/mesh_parts.hpp"

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

// How many faces a part begins with, where the values of all would take more than so many numbers. It has
// less than that, as later layers let it grow, and some parts are cut at once; but not so few faces that
// most vertices lie on borders, where values are held for all parts. Of k faces in a row that is the case for
// a share of 5 / √k. Those of a deferred network come one at a time.
Index faces_in_part(const Network& net, Index units, Index numbers) {
  const Index fit = numbers / units;
  return std::max<Index>(
      1, net.deferred() ? fit / 2 : std::max(fit / 8, std::min<Index>(numbers, 256)));
}

// Lets later layers follow those that made the mesh so far.
void join(std::vector<CutLayer> layers, MeshParts later, Subdivision& found) {
  const Index faces = found.mesh.faces();
  for (const std::vector<Bits>& bits : descendants(std::move(layers), faces).bits)
    found.bits.push_back(
        rows_of(later.faces.origins, bits, static_cast<Index>(bits.size()) / faces));
  std::move(later.faces.bits.begin(), later.faces.bits.end(), std::back_inserter(found.bits));
  found.mesh = std::move(later.mesh);
  found.f = std::move(later.f);
}

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
      join(std::move(layers),
           cut_in_parts(net, found.mesh, values, mixes, i + 1, faces_in_part(net, next, numbers),
                        faces, most_faces, run.stage(2 * i + 2, stages, stages)),
           found);
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
