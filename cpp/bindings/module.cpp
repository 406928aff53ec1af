// The module: what it was built for and with, and how Ctrl-C reaches it.
#include <atomic>
#include <memory>
#include <utility>

#include "base/threads.hpp"
#include "bindings/arrays.hpp"
#include "layers/product.hpp"
#include "random/gaussian.hpp"

#define RANDRELU_QUOTE(x) #x
#define RANDRELU_TEXT(x) RANDRELU_QUOTE(x)

namespace randrelu {

const char* isa();  // in isa.cpp

namespace {

unsigned long main_thread = 0;

// What tells threads that work for another one to stop: Ctrl-C never reaches them.
struct Stop {
  std::atomic<bool> is_set{false};
};
thread_local std::shared_ptr<const Stop> heeded;

// Runs Python's signal handlers; the exception that one raises stays set until the call returns. Only
// the main thread may: Python handles signals nowhere else, and ends another thread that asks for the
// GIL while the interpreter shuts down.
bool python_wants_to_stop() {
  if (PyThread_get_thread_ident() != main_thread) return heeded && heeded->is_set;
  const py::gil_scoped_acquire gil;
  return PyErr_CheckSignals() != 0;
}

void translate_interrupt(std::exception_ptr p) {
  try {
    if (p) std::rethrow_exception(p);
  } catch (const Interrupted&) {
    if (!PyErr_Occurred()) PyErr_SetNone(PyExc_KeyboardInterrupt);
  }
}

void fill_normals(std::uint64_t seed, std::uint32_t layer, std::uint64_t first, Array<float>& out) {
  normals({seed, Purpose::weights, layer}, 1.0f, first, out.size(), out.mutable_data());
}

py::dict build_info() {
  py::dict info;
  info["isa"] = isa();
  info["eigen"] = eigen_version();
#if defined(__clang__)
  info["compiler"] = "clang " RANDRELU_TEXT(__clang_major__) "." RANDRELU_TEXT(__clang_minor__);
#elif defined(__GNUC__)
  info["compiler"] = "gcc " RANDRELU_TEXT(__GNUC__) "." RANDRELU_TEXT(__GNUC_MINOR__);
#else
  info["compiler"] = "unknown";
#endif
  return info;
}

}  // namespace
}  // namespace randrelu

PYBIND11_MODULE(_core, m) {
  using namespace randrelu;
  m.doc() = "The compiled core of randrelu. Use the randrelu package, which checks what it passes.";
  main_thread =
      py::module_::import("threading").attr("main_thread")().attr("ident").cast<unsigned long>();
  set_interrupt_check(python_wants_to_stop);
  run_forked_children_on_one_thread();
  py::register_local_exception_translator(translate_interrupt);
  py::class_<Stop, std::shared_ptr<Stop>>(m, "Stop")
      .def(py::init<>())
      .def("set", [](Stop& stop) { stop.is_set = true; })
      .def("heed", [](std::shared_ptr<Stop> stop) { heeded = std::move(stop); })
      .def_property_readonly("is_set", [](const Stop& stop) { return stop.is_set.load(); });
  m.def("build_info", build_info);
  m.def("thread_count", thread_count, py::arg("threads"));
  m.def("philox4x32", philox4x32, py::arg("counter"), py::arg("key"));
  m.def("fill_normals", fill_normals, py::arg("seed"), py::arg("layer"), py::arg("first"),
        py::arg("out").noconvert());
  bind_attack(m);
  bind_ball(m);
  bind_base_point(m);
  bind_line(m);
  bind_margins(m);
  bind_masked_product(m);
  bind_network(m);
  bind_pattern(m);
  bind_row_space(m);
  bind_subdivision(m);
  bind_worst(m);
}
