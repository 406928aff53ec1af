#include "measures/attack.hpp"

#include <pybind11/native_enum.h>

#include "bindings/arrays.hpp"

namespace randrelu {
namespace {

std::unique_ptr<Attack> started(const Network& net, const Array<double>& x,
                                const std::optional<Array<Index>>& against, int threads,
                                const py::object& progress) {
  const View<const double> points = matrix(x);
  if (against && against->size() != points.rows) throw py::value_error("against must be (N,)");
  const Index* const other = against ? against->data() : nullptr;
  if (other && std::any_of(other, other + points.rows, [&](Index j) { return j >= net.outputs(); }))
    throw py::value_error("no such output");
  if (points.cols != net.input_dim()) throw py::value_error("x has the wrong dimension");
  const double weights = 2 * net.weights();  // forward, and back
  const Report report(progress, weights * static_cast<double>(points.rows));
  std::unique_ptr<Attack> attack;
  {
    const py::gil_scoped_release release;
    const Network::Alone alone(net);
    attack = std::make_unique<Attack>(net, points, other, report.run(threads));
  }
  report.finish();
  return attack;
}

// K steps from every point; all but x_after (K, N).
struct StepsTaken {
  Array<double> eta, f_after;
  Array<double> x_after;  // (K, N, d)
  py::object top_after = py::none();
};

StepsTaken take(const Attack& attack, StepKind kind, const Array<double>& numbers,
                const std::optional<Array<double>>& goals, bool any_other, int threads,
                const py::object& progress) {
  const View<const double> each = matrix(numbers);
  const View<const double> points = attack.points();
  if (each.cols != points.rows) throw py::value_error("numbers must be (K, N)");
  if (goals && goals->size() != points.rows) throw py::value_error("goals must be (N,)");
  const double* const goal = goals ? goals->data() : nullptr;
  const Shape shape{each.rows, each.cols};
  StepsTaken taken{Array<double>(shape), Array<double>(shape),
                   Array<double>(Shape{each.rows, each.cols, points.cols})};
  Attack::Steps steps{
      taken.eta.mutable_data(),
      View<double>(taken.x_after.mutable_data(), each.rows * each.cols, points.cols),
      taken.f_after.mutable_data(), nullptr};
  const Network& net = attack.network();
  if (net.outputs() > 1) {
    Array<Index> tops(shape);
    steps.top_after = tops.mutable_data();
    taken.top_after = std::move(tops);
  }
  const Report report(progress, net.weights() * static_cast<double>(steps.x_after.rows));
  {
    const py::gil_scoped_release release;
    const Network::Alone alone(net);
    attack.step(kind, each, goal, any_other, steps, report.run(threads));
  }
  report.finish();
  return taken;
}

Array<double> reached(const Attack& attack, const Array<double>& goals,
                      const Array<double>& lengths, bool any_other, Index most_flips, int threads,
                      const py::object& progress) {
  const Index points = attack.points().rows;
  if (goals.size() != points || lengths.size() != points)
    throw py::value_error("goals and lengths must be (N,)");
  Array<double> eta(points);
  double* const out = eta.mutable_data();
  const Report report(progress, static_cast<double>(points));
  {
    const py::gil_scoped_release release;
    const Network::Alone alone(attack.network());
    attack.reach(goals.data(), lengths.data(), any_other, most_flips, out, report.run(threads));
  }
  report.finish();
  return eta;
}

// None where there is one output.
py::object array_or_none(const Attack& attack, const std::vector<Index>& outputs) {
  return attack.network().outputs() == 1 ? py::object(py::none()) : array_of(outputs);
}

Array<double> gradients(const py::object& self) {
  const View<const double> g = self.cast<const Attack&>().gradients();
  Array<double> view(Shape{g.rows, g.cols}, g.data, self);  // which keeps the attack
  view.attr("setflags")(py::arg("write") = false);
  return view;
}

// A row for every trial; eta and f_after are those of the first step and of the one that counts.
struct TrialArrays {
  Array<double> f, grad_norm, eta, f_after;
};

TrialArrays trials(const std::vector<Index>& widths, const Array<std::uint64_t>& seeds,
                   const Array<double>& x, const std::vector<double>& scales, StepKind kind,
                   const std::vector<double>& numbers, int threads, const py::object& progress) {
  if (x.size() != widths.front()) throw py::value_error("x has the wrong dimension");
  const auto count = static_cast<py::ssize_t>(seeds.size());
  const Shape two{count, 2};
  TrialArrays result{Array<double>(count), Array<double>(count), Array<double>(two),
                     Array<double>(two)};
  const Trials out{result.f.mutable_data(), result.grad_norm.mutable_data(),
                   result.eta.mutable_data(), result.f_after.mutable_data()};
  const View<const double> point(x.data(), 1, x.size());
  const std::vector<std::uint64_t> each(seeds.data(), seeds.data() + count);
  const Report report(progress, static_cast<double>(count));
  {
    const py::gil_scoped_release release;
    attack_trials(widths, scales, each, point, kind, numbers, out, report.run(threads));
  }
  report.finish();
  return result;
}

}  // namespace

void bind_attack(py::module_& m) {
  py::native_enum<StepKind>(m, "StepKind", "enum.Enum")
      .value("reflections", StepKind::reflections)
      .value("changes", StepKind::changes)
      .value("etas", StepKind::etas)
      .finalize();
  py::class_<StepsTaken>(m, "StepsTaken")
      .def_readonly("eta", &StepsTaken::eta)
      .def_readonly("x_after", &StepsTaken::x_after)
      .def_readonly("f_after", &StepsTaken::f_after)
      .def_readonly("top_after", &StepsTaken::top_after);
  py::class_<Attack>(m, "Attack")
      .def(py::init(&started), py::keep_alive<1, 2>(), py::keep_alive<1, 3>(), py::arg("network"),
           py::arg("x").noconvert(), py::arg("against").noconvert().none(true), py::kw_only(),
           py::arg("threads"), py::arg("progress"))
      .def_property_readonly("top", [](const Attack& a) { return array_or_none(a, a.top()); })
      .def_property_readonly("other", [](const Attack& a) { return array_or_none(a, a.other()); })
      .def_property_readonly("f", [](const Attack& a) { return array_of(a.f()); })
      .def_property_readonly("grad_norms", [](const Attack& a) { return array_of(a.grad_norms()); })
      .def_property_readonly("gradients", gradients)
      .def("reach", reached, py::arg("goals").noconvert(), py::arg("lengths").noconvert(),
           py::kw_only(), py::arg("any_other"), py::arg("most_flips"), py::arg("threads"),
           py::arg("progress"))
      .def("step", take, py::arg("kind"), py::arg("numbers").noconvert(),
           py::arg("goals").noconvert().none(true), py::kw_only(), py::arg("any_other"),
           py::arg("threads"), py::arg("progress"));
  m.def("sign_flips", py::vectorize(sign_flips), py::arg("before"), py::arg("after"));
  m.def("succeeds", py::vectorize(succeeds), py::arg("before"), py::arg("after"),
        py::arg("margin") = 0.0);

  py::class_<TrialArrays>(m, "Trials")
      .def_readonly("f", &TrialArrays::f)
      .def_readonly("grad_norm", &TrialArrays::grad_norm)
      .def_readonly("eta", &TrialArrays::eta)
      .def_readonly("f_after", &TrialArrays::f_after);
  m.def("attack_trials", trials, py::arg("widths"), py::arg("seeds").noconvert(),
        py::arg("x").noconvert(), py::kw_only(), py::arg("scales"), py::arg("kind"),
        py::arg("numbers"), py::arg("threads"), py::arg("progress"));
  m.attr("WIDE_TRIAL") = kWideTrial;
  m.attr("FEW_POINTS") = kFewPoints;
}

}  // namespace randrelu
