#include "measures/margins.hpp"

#include "bindings/arrays.hpp"

namespace randrelu {
namespace {

// An output for each of N points, or null.
const Index* outputs_of(const std::optional<Array<Index>>& given, const Network& net,
                        Index points) {
  if (!given) return nullptr;
  const Index* const data = given->data();
  if (given->size() != points) throw py::value_error("an output for each point");
  if (points > 0 && *std::max_element(data, data + points) >= net.outputs())
    throw py::value_error("no such output");
  return data;
}

// `tops` say which, where there are several outputs.
const Index* tops_of(const std::optional<Array<Index>>& given, const Network& net, Index points) {
  const Index* const tops = outputs_of(given, net, points);
  if ((net.outputs() > 1) != (tops != nullptr) ||
      (points > 0 && tops && *std::min_element(tops, tops + points) < 0))
    throw py::value_error("tops are for networks of several outputs");
  return tops;
}

struct MarginArrays {
  Array<double> values, roundings;
  py::array gradients;  // in the arithmetic of x
  Array<Index> rivals;
};

template <class T>
MarginArrays margins_of(const Network& net, const Array<T>& x,
                        const std::optional<Array<Index>>& tops,
                        const std::optional<Array<Index>>& against, int threads) {
  const View<const T> points = matrix(x);
  if (points.cols != net.input_dim()) throw py::value_error("x has the wrong dimension");
  const Index* const top = tops_of(tops, net, points.rows);
  const Index* const other = outputs_of(against, net, points.rows);
  Array<T> gradients(Shape{points.rows, points.cols});
  T* const out = gradients.mutable_data();
  Margins found;
  {
    const py::gil_scoped_release release;
    const Network::Alone alone(net);
    found = margins<T>(net, points, top, other, out, Run{threads});
  }
  return {array_of(found.values), array_of(found.roundings), std::move(gradients),
          array_of(found.rivals)};
}

Array<double> changed(const Network& net, const Array<double>& x, const Array<double>& y,
                      const std::optional<Array<Index>>& tops,
                      const std::optional<Array<Index>>& against, Index most_flips, int threads) {
  const View<const double> from = matrix(x), to = matrix(y);
  if (from.cols != net.input_dim() || to.cols != from.cols || to.rows != from.rows)
    throw py::value_error("x or y has the wrong shape");
  const Index* const top = tops_of(tops, net, from.rows);
  const Index* const other = outputs_of(against, net, from.rows);
  Array<double> shares(from.rows);
  double* const out = shares.mutable_data();
  const py::gil_scoped_release release;
  const Network::Alone alone(net);
  first_changes(net, from, to, top, other, most_flips, out, Run{threads});
  return shares;
}

template <class T>
void bind_margins_of(py::module_& m) {
  m.def("margins", margins_of<T>, py::arg("network"), py::arg("x").noconvert(),
        py::arg("tops").noconvert().none(true), py::arg("against").noconvert().none(true),
        py::kw_only(), py::arg("threads"));
}

}  // namespace

void bind_margins(py::module_& m) {
  py::class_<MarginArrays>(m, "Margins")
      .def_readonly("values", &MarginArrays::values)
      .def_readonly("roundings", &MarginArrays::roundings)
      .def_readonly("gradients", &MarginArrays::gradients)
      .def_readonly("rivals", &MarginArrays::rivals);
  bind_margins_of<float>(m);
  bind_margins_of<double>(m);
  m.def("first_changes", changed, py::arg("network"), py::arg("x").noconvert(),
        py::arg("y").noconvert(), py::arg("tops").noconvert().none(true),
        py::arg("against").noconvert().none(true), py::kw_only(), py::arg("most_flips"),
        py::arg("threads"));
}

}  // namespace randrelu
