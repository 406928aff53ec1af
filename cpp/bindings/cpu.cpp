// Which x86-64 levels this processor and its operating system support. Plain C API, compiled for the
// oldest processor, because it runs before anything else is chosen.
#include <Python.h>

namespace {

PyObject* supported(PyObject*, PyObject*) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool v2 = __builtin_cpu_supports("ssse3") && __builtin_cpu_supports("sse4.1") &&
                  __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt");
  const bool v3 = v2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                  __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
  const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vl");
  PyObject* levels = PyList_New(0);
  const struct {
    const char* name;
    bool has;
  } all[] = {{"v4", v4}, {"v3", v3}, {"v2", v2}};
  for (const auto& level : all) {
    if (!levels || !level.has) continue;
    PyObject* name = PyUnicode_FromString(level.name);
    if (!name || PyList_Append(levels, name) < 0) Py_CLEAR(levels);
    Py_XDECREF(name);
  }
  return levels;
#else
  return PyList_New(0);
#endif
}

PyMethodDef methods[] = {
    {"supported", supported, METH_NOARGS, "The x86-64 levels that this machine runs, best first."},
    {nullptr, nullptr, 0, nullptr}};

PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_cpu", nullptr, -1, methods,
                          nullptr, nullptr, nullptr, nullptr};

}  // namespace

PyMODINIT_FUNC PyInit__cpu() { return PyModule_Create(&definition); }
