#pragma once
#include <nanobind/nanobind.h>

namespace whence::python {

/// explain, replay and methods.
void bind_explain(nanobind::module_& module);

}  // namespace whence::python
