// The preactivations of a layer at the vertices of a mesh, on whose faces they are affine.
//
// They are differences to those at the first vertex: so they keep their digits where the mesh is small, and a
// deferred layer is asked for as few new directions as there are.
//
// They are held for one layer at a time, in memory that is bounded: where a layer's values at all vertices
// would take more, those of the last layer that was held are, and rows of the later one are made from them,
// by a product a layer, whenever they are wanted.
#pragma once

#include <functional>

#include "base/buffer.hpp"
#include "measures/mesh.hpp"
#include "network/network.hpp"

namespace randrelu {

// How much the values of a layer may take, in bytes.
constexpr Index kMostHeld = Index{1} << 29;

// Vertices that are convex combinations of others.
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
  void append(const Mixes& more);
};

// A bit for each unit at each vertex, in words.
class Signs {
 public:
  using Word = std::uint64_t;
  Signs(Index vertices, Index units)
      : words_(ceil_div(units, 64)), above_(at(vertices * words_)), below_(at(vertices * words_)) {}
  Index words() const { return words_; }
  // Which units are above 0 at a vertex, and which below; the others are on their lines.
  Word* above(Index vertex) { return above_.data() + vertex * words_; }
  Word* below(Index vertex) { return below_.data() + vertex * words_; }
  const Word* above(Index vertex) const { return above_.data() + vertex * words_; }
  const Word* below(Index vertex) const { return below_.data() + vertex * words_; }

 private:
  Index words_;
  std::vector<Word> above_, below_;
};

// Calls f with the units of word w whose bits are set.
template <class F>
void for_bits(Signs::Word word, Index w, const F& f) {
  for (; word; word &= word - 1) f(w * 64 + __builtin_ctzll(word));
}

class VertexValues {
 public:
  // Those of the first layer at x + s u + t v for the corners of a polygon.
  VertexValues(const Network& net, View<const double> x, View<const double> u, View<const double> v,
               const std::vector<Point>& corners, Index most_held, const Run& run);

  // Goes on to the next layer, with new vertices, mixes of those before.
  void advance(const Mixes& fresh, const Run& run);

  Index units() const { return static_cast<Index>(base().size()); }
  Index vertices() const { return vertices_; }
  Signs signs(const Run& run);
  // Finds the values of some units at some vertices, for value() to read: those with a bit in `wanted`,
  // (V, words).
  void gather(const std::vector<Signs::Word>& wanted, const Run& run);
  bool held() const { return held_layer_ == layer_; }  // then value() needs no gather()
  double value(Index vertex, Index unit) const;
  // Up to here a value counts as 0.
  double tolerance(Index unit) const { return tolerances_[at(unit)]; }
  // Those of all units at all vertices, (V, units).
  std::vector<double> all(const Run& run) const;

 private:
  using Rows = std::function<void(Index first, View<const double> differences)>;
  const std::vector<double>& base() const { return bases_.back(); }
  Index rows_at_once() const;
  // Makes the rows of all vertices, some at a time.
  void for_rows(const Run& run, const Rows& use) const;
  void make_rows(Block some, const Run& run, const Rows& use) const;
  // The difference of the held layer at a vertex.
  void mix(Index vertex, double* out) const;
  void take_base(const Run& run);
  void find_tolerances(View<const double> question, View<const double> answer, const Run& run);

  const Network& net_;
  Index most_held_;
  Index layer_ = 0, vertices_;
  Index held_layer_ = 0, held_vertices_;
  Buffer<double> held_;                     // (held_vertices_, units of that layer)
  Mixes mixes_;                             // of the held vertices: the others
  std::vector<std::vector<double>> bases_;  // at the first vertex, from the held layer on
  std::vector<double> tolerances_;
  // Bounds on the norm of the input of the layer at all vertices, and on what rounding has added to it.
  double size_ = 0, error_ = 0;
  // What gather() found.
  std::vector<Index> gathered_ends_;
  std::vector<Id> gathered_units_;
  std::vector<double> gathered_;
};

}  // namespace randrelu
