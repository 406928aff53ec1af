// Which x86-64 levels this processor and its operating system support. Plain C API, compiled for the
// oldest processor, because it runs before anything else is chosen.
#include <Python.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace {

PyObject* supported(PyObject*, PyObject*) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool v2 = __builtin_cpu_supports("ssse3") && __builtin_cpu_supports("sse4.1") &&
                  __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt");
  // What level 3 has and __builtin_cpu_supports() of older compilers cannot tell.
  constexpr unsigned kMovbe = 1u << 22, kF16c = 1u << 29, kLzcnt = 1u << 5;
  unsigned a = 0, b = 0, basic = 0, extended = 0, d = 0;
  __get_cpuid(1, &a, &b, &basic, &d);
  __get_cpuid(0x80000001u, &a, &b, &extended, &d);
  const bool rest = (basic & kMovbe) && (basic & kF16c) && (extended & kLzcnt);
  const bool v3 = v2 && rest && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
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

PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_cpu", nullptr, -1, methods, nullptr, nullptr, nullptr, nullptr};

}  // namespace

PyMODINIT_FUNC PyInit__cpu() { return PyModule_Create(&definition); }
