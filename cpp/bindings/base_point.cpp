#include "measures/base_point.hpp"

#include "bindings/arrays.hpp"

namespace randrelu {
namespace {

std::unique_ptr<BasePoint> base_point(const Network& net, const Array<double>& x,
                                      std::size_t layers, bool gradient, int threads) {
  if (x.size() != net.input_dim() || layers > net.depth())
    throw py::value_error("x or layers does not fit the network");
  if (gradient && net.outputs() > 1) throw py::value_error("a gradient of several outputs");
  const View<const double> point(x.data(), 1, x.size());
  const py::gil_scoped_release release;
  const Network::Alone alone(net);
  return std::make_unique<BasePoint>(net, point, layers, gradient, Run{threads});
}

Array<double> preactivations(const BasePoint& base, std::size_t i) {
  return array_of(base.preactivations.at(i));
}

Array<double> pulled_back(const BasePoint& base, std::size_t i, const Array<double>& v,
                          int threads) {
  if (i >= base.bits.size() || v.size() != base.net.width(i))
    throw py::value_error("i or v does not fit the layers of the point");
  const std::vector<double> weights(v.data(), v.data() + v.size());
  std::vector<double> found;
  {
    const py::gil_scoped_release release;
    const Network::Alone alone(base.net);
    found = base.pull_back(i, weights, Run{threads});
  }
  return array_of(found);
}

}  // namespace

void bind_base_point(py::module_& m) {
  py::class_<BasePoint>(m, "BasePoint")
      .def(py::init(&base_point), py::keep_alive<1, 2>(), py::arg("network"),
           py::arg("x").noconvert(), py::kw_only(), py::arg("layers"), py::arg("gradient"),
           py::arg("threads"))
      .def_property_readonly("gradient", [](const BasePoint& b) { return array_of(b.gradient); })
      .def("preactivations", preactivations, py::arg("i"))
      .def("pull_back", pulled_back, py::arg("i"), py::arg("v").noconvert(), py::kw_only(),
           py::arg("threads"));
}

}  // namespace randrelu
