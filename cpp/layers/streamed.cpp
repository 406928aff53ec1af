#include "layers/streamed.hpp"

namespace randrelu {

void StreamedLayer::generate(float* out, const Run& run) const {
  normals_in_parallel(stream_, scale_, fan_out() * fan_in(), out, run);
}

Tile<const float> StreamedLayer::tile(Block rows, Block cols, float* buffer) const {
  const bool whole_rows = cols.count == fan_in();
  const Index runs = whole_rows ? 1 : rows.count;
  const Index length = whole_rows ? rows.count * cols.count : cols.count;
  for (Index i = 0; i < runs; ++i) {
    const Index first = (rows.first + i) * fan_in() + cols.first;
    normals(stream_, scale_, static_cast<std::uint64_t>(first), length, buffer + i * length);
  }
  return {buffer, rows.count, cols.count, cols.count};
}

}  // namespace randrelu
