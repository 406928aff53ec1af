#include "measures/cut_layer.hpp"

namespace randrelu {
namespace {

using Word = Signs::Word;

class LayerCutter {
 public:
  LayerCutter(Mesh& mesh, VertexValues& values, const Bits* coins, Index layer, Index most_faces,
              const Run& run)
      : mesh_(mesh),
        values_(values),
        coins_(coins),
        layer_(static_cast<std::int32_t>(layer)),
        most_faces_(most_faces),
        run_(run),
        signs_(values.signs(run.stage(0, 0.3))) {}

  CutLayer cut() {
    if (!values_.held()) values_.gather(crossing_units(), run_.stage(0.3, 0.6));
    cut_edges();
    std::vector<Pieces> pieces = cut_faces();
    return put_together(pieces);
  }

 private:
  Index vertices() const { return static_cast<Index>(mesh_.vertices.size()); }
  Index edges() const { return static_cast<Index>(mesh_.edges.size()); }
  Index cuts() const { return static_cast<Index>(cuts_.size()); }

  // For every vertex, the units that change sign on a face that it belongs to.
  std::vector<Word> crossing_units() const {
    const Index words = signs_.words();
    std::vector<Word> units(at(vertices() * words));
    for (Index f = 0; f < mesh_.faces(); ++f)
      for (Index w = 0; w < words; ++w) {
        Word up = 0, down = 0;
        for (Id k = mesh_.starts[at(f)]; k < mesh_.starts[at(f + 1)]; ++k) {
          const Index vertex = mesh_.start(mesh_.halves[at(k)]);
          up |= signs_.above(vertex)[w];
          down |= signs_.below(vertex)[w];
        }
        if (up & down)
          for (Id k = mesh_.starts[at(f)]; k < mesh_.starts[at(f + 1)]; ++k)
            units[at(mesh_.start(mesh_.halves[at(k)]) * words + w)] |= up & down;
      }
    return units;
  }

  void cut_edges() {
    constexpr Index kEdges = 1024;
    const Index blocks = ceil_div(edges(), kEdges);
    std::vector<std::vector<Cut>> each(at(blocks));
    first_cut_.assign(at(edges() + 1), 0);
    parallel_for(blocks, run_.stage(0.6, 0.65), [&](Index b) {
      const Block some(b, kEdges, edges());
      std::vector<Crossing> crossings;
      std::vector<Cut> cuts;
      for (Index e = some.first; e < some.first + some.count; ++e) {
        const Edge& edge = mesh_.edges[at(e)];
        crossings.clear();
        for (Index w = 0; w < signs_.words(); ++w)
          for_bits((signs_.above(edge.from)[w] & signs_.below(edge.to)[w]) |
                       (signs_.below(edge.from)[w] & signs_.above(edge.to)[w]),
                   w, [&](Index j) {
                     crossings.push_back({values_.value(edge.from, j), values_.value(edge.to, j),
                                          values_.tolerance(j), static_cast<Id>(j)});
                   });
        if (crossings.empty()) continue;
        cut_edge(crossings, cuts);
        first_cut_[at(e + 1)] = static_cast<Id>(cuts.size());
        each[at(b)].insert(each[at(b)].end(), cuts.begin(), cuts.end());
      }
    });
    for (Index e = 0; e < edges(); ++e) first_cut_[at(e + 1)] += first_cut_[at(e)];
    for (const std::vector<Cut>& some : each) cuts_.insert(cuts_.end(), some.begin(), some.end());
  }

  // The edges of a mesh edge that has been cut are numbered in a row.
  Id first_part(Id edge) const { return edge + first_cut_[at(edge)]; }

  std::vector<Pieces> cut_faces() {
    constexpr Index kFaces = 64;
    const Index blocks = ceil_div(mesh_.faces(), kFaces);
    std::vector<Pieces> each(at(blocks));
    std::atomic<Index> faces{mesh_.faces()};
    const Cutting cutting{values_,
                          coins_,
                          layer_,
                          static_cast<Id>(vertices() + cuts()),
                          static_cast<Id>(edges() + cuts()),
                          most_faces_,
                          faces};
    parallel_for(blocks, run_.stage(0.65, 0.95), [&](Index b) {
      const Block some(b, kFaces, mesh_.faces());
      FaceCutter cutter(cutting, each[at(b)]);
      for (Index f = some.first; f < some.first + some.count; ++f) cut_face(f, cutter);
    });
    return each;
  }

  void cut_face(Index f, FaceCutter& cutter) const {
    const Id* const halves = mesh_.halves.data() + mesh_.starts[at(f)];
    const Index count = mesh_.starts[at(f + 1)] - mesh_.starts[at(f)];
    std::vector<Id> before;
    for (Index k = 0; k < count; ++k) before.push_back(mesh_.start(halves[k]));

    Face face;
    face.bits.resize(at(pattern_bytes(values_.units())));
    for (Index w = 0; w < signs_.words(); ++w) {
      Word up = 0, down = 0;
      for (const Id vertex : before) {
        up |= signs_.above(vertex)[w];
        down |= signs_.below(vertex)[w];
      }
      for_bits(up & down, w, [&](Index j) { face.units.push_back(static_cast<Id>(j)); });
      const Index bytes = static_cast<Index>(face.bits.size());
      for (Index k = 8 * w; k < std::min(8 * w + 8, bytes); ++k) {
        const Index shift = 8 * (k % 8);
        face.bits[at(k)] = static_cast<Bits>((up >> shift) | (~(down >> shift) & coins_[k]));
      }
    }
    for (Index k = 0; k < count; ++k) add_corners(halves[k], before, k, face);
    cutter.cut(f, before, std::move(face));
  }

