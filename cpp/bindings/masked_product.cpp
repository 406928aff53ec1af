#include "bindings/arrays.hpp"
#include "network/network.hpp"

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

// The mask of the rows from `first` on.
Mask mask_from(Mask mask, Index first) {
  for (LayerBits& layer : mask) layer.data += first * layer.stride;
  return mask;
}

void multiply(const Network& net, const Mask& mask, std::size_t j, std::size_t i,
              View<const double> rows, View<double> out, bool transposed, Scratch<double>& scratch,
              int threads) {
  Stages stages(Run{threads}, count_weights(net.layers(), j, i));
  if (!transposed)
    return walk_forward<double>(net.layers(), mask, j, i, rows, out, scratch, stages);
  if (i <= net.depth()) {
    const View<double> masked = scratch.layer(i, rows.rows, rows.cols);
    std::copy_n(rows.data, rows.rows * rows.cols, masked.data);
    mask_rows(mask[i - 1], masked, stages.silent());
    rows = masked;
  }
  walk_backward<double>(net.layers(), mask, j, i, rows, out, scratch, stages);
}

// M_{i,j} v, or v M_{i,j} if `transposed`, for the rows of v.
Array<double> masked_product(const Network& net, const std::vector<Array<Bits>>& bits,
                             const Array<double>& v, std::size_t j, std::size_t i, bool transposed,
                             int threads) {
  if (j >= i || i > net.depth() + 1) throw py::value_error("j or i does not fit the network");
  const View<const double> rows = matrix(v);
  const Mask mask = mask_of(net, bits, rows.rows);
  const Index first = net.layers()[j]->fan_in(), last = net.layers()[i - 1]->fan_out();
  if (rows.cols != (transposed ? last : first)) throw py::value_error("v has the wrong width");
  Array<double> result(Shape{rows.rows, transposed ? first : last});
  const View<double> out(result.mutable_data(), rows.rows, transposed ? first : last);
  const py::gil_scoped_release release;
  const Network::Alone alone(net);
  const Index size = std::min(net.points_per_block(), rows.rows);
  Scratch<double> scratch(size * net.widest());
  for (Index b = 0; size && b < ceil_div(rows.rows, size); ++b) {
    const Block some(b, size, rows.rows);
    multiply(net, mask_from(mask, some.first), j, i, rows.middle_rows(some.first, some.count),
             out.middle_rows(some.first, some.count), transposed, scratch, threads);
  }
  return result;
}

}  // namespace

void bind_masked_product(py::module_& m) {
  m.def("masked_product", masked_product, py::arg("network"), py::arg("bits"),
        py::arg("v").noconvert(), py::kw_only(), py::arg("j"), py::arg("i"), py::arg("transposed"),
        py::arg("threads"));
}

}  // namespace randrelu
