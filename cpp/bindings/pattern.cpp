#include "network/pattern.hpp"

#include "bindings/arrays.hpp"

namespace randrelu {
namespace {

Array<std::int64_t> active(const Array<Bits>& a) {
  const View<const Bits> bits = matrix(a);
  Array<std::int64_t> counts(bits.rows);
  std::int64_t* out = counts.mutable_data();
  const py::gil_scoped_release release;
  for (Index p = 0; p < bits.rows; ++p) out[p] = count_active(bits.row(p), bits.cols);
  return counts;
}

// Row by row; a single row stands for every row of the other.
Array<std::int64_t> flips(const Array<Bits>& a, const Array<Bits>& b) {
  const View<const Bits> left = matrix(a), right = matrix(b);
  const bool rows_match = left.rows == right.rows || left.rows == 1 || right.rows == 1;
  if (left.cols != right.cols || !rows_match) throw py::value_error("patterns do not match");
  const Index rows = left.rows == 1 ? right.rows : left.rows;
  Array<std::int64_t> counts(rows);
  std::int64_t* out = counts.mutable_data();
  const py::gil_scoped_release release;
  for (Index p = 0; p < rows; ++p)
    out[p] = count_flips(left.row(left.rows == 1 ? 0 : p), right.row(right.rows == 1 ? 0 : p),
                         left.cols);
  return counts;
}

}  // namespace

void bind_pattern(py::module_& m) {
  m.def("active", active, py::arg("a").noconvert());
  m.def("flips", flips, py::arg("a").noconvert(), py::arg("b").noconvert());
}

}  // namespace randrelu
