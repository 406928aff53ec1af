#include "measures/masked_product.hpp"

#include "bindings/arrays.hpp"

namespace randrelu {
namespace {

// The bits of a pattern, (bytes,) or (N, bytes) for each hidden layer, for N rows.
Mask mask_of(const Network& net, const std::vector<Array<Bits>>& bits, Index rows) {
  if (bits.size() != net.depth()) throw py::value_error("bits must be those of every hidden layer");
  Mask mask;
  for (std::size_t k = 0; k < bits.size(); ++k) {
    const Index bytes = pattern_bytes(net.width(k));
    const bool shared = bits[k].ndim() == 1;
    if (bits[k].size() != (shared ? 1 : rows) * bytes) throw py::value_error("bits do not fit");
    mask.push_back({bits[k].data(), shared ? 0 : bytes});
  }
  return mask;
}

// The widths d_j and d_i.
std::pair<Index, Index> ends(const Network& net, std::size_t j, std::size_t i) {
  if (j >= i || i > net.depth() + 1) throw py::value_error("j or i does not fit the network");
  return {net.layers()[j]->fan_in(), net.layers()[i - 1]->fan_out()};
}

// M_{i,j} v, or v M_{i,j} if `transposed`, for the rows of v.
Array<double> product(const Network& net, const std::vector<Array<Bits>>& bits,
                      const Array<double>& v, std::size_t j, std::size_t i, bool transposed,
                      int threads) {
  const View<const double> rows = matrix(v);
  const Mask mask = mask_of(net, bits, rows.rows);
  const auto [first, last] = ends(net, j, i);
  if (rows.cols != (transposed ? last : first)) throw py::value_error("v has the wrong width");
  Array<double> result(Shape{rows.rows, transposed ? first : last});
  const View<double> out(result.mutable_data(), rows.rows, transposed ? first : last);
  const py::gil_scoped_release release;
  const Network::Alone alone(net);
  masked_product(net, mask, j, i, rows, out, transposed, Run{threads});
  return result;
}

// The norms of M_{i,j} for the bits of `points` points.
Array<double> norms(const Network& net, const std::vector<Array<Bits>>& bits, Index points,
                    const Array<double>& start, std::size_t j, std::size_t i, int threads) {
  const Mask mask = mask_of(net, bits, points);
  const auto [first, last] = ends(net, j, i);
  if (start.size() != std::min(first, last)) throw py::value_error("start has the wrong width");
  const std::vector<double> from(start.data(), start.data() + start.size());
  std::vector<double> found;
  {
    const py::gil_scoped_release release;
    const Network::Alone alone(net);
    found = masked_product_norms(net, mask, points, j, i, from, Run{threads});
  }
  return array_of(found);
}

}  // namespace

void bind_masked_product(py::module_& m) {
  m.def("masked_product", product, py::arg("network"), py::arg("bits"), py::arg("v").noconvert(),
        py::kw_only(), py::arg("j"), py::arg("i"), py::arg("transposed"), py::arg("threads"));
  m.def("masked_product_norms", norms, py::arg("network"), py::arg("bits"), py::arg("points"),
        py::arg("start").noconvert(), py::kw_only(), py::arg("j"), py::arg("i"),
        py::arg("threads"));
}

}  // namespace randrelu
