#include "measures/subdivision.hpp"

#include "measures/cut_layer.hpp"
#include "measures/vertex_values.hpp"

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

// The bits of a layer for the faces that its own became.
std::vector<Bits> spread(const std::vector<Bits>& bits, Index bytes,
                         const std::vector<Id>& ancestors) {
  std::vector<Bits> result(ancestors.size() * at(bytes));
  for (std::size_t f = 0; f < ancestors.size(); ++f)
    std::copy_n(bits.data() + ancestors[f] * bytes, bytes, result.data() + f * at(bytes));
  return result;
}

}  // namespace

Subdivision subdivide(const Network& net, View<const double> x, View<const double> u,
                      View<const double> v, const std::vector<Point>& polygon, Index most_faces,
                      Index most_held, const Run& run) {
  assert(most_faces <= kMostFaces);
  const Index depth = static_cast<Index>(net.depth()), stages = 2 * depth + 2;
  Subdivision found;
  found.mesh = mesh_of(polygon);
  VertexValues values(net, x, u, v, polygon, most_held, run.stage(0, 1, stages));
  std::vector<CutLayer> layers;
  for (Index i = 0; i < depth; ++i) {
    layers.push_back(cut_layer(found.mesh, values, net.coins(at(i)), i + 1, most_faces,
                               run.stage(2 * i + 1, 2 * i + 2, stages)));
    check_mesh(found.mesh, area_of(polygon));
    values.advance(layers.back().fresh, run.stage(2 * i + 2, 2 * i + 3, stages));
    layers.back().fresh = Mixes();
  }

  std::vector<Id> ancestors(at(found.mesh.faces()));
  for (std::size_t f = 0; f < ancestors.size(); ++f) ancestors[f] = static_cast<Id>(f);
  found.bits.resize(at(depth));
  for (Index i = depth - 1; i >= 0; --i) {
    CutLayer& layer = layers[at(i)];
    found.bits[at(i)] = spread(layer.bits, pattern_bytes(net.width(at(i))), ancestors);
    for (Id& f : ancestors) f = layer.origins[at(f)];
    layer = CutLayer();
  }
  found.outputs = values.units();
  found.f = values.all(run.stage(stages - 1, stages, stages));
  return found;
}

}  // namespace randrelu
