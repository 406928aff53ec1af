#include "measures/ball.hpp"

#include <variant>

#include "bindings/arrays.hpp"
#include "measures/sample.hpp"

namespace randrelu {
namespace {

// Points drawn from the unit ball.
struct Sample {
  Index count;
  std::uint64_t seed;
  bool surface;
};

// What was asked for; the rest is None.
struct Explored {
  py::object angles = py::none(), flips = py::none(), deviations = py::none();
  py::object image_angles = py::none();
  py::object terms = py::none(), decomposition = py::none();
};

// An array of this shape if it is wanted, and where its numbers are, else null.
template <class T>
T* array_if(bool wanted, const Shape& shape, py::object& result) {
  if (!wanted) return nullptr;
  Array<T> array(shape);
  T* data = array.mutable_data();
  result = std::move(array);
  return data;
}

// The places are differences from the base point (N, d), or a sample, and every scale multiplies all of them.
Explored explored(const BasePoint& base, const std::variant<Array<double>, Sample>& places,
                  const std::vector<double>& scales, bool mirrored, bool float32, bool angles,
                  bool flips, bool deviations, bool terms, bool decomposition, bool remember,
                  int threads, const py::object& progress) {
  const Network& net = base.net;
  if (base.bits.size() != net.depth()) throw py::value_error("the base point lacks layers");
  const Array<double>* given = std::get_if<Array<double>>(&places);
  const View<const double> rows = given ? matrix(*given) : View<const double>();
  if (given && rows.cols != net.input_dim()) throw py::value_error("u has the wrong dimension");
  if (given && mirrored) throw py::value_error("given points are not mirrored");
  if (!std::is_sorted(scales.begin(), scales.end()) || (!scales.empty() && scales[0] < 0))
    throw py::value_error("scales must ascend from 0");
  const Index points = given ? rows.rows : std::get<Sample>(places).count;
  const Differences differences = [&](Block some, View<double> u) {
    if (given) {
      std::copy_n(rows.row(some.first), some.count * rows.cols, u.data);
    } else {
      const Sample& sample = std::get<Sample>(places);
      sample_ball(sample.seed, sample.surface, some.first, u, Run{threads});
    }
  };

  const auto depth = static_cast<py::ssize_t>(net.depth());
  const auto count = static_cast<py::ssize_t>(scales.size());
  Explored found;
  Deviations out;
  out.angles = array_if<double>(angles, {count, points}, found.angles);
  out.flips = array_if<std::int64_t>(flips, {count, points, depth}, found.flips);
  out.image_angles = array_if<double>(flips, {count, points, std::max<py::ssize_t>(depth - 1, 0)},
                                      found.image_angles);
  out.gradient = array_if<double>(deviations, {count, points}, found.deviations);
  out.terms = array_if<double>(terms, {count, points, depth}, found.terms);
  out.decomposition =
      array_if<double>(decomposition, {count, points, depth, net.input_dim()}, found.decomposition);
  if (out.any_gradient() && base.gradient.empty())
    throw py::value_error("the base point lacks its gradient");
  const Report report(progress, static_cast<double>(points));
  {
    const py::gil_scoped_release release;
    const Network::Alone alone(net);
    const Run run = report.run(threads);
    if (float32)
      explore<float>(base, differences, points, scales, mirrored, out, run, remember);
    else
      explore<double>(base, differences, points, scales, mirrored, out, run, remember);
  }
  report.finish();
  return found;
}

Array<double> sampled(Index dim, const Sample& sample, int threads) {
  Array<double> u(Shape{sample.count, dim});
  const View<double> rows(u.mutable_data(), sample.count, dim);
  const py::gil_scoped_release release;
  sample_ball(sample.seed, sample.surface, 0, rows, Run{threads});
  return u;
}

}  // namespace

void bind_ball(py::module_& m) {
  py::class_<Sample>(m, "Sample")
      .def(py::init([](Index count, std::uint64_t seed, bool surface) {
             return Sample{count, seed, surface};
           }),
           py::kw_only(), py::arg("count"), py::arg("seed"), py::arg("surface"));
  py::class_<Explored>(m, "Explored")
      .def_readonly("angles", &Explored::angles)
      .def_readonly("flips", &Explored::flips)
      .def_readonly("image_angles", &Explored::image_angles)
      .def_readonly("deviations", &Explored::deviations)
      .def_readonly("terms", &Explored::terms)
      .def_readonly("decomposition", &Explored::decomposition);
  m.def("explore", explored, py::arg("base"), py::arg("places").noconvert(), py::kw_only(),
        py::arg("scales") = std::vector<double>{1}, py::arg("mirrored") = false,
        py::arg("float32") = false, py::arg("angles") = false, py::arg("flips") = false,
        py::arg("deviations") = false, py::arg("terms") = false, py::arg("decomposition") = false,
        py::arg("remember") = true, py::arg("threads") = 0, py::arg("progress") = py::none());
  m.def("sample_ball", sampled, py::arg("dim"), py::arg("sample"), py::kw_only(),
        py::arg("threads"));
}

}  // namespace randrelu
