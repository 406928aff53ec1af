#include "measures/line.hpp"

#include "bindings/arrays.hpp"
#include "measures/reach.hpp"

namespace randrelu {
namespace {

// What is true of every flip, as an array.
template <class T, class Value>
Array<T> column(const LinePieces& line, const Value& value) {
  Array<T> array(static_cast<py::ssize_t>(line.flips.size()));
  std::transform(line.flips.begin(), line.flips.end(), array.mutable_data(), value);
  return array;
}

// Rows of as many columns.
Array<double> table(const std::vector<double>& values, Index columns) {
  const Index rows = static_cast<Index>(values.size()) / columns;
  return Array<double>(Shape{rows, columns}, values.data());
}

std::vector<Array<Bits>> first_bits(const LinePieces& line) {
  std::vector<Array<Bits>> arrays;
  for (const std::vector<Bits>& layer : line.bits) arrays.push_back(array_of(layer));
  return arrays;
}

LinePieces traced(const Network& net, const Array<double>& x, const Array<double>& u, double length,
                  Index most_flips, int threads, const py::object& progress) {
  if (x.size() != net.input_dim() || u.size() != x.size())
    throw py::value_error("x or u has the wrong dimension");
  const View<const double> point(x.data(), 1, x.size()), direction(u.data(), 1, u.size());
  const Report report(progress, 1000);  // per mille
  LinePieces line;
  {
    const py::gil_scoped_release release;
    const Network::Alone alone(net);
    line = trace_line(net, point, direction, length, most_flips, report.run(threads));
  }
  report.finish();
  return line;
}

// The smallest t at which a function with these values at the knots is at the level.
double crossed(const Array<double>& knots, const Array<double>& values, double level) {
  if (knots.size() < 2 || knots.size() != values.size())
    throw py::value_error("knots and values must be (K,)");
  return first_crossing(knots.data(), View<const double>(values.data(), values.size(), 1), level,
                        -1);
}

// The smallest t at which the only output is at the level.
double reached_on_line(const Network& net, const Array<double>& x, const Array<double>& u,
                       double length, double level, double f, double slope, Index most_flips,
                       int threads) {
  if (net.outputs() != 1 || x.size() != net.input_dim() || u.size() != x.size())
    throw py::value_error("x or u does not fit the network, or it has several outputs");
  const Functions itself{1, [](const double* output, double* value) { *value = *output; }};
  const Segment segment{View<const double>(x.data(), 1, x.size()),
                        View<const double>(u.data(), 1, u.size()), length, f, slope};
  const py::gil_scoped_release release;
  const Network::Alone alone(net);
  return first_reach(net, segment, itself, level, most_flips, Run{threads});
}

}  // namespace

void bind_line(py::module_& m) {
  py::class_<LinePieces>(m, "LinePieces")
      .def_property_readonly(
          "t",
          [](const LinePieces& l) { return column<double>(l, [](const Flip& f) { return f.t; }); })
      .def_property_readonly("layer",  // from 1
                             [](const LinePieces& l) {
                               return column<std::int64_t>(
                                   l, [](const Flip& f) { return f.layer + 1; });
                             })
      .def_property_readonly("unit",
                             [](const LinePieces& l) {
                               return column<std::int64_t>(l, [](const Flip& f) { return f.unit; });
                             })
      .def_property_readonly("active",
                             [](const LinePieces& l) {
                               return column<bool>(l, [](const Flip& f) { return f.active; });
                             })
      .def_property_readonly("f0", [](const LinePieces& l) { return array_of(l.f0); })
      .def_property_readonly("f", [](const LinePieces& l) { return table(l.f, l.outputs); })
      .def_property_readonly("slopes",
                             [](const LinePieces& l) { return table(l.slopes, l.outputs); })
      .def_property_readonly("bits", first_bits);
  m.def("trace_line", traced, py::arg("network"), py::arg("x").noconvert(),
        py::arg("u").noconvert(), py::kw_only(), py::arg("length"), py::arg("most_flips"),
        py::arg("threads"), py::arg("progress"));
  m.def("first_crossing", crossed, py::arg("knots").noconvert(), py::arg("values").noconvert(),
        py::arg("level"));
  m.def("first_reach", reached_on_line, py::arg("network"), py::arg("x").noconvert(),
        py::arg("u").noconvert(), py::kw_only(), py::arg("length"), py::arg("level"), py::arg("f"),
        py::arg("slope"), py::arg("most_flips"), py::arg("threads"));
  py::register_local_exception_translator([](std::exception_ptr error) {
    try {
      if (error) std::rethrow_exception(error);
    } catch (const TooManyFlips& flips) {
      py::set_error(PyExc_MemoryError, flips.what());
    }
  });
}

}  // namespace randrelu
