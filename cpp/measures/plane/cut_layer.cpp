#include "measures/plane/cut_layer.hpp"

namespace randrelu {
namespace {

using Word = Signs::Word;

class LayerCutter {
 public:
  LayerCutter(Mesh& mesh, const VertexValues& values, const Bits* coins, Index layer,
              std::atomic<Index>& faces, Index most_faces, const Run& run)
      : mesh_(mesh),
        values_(values),
        coins_(coins),
        layer_(static_cast<std::int32_t>(layer)),
        faces_(faces),
        most_faces_(most_faces),
        run_(run),
        signs_(values.signs()) {}

  CutLayer cut() {
    cut_edges();
    std::vector<Pieces> pieces = cut_faces();
    return put_together(pieces);
  }

 private:
  Index vertices() const { return static_cast<Index>(mesh_.vertices.size()); }
  Index edges() const { return static_cast<Index>(mesh_.edges.size()); }
  Index cuts() const { return static_cast<Index>(cuts_.size()); }

  void cut_edges() {
    constexpr Index kEdges = 16384;
    const Index blocks = ceil_div(edges(), kEdges);
    std::vector<std::vector<Cut>> each(at(blocks));
    first_cut_.assign(at(edges() + 1), 0);
    parallel_for(blocks, run_.stage(0, 0.2), [&](Index b) {
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

  std::vector<Pieces> cut_faces() {
    constexpr Index kFaces = 1024;
    const Index blocks = ceil_div(mesh_.faces(), kFaces);
    std::vector<Pieces> each(at(blocks));
    const Cutting cutting{values_,
                          coins_,
                          layer_,
                          static_cast<Id>(vertices() + cuts()),
                          static_cast<Id>(edges() + cuts()),
                          most_faces_,
                          faces_};
    parallel_for(blocks, run_.stage(0.2, 0.9), [&](Index b) {
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
    std::vector<double> rows;
    if (!face.units.empty()) rows = rows_of(before, face.units);
    for (Index k = 0; k < count; ++k) add_corners(halves[k], before, k, rows, face);
    cutter.cut(f, before, std::move(face));
  }

  // The rows of a face at the vertices before this layer.
  std::vector<double> rows_of(const std::vector<Id>& vertices, const std::vector<Id>& units) const {
    std::vector<double> rows;
    rows.reserve(vertices.size() * (2 + vertices.size() + units.size()));
    for (std::size_t r = 0; r < vertices.size(); ++r) {
      const Point place = mesh_.vertices[at(vertices[r])];
      rows.push_back(place.s);
      rows.push_back(place.t);
      for (std::size_t k = 0; k < vertices.size(); ++k) rows.push_back(k == r ? 1 : 0);
      for (const Id unit : units) rows.push_back(values_.value(vertices[r], unit));
    }
    return rows;
  }

  // The corners of a face from where it comes to an edge, and the rows there.
  void add_corners(Half half, const std::vector<Id>& before, Index corner,
                   const std::vector<double>& rows, Face& face) const {
    const Index corners = static_cast<Index>(before.size()), next = (corner + 1) % corners;
    const Id edge = half / 2, cuts = first_cut_[at(edge + 1)] - first_cut_[at(edge)],
             first = edge + first_cut_[at(edge)];  // its parts are numbered in a row
    const bool back = half % 2;
    const auto part = [&](Id k) { return back ? 2 * (first + cuts - k) + 1 : 2 * (first + k); };
    face.corners.push_back({before[at(corner)], part(0)});
    if (face.units.empty()) return;

    const Index width = static_cast<Index>(rows.size()) / corners;
    const double *here = rows.data() + corner * width, *there = rows.data() + next * width;
    face.rows.insert(face.rows.end(), here, here + width);
    if (back) std::swap(here, there);
    for (Id k = 0; k < cuts; ++k) {
      const Id number = first_cut_[at(edge)] + (back ? cuts - 1 - k : k);
      const Cut& cut = cuts_[at(number)];
      face.corners.push_back({static_cast<Id>(vertices()) + number, part(k + 1)});
      for (Index c = 0; c < width; ++c) face.rows.push_back(between(here[c], there[c], cut.share));
      const auto place = std::lower_bound(face.units.begin(), face.units.end(), cut.function);
      *(face.rows.end() - (face.units.end() - place)) = 0;
    }
  }

  CutLayer put_together(std::vector<Pieces>& each) {
    CutLayer result;
    Mesh mesh;
    add_parts_of_edges(mesh, result.mixes);
    for (Pieces& pieces : each) {
      add(pieces, mesh, result);
      pieces = Pieces();
    }
    mesh_ = std::move(mesh);
    result.first_cuts = std::move(first_cut_);
    return result;
  }

  void add_parts_of_edges(Mesh& mesh, Mixes& mixes) const {
    mesh.vertices = mesh_.vertices;
    for (Id v = 0; v < static_cast<Id>(vertices()); ++v) {
      mixes.add(v, 1);
      mixes.end();
    }
    mesh.edges.reserve(at(edges() + cuts()));
    for (Index e = 0; e < edges(); ++e) {
      Edge edge = mesh_.edges[at(e)];
      const Id from = edge.from, to = edge.to;
      const Point p = mesh_.vertices[at(from)], q = mesh_.vertices[at(to)];
      for (Id k = first_cut_[at(e)]; k < first_cut_[at(e + 1)]; ++k) {
        const double share = cuts_[at(k)].share;
        edge.to = static_cast<Id>(mesh.vertices.size());
        mesh.vertices.push_back({between(p.s, q.s, share), between(p.t, q.t, share)});
        mixes.add(from, 1 - share);
        mixes.add(to, share);
        mixes.end();
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
    result.mixes.append(pieces.mixes);
  }

  Mesh& mesh_;
  const VertexValues& values_;
  const Bits* coins_;
  std::int32_t layer_;
  std::atomic<Index>& faces_;
  Index most_faces_;
  Run run_;
  const Signs& signs_;
  std::vector<Id> first_cut_;  // of every edge in cuts_, and the end
  std::vector<Cut> cuts_;      // of the edges of the mesh
};

}  // namespace

CutLayer cut_layer(Mesh& mesh, const VertexValues& values, const Bits* coins, Index layer,
                   std::atomic<Index>& faces, Index most_faces, const Run& run) {
  return LayerCutter(mesh, values, coins, layer, faces, most_faces, run).cut();
}

}  // namespace randrelu
