#include "measures/plane/mesh_parts.hpp"

namespace randrelu {
namespace {

constexpr Id kNone = -1;

// Numbers in order, each once.
void sort_unique(std::vector<Id>& ids) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
}

Id place_in(const std::vector<Id>& ids, Id id) {
  return static_cast<Id>(std::lower_bound(ids.begin(), ids.end(), id) - ids.begin());
}

// A mesh of some of another's edges, and as yet no faces.
struct Extract {
  std::vector<Id> vertices, edges;  // of the other mesh
  Mesh mesh;

  Extract(const Mesh& whole, std::vector<Id> some) : edges(std::move(some)) {
    sort_unique(edges);
    for (const Id e : edges)
      for (const Id v : {whole.edges[at(e)].from, whole.edges[at(e)].to}) vertices.push_back(v);
    sort_unique(vertices);
    for (const Id v : vertices) mesh.vertices.push_back(whole.vertices[at(v)]);
    for (const Id e : edges) {
      Edge edge = whole.edges[at(e)];
      edge.from = place_in(vertices, edge.from);
      edge.to = place_in(vertices, edge.to);
      mesh.edges.push_back(edge);
    }
  }
};

// The edges around the parts, as the layers cut them.
struct Borders {
  Extract start;
  Mesh mesh;
  std::vector<VertexValues> values;              // of every layer
  std::vector<std::vector<Id>> first_cuts = {};  // of every layer's CutLayer
};

// Which vertices and edges of a part are which of the borders, or kNone.
struct Twins {
  std::vector<Id> vertices, edges;

  // After a layer has cut a part whose edges were these, and the borders.
  Twins after(const CutLayer& part, const std::vector<Id>& border_cuts, Index border_vertices,
              const Mesh& mesh) const {
    Twins result{vertices, std::vector<Id>(mesh.edges.size(), kNone)};
    const Id before = static_cast<Id>(vertices.size());
    result.vertices.resize(mesh.vertices.size(), kNone);
    for (Id e = 0; e < static_cast<Id>(edges.size()); ++e) {
      const Id twin = edges[at(e)];
      if (twin == kNone) continue;
      const Id own = part.first_cuts[at(e)], cuts = part.first_cuts[at(e + 1)] - own,
               theirs = border_cuts[at(twin)];
      assert(cuts == border_cuts[at(twin + 1)] - theirs);
      for (Id k = 0; k <= cuts; ++k) result.edges[at(e + own + k)] = twin + theirs + k;
      for (Id k = 0; k < cuts; ++k)
        result.vertices[at(before + own + k)] = static_cast<Id>(border_vertices) + theirs + k;
    }
    return result;
  }
};

struct MeshPart {
  Mesh mesh;
  Twins twins;
  Descendants faces;  // of those of the part
  std::vector<double> f;
};

class PartCutter {
 public:
  PartCutter(const Network& net, const Mesh& mesh, const VertexValues& values, const Mixes& mixes,
             Index first, Index faces_each, std::atomic<Index>& faces, Index most_faces,
             const Run& run)
      : net_(net),
        mesh_(mesh),
        values_(values),
        mixes_(mixes),
        first_(first),
        each_(faces_each),
        faces_(faces),
        most_faces_(most_faces),
        borders_(cut_borders(run.stage(0, 0.1))) {}

  Index count() const { return ceil_div(mesh_.faces(), each_); }

  MeshPart cut(Index part, const Run& run) const {
    const Block some(part, each_, mesh_.faces());
    const auto begin = mesh_.halves.begin() + mesh_.starts[at(some.first)],
               end = mesh_.halves.begin() + mesh_.starts[at(some.first + some.count)];
    std::vector<Id> edges;
    for (auto half = begin; half < end; ++half) edges.push_back(*half / 2);
    Extract own(mesh_, std::move(edges));
    for (auto half = begin; half < end; ++half)
      own.mesh.halves.push_back(2 * place_in(own.edges, *half / 2) + *half % 2);
    for (Index f = some.first; f < some.first + some.count; ++f)
      own.mesh.starts.push_back(mesh_.starts[at(f + 1)] - mesh_.starts[at(some.first)]);
    MeshPart result{std::move(own.mesh), twins_of(own), {}, {}};
    cut_layers(mixes_.chosen(own.vertices), result, run);
    for (Id& origin : result.faces.origins) origin += static_cast<Id>(some.first);
    return result;
  }

