#pragma once
#include <nanobind/nanobind.h>

namespace whence::python {

/// function: a Python callable as a Model.
void bind_function(nanobind::module_& module);

}  // namespace whence::python
