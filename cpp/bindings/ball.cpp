#include "measures/ball.hpp"

#include "bindings/arrays.hpp"
#include "layers/explicit.hpp"

namespace randrelu {
namespace {

// (flips, deviations, norms of the terms, terms, ∇f(x) or nothing); `single`: differences in float32.
py::tuple explored(const Network& net, const Array<double>& x, bool single,
                   const Differences& differences, Index points, bool gradient, bool terms,
                   bool decomposition, bool remember, const Run& run) {
  const auto depth = static_cast<py::ssize_t>(net.depth());
  Array<std::int64_t> flips(Shape{points, depth});
  Deviations out;
  out.flips = flips.mutable_data();
  py::object deviations = py::none(), norms = py::none(), rows = py::none(), at_x = py::none();
  if (gradient) {
    Array<double> a(points);
    out.gradient = a.mutable_data();
    deviations = std::move(a);
  }
  if (terms) {
    Array<double> a(Shape{points, depth});
    out.terms = a.mutable_data();
    norms = std::move(a);
  }
  if (decomposition) {
    Array<double> a(Shape{points, depth, net.input_dim()});
    out.decomposition = a.mutable_data();
    rows = std::move(a);
  }
  Array<double> at_base(gradient ? net.input_dim() : 0);
  const View<const double> point(x.data(), 1, x.size());
  double* gradient_at_x = at_base.mutable_data();
  {
    const py::gil_scoped_release release;
    const Network::Alone alone(net);
    const BasePoint base(net, point, gradient || terms || decomposition, Run{run.threads});
    if (gradient) std::copy(base.gradient.begin(), base.gradient.end(), gradient_at_x);
    if (single)
      explore<float>(net, base, differences, points, out, run, remember);
    else
      explore<double>(net, base, differences, points, out, run, remember);
  }
  return py::make_tuple(flips, deviations, norms, rows, at_base);
}

py::tuple explore_points(const Network& net, const Array<double>& x, const Array<double>& u,
                         bool single, bool gradient, bool terms, bool decomposition, bool remember,
                         int threads,
                         const py::object& progress) {
  const View<const double> rows = matrix(u);
  if (x.size() != net.input_dim() || rows.cols != x.size())
    throw py::value_error("x or u has the wrong dimension");
  const View<const double> at_x(x.data(), 1, x.size());
  Array<double> to_x(rows.rows);
  double* angle = to_x.mutable_data();
  const Differences differences = [&](Block points, View<double> out) {
    std::copy_n(rows.row(points.first), points.count * rows.cols, out.data);
    angles(at_x, out, angle + points.first, Run{threads});
  };
  const Report report(progress, static_cast<double>(rows.rows));
  const py::tuple found = explored(net, x, single, differences, rows.rows, gradient, terms,
                                   decomposition, remember, report.run(threads));
  report.finish();
  return py::make_tuple(found[0], found[1], found[2], found[3], found[4], to_x);
}

py::tuple explore_ball(const Network& net, const Array<double>& x, double radius, Index samples,
                       std::uint64_t seed, bool surface, bool single, bool gradient, bool terms,
                       bool remember, int threads, const py::object& progress) {
  if (x.size() != net.input_dim()) throw py::value_error("x has the wrong dimension");
  const View<const double> at_x(x.data(), 1, x.size());
  Array<double> to_x(samples);
  double* angle = to_x.mutable_data();
  const Differences differences = [&](Block points, View<double> u) {
    sample_ball(seed, radius, surface, points.first, u, Run{threads});
    angles(at_x, u, angle + points.first, Run{threads});
  };
  const Report report(progress, static_cast<double>(samples));
  const py::tuple found = explored(net, x, single, differences, samples, gradient, terms, false,
                                   remember, report.run(threads));
  report.finish();
  return py::make_tuple(found[0], found[1], found[2], found[3], found[4], to_x);
}

Array<double> layer_gradient(const Network& net, const Array<double>& x, std::size_t i,
                             const Array<double>& v, int threads) {
  if (x.size() != net.input_dim() || i >= net.depth() || v.size() != net.width(i))
    throw py::value_error("x, i or v does not fit the network");
  const View<const double> point(x.data(), 1, x.size());
  const std::vector<double> weights(v.data(), v.data() + v.size());
  Array<double> gradient(net.input_dim());
  double* out = gradient.mutable_data();
  const py::gil_scoped_release release;
  const Network::Alone alone(net);
  const BasePoint base(net, point, false, Run{threads});
  const std::vector<double> found = pull_back(net, base, i, weights, Run{threads});
  std::copy(found.begin(), found.end(), out);
  return gradient;
}

Array<double> norms_of_rows(const Network& net, std::size_t i, int threads) {
  const Layer& layer = *net.layers().at(i);
  Array<double> norms(layer.fan_out());
  double* out = norms.mutable_data();
  const py::gil_scoped_release release;
  row_norms(layer, out, Run{threads});
  return norms;
}

Array<double> sampled(Index dim, double radius, Index n, std::uint64_t seed, bool surface,
                      int threads) {
  Array<double> u(Shape{n, dim});
  const View<double> rows(u.mutable_data(), n, dim);
  const py::gil_scoped_release release;
  sample_ball(seed, radius, surface, 0, rows, Run{threads});
  return u;
}

}  // namespace

void bind_ball(py::module_& m) {
  m.def("explore_points", explore_points, py::arg("network"), py::arg("x").noconvert(),
        py::arg("u").noconvert(), py::arg("single"), py::arg("gradient"), py::arg("terms"),
        py::arg("decomposition"), py::arg("remember"), py::arg("threads"), py::arg("progress"));
  m.def("explore_ball", explore_ball, py::arg("network"), py::arg("x").noconvert(),
        py::arg("radius"), py::arg("samples"), py::arg("seed"), py::arg("surface"),
        py::arg("single"), py::arg("gradient"), py::arg("terms"), py::arg("remember"),
        py::arg("threads"), py::arg("progress"));
  m.def("layer_gradient", layer_gradient, py::arg("network"), py::arg("x").noconvert(),
        py::arg("i"), py::arg("v").noconvert(), py::arg("threads"));
  m.def("row_norms", norms_of_rows, py::arg("network"), py::arg("i"), py::arg("threads"));
  m.def("sample_ball", sampled, py::arg("dim"), py::arg("radius"), py::arg("n"), py::arg("seed"),
        py::arg("surface"), py::arg("threads"));
}

}  // namespace randrelu
