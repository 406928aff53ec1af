// What differs from module to module: the instruction set, and the name under which Python finds it.
#include <Python.h>

namespace randrelu {

const char* isa() { return RANDRELU_ISA; }

}  // namespace randrelu

extern "C" PyObject* PyInit__core();  // the one in module.cpp

PyMODINIT_FUNC RANDRELU_INIT() { return PyInit__core(); }