  // The corners of a face from where it comes to an edge, and the rows there.
  void add_corners(Half half, const std::vector<Id>& before, Index corner, Face& face) const {
    const Index corners = static_cast<Index>(before.size()), next = (corner + 1) % corners;
    const Id edge = half / 2, cuts = first_cut_[at(edge + 1)] - first_cut_[at(edge)],
             first = first_part(edge);
    const bool back = half % 2;
    const auto part = [&](Id k) { return back ? 2 * (first + cuts - k) + 1 : 2 * (first + k); };
    face.corners.push_back({before[at(corner)], part(0)});
    if (face.units.empty()) return;

    const Index width = 2 + corners + static_cast<Index>(face.units.size());
    const auto entry = [&](Index r, Index c) {
      const Id vertex = before[at(r)];
      if (c == 0) return mesh_.vertices[at(vertex)].s;
      if (c == 1) return mesh_.vertices[at(vertex)].t;
      if (c < 2 + corners) return c - 2 == r ? 1.0 : 0.0;
      return values_.value(vertex, face.units[at(c - 2 - corners)]);
    };
    for (Index c = 0; c < width; ++c) face.rows.push_back(entry(corner, c));
    for (Id k = 0; k < cuts; ++k) {
      const Id number = first_cut_[at(edge)] + (back ? cuts - 1 - k : k);
      const Cut& cut = cuts_[at(number)];
      face.corners.push_back({static_cast<Id>(vertices()) + number, part(k + 1)});
      const Index from = back ? next : corner, to = back ? corner : next;
      for (Index c = 0; c < width; ++c)
        face.rows.push_back(between(entry(from, c), entry(to, c), cut.share));
      const auto place = std::lower_bound(face.units.begin(), face.units.end(), cut.function);
      *(face.rows.end() - (face.units.end() - place)) = 0;
    }
  }

  CutLayer put_together(std::vector<Pieces>& each) {
    CutLayer result;
    Mesh mesh;
    add_parts_of_edges(mesh, result.fresh);
    for (Pieces& pieces : each) {
      add(pieces, mesh, result);
      pieces = Pieces();
    }
    mesh_ = std::move(mesh);
    return result;
  }

  void add_parts_of_edges(Mesh& mesh, Mixes& fresh) const {
    mesh.vertices = mesh_.vertices;
    mesh.edges.reserve(at(edges() + cuts()));
    for (Index e = 0; e < edges(); ++e) {
      Edge edge = mesh_.edges[at(e)];
      const Id from = edge.from, to = edge.to;
      const Point p = mesh_.vertices[at(from)], q = mesh_.vertices[at(to)];
      for (Id k = first_cut_[at(e)]; k < first_cut_[at(e + 1)]; ++k) {
        const double share = cuts_[at(k)].share;
        edge.to = static_cast<Id>(mesh.vertices.size());
        mesh.vertices.push_back({between(p.s, q.s, share), between(p.t, q.t, share)});
        fresh.add(from, 1 - share);
        fresh.add(to, share);
        fresh.end();
        mesh.edges.push_back(edge);
        edge.from = edge.to;
      }
      edge.to = to;
      mesh.edges.push_back(edge);
    }
  }

  // Numbers what is new in some pieces after what is there.
  void add(const Pieces& pieces, Mesh& mesh, CutLayer& result) const {
    const Id first_vertex = static_cast<Id>(vertices() + cuts()),
             first_edge = static_cast<Id>(edges() + cuts());
    const Id more_vertices = static_cast<Id>(mesh.vertices.size()) - first_vertex,
             more_edges = static_cast<Id>(mesh.edges.size()) - first_edge;
    const Id halves = static_cast<Id>(mesh.halves.size());
    for (const Half half : pieces.halves)
      mesh.halves.push_back(half / 2 < first_edge ? half : half + 2 * more_edges);
    for (const Index end : pieces.ends) mesh.starts.push_back(halves + static_cast<Id>(end));
    const auto vertex = [&](Id v) { return v < first_vertex ? v : v + more_vertices; };
    for (Edge edge : pieces.edges) {
      edge.from = vertex(edge.from);
      edge.to = vertex(edge.to);
      mesh.edges.push_back(edge);
    }
    mesh.vertices.insert(mesh.vertices.end(), pieces.vertices.begin(), pieces.vertices.end());
    for (const Index origin : pieces.origins) result.origins.push_back(static_cast<Id>(origin));
    result.bits.insert(result.bits.end(), pieces.bits.begin(), pieces.bits.end());
    result.fresh.append(pieces.mixes);
  }

  Mesh& mesh_;
  VertexValues& values_;
  const Bits* coins_;
  std::int32_t layer_;
  Index most_faces_;
  Run run_;
  Signs signs_;
  std::vector<Id> first_cut_;  // of every edge in cuts_, and the end
  std::vector<Cut> cuts_;      // of the edges of the mesh
};

}  // namespace

CutLayer cut_layer(Mesh& mesh, VertexValues& values, const Bits* coins, Index layer,
                   Index most_faces, const Run& run) {
  return LayerCutter(mesh, values, coins, layer, most_faces, run).cut();
}

}  // namespace randrelu
