#include "measures/worst.hpp"

#include "bindings/arrays.hpp"

namespace randrelu {
namespace {

// The layer's preactivations at x, and the best point.
std::pair<Array<double>, Array<double>> ascended(const Network& net, const Array<double>& x,
                                                 double radius, std::size_t layer, Index steps,
                                                 int threads) {
  if (x.size() != net.input_dim() || layer >= net.depth())
    throw py::value_error("x or layer does not fit the network");
  const View<const double> centre(x.data(), 1, x.size());
  Ascended found;
  {
    const py::gil_scoped_release release;
    const Network::Alone alone(net);
    found = ascend(net, centre, radius, layer, steps, Run{threads});
  }
  return {array_of(found.preactivations), array_of(found.point)};
}

}  // namespace

void bind_worst(py::module_& m) {
  m.def("ascend", ascended, py::arg("network"), py::arg("x").noconvert(), py::kw_only(),
        py::arg("radius"), py::arg("layer"), py::arg("steps"), py::arg("threads"));
}

}  // namespace randrelu
