// The words of every other file: the index type and the one matrix type that crosses file borders.
//
// Shape letters: N points in a batch, d the input dimension, L hidden layers, d_i their widths.
// Everything is row-major: a batch of points is (N, d), a weight matrix (fan_out, fan_in).
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace randrelu {

using Index = std::ptrdiff_t;

// A dense row-major matrix that somebody else owns.
template <class T>
struct View {
  T* data = nullptr;
  Index rows = 0;
  Index cols = 0;

  View() = default;
  View(T* data_, Index rows_, Index cols_) : data(data_), rows(rows_), cols(cols_) {}
  operator View<const T>() const { return {data, rows, cols}; }

  T* row(Index i) const {
    assert(0 <= i && i < rows);
    return data + i * cols;
  }
  View middle_rows(Index first, Index count) const {
    assert(0 <= first && 0 <= count && first + count <= rows);
    return {data + first * cols, count, cols};
  }
};

// An index into a standard container.
inline std::size_t at(Index i) { return static_cast<std::size_t>(i); }

inline Index ceil_div(Index a, Index b) { return (a + b - 1) / b; }

// A half-open range of a total that is cut into blocks of a fixed size.
struct Block {
  Index first, count;
  Block(Index index, Index size, Index total)
      : first(index * size), count(std::min(size, total - index * size)) {}
  Block(Index first_, Index count_) : first(first_), count(count_) {}
};

// Some of the units of a layer, ascending; by default all of them.
struct Units {
  const std::vector<Index>* list = nullptr;

  Units() = default;
  explicit Units(const std::vector<Index>& units) : list(&units) {}
  bool all() const { return !list; }
  Index size(Index total) const { return all() ? total : static_cast<Index>(list->size()); }
  Index operator[](Index i) const { return all() ? i : (*list)[static_cast<std::size_t>(i)]; }
};

}  // namespace randrelu
