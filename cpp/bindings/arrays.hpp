// The array types of every binding, named once. Python hands over C-contiguous arrays of the right
// dtype; nothing is converted here.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cmath>
#include <functional>
#include <vector>

#include "base/threads.hpp"

namespace randrelu {

namespace py = pybind11;

template <class T>
using Array = py::array_t<T, py::array::c_style>;

using Shape = std::vector<py::ssize_t>;

template <class T>
View<const T> matrix(const Array<T>& a) {
  if (a.ndim() != 2) throw py::value_error("expected a matrix");
  return {a.data(), a.shape(0), a.shape(1)};
}

template <class T>
Array<T> array_of(const std::vector<T>& values) {
  return Array<T>(static_cast<py::ssize_t>(values.size()), values.data());
}

// Reports the progress of a call of `total` steps to a Python callable, or None; use it with the GIL.
class Report {
 public:
  Report(const py::object& progress, double total)
      : called_(!progress.is_none()), report_([&progress, total](double share) {
          const py::gil_scoped_acquire gil;
          progress(std::llround(share * total), std::llround(total));
        }) {}
  Report(const Report&) = delete;
  Run run(int threads) const { return {threads, called_ ? &report_ : nullptr}; }
  void finish() const {
    if (called_) report_(1);
  }

 private:
  bool called_;
  std::function<void(double)> report_;
};

void bind_attack(py::module_& m);
void bind_ball(py::module_& m);
void bind_base_point(py::module_& m);
void bind_line(py::module_& m);
void bind_margins(py::module_& m);
void bind_masked_product(py::module_& m);
void bind_network(py::module_& m);
void bind_pattern(py::module_& m);
void bind_row_space(py::module_& m);
void bind_subdivision(py::module_& m);
void bind_worst(py::module_& m);

}  // namespace randrelu
