// The array types of every binding, named once. Python hands over C-contiguous arrays of the right
// dtype; nothing is converted here.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <vector>

#include "types.hpp"

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

void bind_network(py::module_& m);
void bind_pattern(py::module_& m);

}  // namespace randrelu