  // Puts the next part into the whole.
  void add(MeshPart part, MeshParts& whole) const {
    Mesh& mesh = whole.mesh;
    const Index outputs = net_.outputs();
    if (mesh.edges.empty()) {
      mesh = borders_.mesh;
      whole.f = borders_.values.back().all();
      whole.faces.bits.resize(part.faces.bits.size());
    }
    std::vector<Id>&vertices = part.twins.vertices, &edges = part.twins.edges;
    for (std::size_t v = 0; v < vertices.size(); ++v) {
      if (vertices[v] != kNone) continue;
      vertices[v] = static_cast<Id>(mesh.vertices.size());
      mesh.vertices.push_back(part.mesh.vertices[v]);
      const auto row = part.f.begin() + static_cast<Index>(v) * outputs;
      whole.f.insert(whole.f.end(), row, row + outputs);
    }
    for (std::size_t e = 0; e < edges.size(); ++e) {
      if (edges[e] != kNone) continue;
      edges[e] = static_cast<Id>(mesh.edges.size());
      Edge edge = part.mesh.edges[e];
      edge.from = vertices[at(edge.from)];
      edge.to = vertices[at(edge.to)];
      mesh.edges.push_back(edge);
    }
    const Id before = static_cast<Id>(mesh.halves.size());
    for (Index f = 0; f < part.mesh.faces(); ++f)
      mesh.starts.push_back(before + part.mesh.starts[at(f + 1)]);
    for (const Half half : part.mesh.halves)
      mesh.halves.push_back(2 * edges[at(half / 2)] + half % 2);
    const auto append = [](auto& all, const auto& more) {
      all.insert(all.end(), more.begin(), more.end());
    };
    append(whole.faces.origins, part.faces.origins);
    for (std::size_t i = 0; i < part.faces.bits.size(); ++i)
      append(whole.faces.bits[i], part.faces.bits[i]);
  }

 private:
  Index depth() const { return static_cast<Index>(net_.depth()); }

  CutLayer cut(Mesh& mesh, const VertexValues& values, Index layer, const Run& run) const {
    return cut_layer(mesh, values, net_.coins(at(layer)), layer + 1, faces_, most_faces_, run);
  }

  Borders cut_borders(const Run& run) const {
    std::vector<Id> part(2 * mesh_.edges.size(), kNone), edges;  // on both sides of every edge
    for (Index f = 0; f < mesh_.faces(); ++f)
      for (Id k = mesh_.starts[at(f)]; k < mesh_.starts[at(f + 1)]; ++k)
        part[at(mesh_.halves[at(k)])] = static_cast<Id>(f / each_);
    for (std::size_t e = 0; e < mesh_.edges.size(); ++e)
      if (part[2 * e] != part[2 * e + 1]) edges.push_back(static_cast<Id>(e));

    const Index layers = depth() - first_;
    Extract start(mesh_, std::move(edges));
    Borders result{start, start.mesh, {}};
    Mixes mixes = mixes_.chosen(start.vertices);
    const VertexValues* before = &values_;
    result.values.reserve(at(layers + 1));
    for (Index i = 0; i <= layers; ++i) {
      result.values.push_back(before->next(mixes, run.stage(i, i + 1, layers + 1)));
      if (i == layers) break;
      before = &result.values.back();
      CutLayer layer = cut(result.mesh, *before, first_ + i, run.silent());
      result.first_cuts.push_back(std::move(layer.first_cuts));
      mixes = std::move(layer.mixes);
    }
    return result;
  }

  Twins twins_of(const Extract& own) const {
    const auto find = [](const std::vector<Id>& ids, const std::vector<Id>& among) {
      std::vector<Id> places;
      for (const Id id : ids) {
        const Id place = place_in(among, id);
        const bool found = place < static_cast<Id>(among.size()) && among[at(place)] == id;
        places.push_back(found ? place : kNone);
      }
      return places;
    };
    return {find(own.vertices, borders_.start.vertices), find(own.edges, borders_.start.edges)};
  }

  void cut_layers(Mixes mixes, MeshPart& part, const Run& run) const {
    std::vector<CutLayer> layers;
    VertexValues values =
        values_.next(mixes, {borders_.values.front(), part.twins.vertices}, run.silent());
    for (Index i = 0; i < depth() - first_; ++i) {
      layers.push_back(cut(part.mesh, values, first_ + i, run.silent()));
      part.twins = part.twins.after(layers.back(), borders_.first_cuts[at(i)],
                                    borders_.values[at(i)].vertices(), part.mesh);
      mixes = std::move(layers.back().mixes);
      values = values.next(mixes, {borders_.values[at(i + 1)], part.twins.vertices}, run.silent());
    }
    part.f = values.all();
    part.faces = descendants(std::move(layers), part.mesh.faces());
  }

  const Network& net_;
  const Mesh& mesh_;
  const VertexValues& values_;
  const Mixes& mixes_;
  Index first_, each_;
  std::atomic<Index>& faces_;
  Index most_faces_;
  Borders borders_;
};

}  // namespace

MeshParts cut_in_parts(const Network& net, const Mesh& mesh, const VertexValues& values,
                       const Mixes& mixes, Index first, Index faces_each, std::atomic<Index>& faces,
                       Index most_faces, const Run& run) {
  const PartCutter cutter(net, mesh, values, mixes, first, faces_each, faces, most_faces, run);
  const Run rest = run.stage(0.1, 1);
  MeshParts whole;
  if (net.deferred()) {  // its weights depend on the order of questions, which must not depend on threads
    for (Index p = 0; p < cutter.count(); ++p) {
      cutter.add(cutter.cut(p, run.silent()), whole);
      poll(rest.stage(p, p + 1, cutter.count()), 1);
    }
    return whole;
  }
  std::vector<MeshPart> parts(at(cutter.count()));
  parallel_for(cutter.count(), rest, [&](Index p) { parts[at(p)] = cutter.cut(p, Run{1}); });
  for (MeshPart& part : parts) cutter.add(std::exchange(part, {}), whole);
  return whole;
}

}  // namespace randrelu
