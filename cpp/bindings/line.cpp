#include "measures/line.hpp"

#include "bindings/arrays.hpp"

namespace randrelu {
namespace {

template <class T, class Value>
Array<T> column(const std::vector<Flip>& flips, const Value& value) {
  Array<T> array(static_cast<py::ssize_t>(flips.size()));
  T* out = array.mutable_data();
  for (std::size_t k = 0; k < flips.size(); ++k) out[k] = value(flips[k]);
  return array;
}

Array<double> array_of(const std::vector<double>& values) {
  return Array<double>(static_cast<py::ssize_t>(values.size()), values.data());
}

// (t, layer from 1, unit, new state, f(x), f at the flips, slopes, bits on the first piece)
py::tuple traced(const Network& net, const Array<double>& x, const Array<double>& u, double length,
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
  py::list bits;
  for (const std::vector<Bits>& layer : line.bits)
    bits.append(Array<Bits>(static_cast<py::ssize_t>(layer.size()), layer.data()));
  return py::make_tuple(
      column<double>(line.flips, [](const Flip& f) { return f.t; }),
      column<std::int64_t>(line.flips, [](const Flip& f) { return f.layer + 1; }),
      column<std::int64_t>(line.flips, [](const Flip& f) { return f.unit; }),
      column<bool>(line.flips, [](const Flip& f) { return f.active; }), line.f0,
      array_of(line.f), array_of(line.slopes), bits);
}

}  // namespace

void bind_line(py::module_& m) {
  m.def("trace_line", traced, py::arg("network"), py::arg("x").noconvert(),
        py::arg("u").noconvert(), py::arg("length"), py::arg("most_flips"), py::arg("threads"),
        py::arg("progress"));
}

}  // namespace randrelu
