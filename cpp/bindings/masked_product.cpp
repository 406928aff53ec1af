#include "measures/masked_product.hpp"

#include "bindings/arrays.hpp"

namespace randrelu {
namespace {

// M_{i,j} v, or v M_{i,j} if `transposed`, for the rows of v.
Array<double> segment(const Network& net, const std::vector<Array<Bits>>& bits, std::size_t j,
                      std::size_t i, const Array<double>& v, bool transposed, int threads) {
  if (bits.size() != net.depth() || j >= i || i > net.depth() + 1)
    throw py::value_error("bits, j or i does not fit the network");
  PointPattern pattern;
  for (std::size_t k = 0; k < bits.size(); ++k) {
    if (bits[k].size() != pattern_bytes(net.width(k))) throw py::value_error("bits do not fit");
    pattern.emplace_back(bits[k].data(), bits[k].data() + bits[k].size());
  }
  const View<const double> rows = matrix(v);
  const Index first = net.layers()[j]->fan_in(), last = net.layers()[i - 1]->fan_out();
  if (rows.cols != (transposed ? last : first)) throw py::value_error("v has the wrong width");
  std::vector<double> found;
  {
    const py::gil_scoped_release release;
    const Network::Alone alone(net);
    found = (transposed ? apply_segment_transpose : apply_segment)(net, pattern, j, i, rows,
                                                                   Run{threads});
  }
  return Array<double>(Shape{rows.rows, transposed ? first : last}, found.data());
}

}  // namespace

void bind_segment(py::module_& m) {
  m.def("segment", segment, py::arg("network"), py::arg("bits"), py::arg("j"), py::arg("i"),
        py::arg("v").noconvert(), py::arg("transposed"), py::arg("threads"));
}

}  // namespace randrelu
