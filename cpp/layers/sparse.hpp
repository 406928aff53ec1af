// Products of explicit layers with rows of which few entries are not 0.
#pragma once

#include <functional>

#include "layers/layer.hpp"

namespace randrelu {

// Entry k of row r, for starts[r] ≤ k < starts[r + 1], belongs to units[k].
template <class T>
struct SparseRows {
  std::vector<Index> starts{0};
  std::vector<Index> units;
  std::vector<T> values;

  Index rows() const { return static_cast<Index>(starts.size()) - 1; }
  void add(Index unit, T value) {
    units.push_back(unit);
    values.push_back(value);
  }
  void end_row() { starts.push_back(static_cast<Index>(units.size())); }
  void reserve(std::size_t starts_, std::size_t entries) {
    starts.reserve(starts_);
    units.reserve(entries);
    values.reserve(entries);
  }
  void append(const SparseRows& more) {  // its entries
    units.insert(units.end(), more.units.begin(), more.units.end());
    values.insert(values.end(), more.values.begin(), more.values.end());
  }
  // Adds row r to one that is not sparse.
  void add_to(T* row, Index r) const {
    for (Index k = starts[at(r)]; k < starts[at(r + 1)]; ++k) row[units[at(k)]] += values[at(k)];
  }
};

// Y += S Wᵀ: every row of S through all of the weights, into Y (N, fan_out). The order of a sum is that of the
// entries, whatever the other rows are.
template <class T>
void add_sparse(const Layer& layer, const SparseRows<T>& s, View<T> y, const Run& run);

// Y += S W[:, columns]: every row of S back through some columns of the weights, into Y (N, |columns|).
template <class T>
void add_sparse_transposed(const Layer& layer, const SparseRows<T>& s, View<T> y, Units columns,
                           const Run& run);

// Rows with few entries that grow along rays: entry k of ray r, for starts[r] ≤ k < starts[r + 1], is
// values[k] + s slopes[k] at every scale s > from[k], and 0 before. In a ray they are in the order of `from`.
template <class T>
struct SparseRays {
  std::vector<Index> starts{0};
  std::vector<Index> units;
  std::vector<double> from;
  std::vector<T> values, slopes;

  Index rays() const { return static_cast<Index>(starts.size()) - 1; }
  void add(Index unit, double scale, T value, T slope) {
    units.push_back(unit);
    from.push_back(scale);
    values.push_back(value);
    slopes.push_back(slope);
  }
  void end_ray() { starts.push_back(static_cast<Index>(units.size())); }
  void reserve(std::size_t starts_, std::size_t entries) {
    starts.reserve(starts_);
    units.reserve(entries);
    from.reserve(entries);
    values.reserve(entries);
    slopes.reserve(entries);
  }
  void append(const SparseRays& more) {  // its entries
    units.insert(units.end(), more.units.begin(), more.units.end());
    from.insert(from.end(), more.from.begin(), more.from.end());
    values.insert(values.end(), more.values.begin(), more.values.end());
    slopes.insert(slopes.end(), more.slopes.begin(), more.slopes.end());
  }
  // How many entries a ray has at a scale.
  Index entries(Index ray, double scale) const;
};

// One after the other in one.
template <class S>
S joined(const std::vector<S>& parts) {
  std::size_t rows = 1, entries = 0;
  for (const S& part : parts) {
    rows += part.starts.size() - 1;
    entries += part.units.size();
  }
  S all;
  all.reserve(rows, entries);
  for (const S& part : parts) {
    const Index before = all.starts.back();
    for (std::size_t r = 1; r < part.starts.size(); ++r)
      all.starts.push_back(before + part.starts[r]);
    all.append(part);
  }
  return all;
}

// Is given a piece of a row of a product, of some ray and some of the scales. It begins at a whole byte of bits.
template <class T>
using Take = std::function<void(Index scale, Index ray, Block units, const T* values)>;

// s Y + S(s) Wᵀ for every ray, a row of Y (rays, fan_out), at ascending scales s, piece by piece. What a scale gives
// does not depend on the others.
template <class T>
void multiply_rays(const Layer& layer, const SparseRays<T>& s, View<const T> y,
                   const std::vector<double>& scales, const Take<T>& take, const Run& run);

}  // namespace randrelu
