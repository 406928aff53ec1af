#include "measures/attack.hpp"

#include "bindings/arrays.hpp"

namespace randrelu {
namespace {

// (f, ‖∇f‖, η, f after it), the last two for the first step and for the one that counts.
py::tuple trials(const std::vector<Index>& widths, const std::vector<double>& scales,
                 const Array<std::uint64_t>& seeds, const Array<double>& x, int kind,
                 const std::vector<double>& steps, int threads, const py::object& progress) {
  if (x.size() != widths.front()) throw py::value_error("x has the wrong dimension");
  const auto count = static_cast<py::ssize_t>(seeds.size());
  Array<double> f(count), grad_norm(count), eta(Shape{count, 2}), f_after(Shape{count, 2});
  const Trials out{f.mutable_data(), grad_norm.mutable_data(), eta.mutable_data(),
                   f_after.mutable_data()};
  const View<const double> point(x.data(), 1, x.size());
  const std::vector<std::uint64_t> each(seeds.data(), seeds.data() + count);
  const Report report(progress, static_cast<double>(count));
  {
    const py::gil_scoped_release release;
    attack_trials(widths, scales, each, point, {static_cast<StepKind>(kind), steps}, out,
                  report.run(threads));
  }
  report.finish();
  return py::make_tuple(f, grad_norm, eta, f_after);
}

}  // namespace

void bind_attack(py::module_& m) {
  m.def("attack_trials", trials, py::arg("widths"), py::arg("scales"), py::arg("seeds").noconvert(),
        py::arg("x").noconvert(), py::arg("kind"), py::arg("steps"), py::arg("threads"),
        py::arg("progress"));
}

}  // namespace randrelu
