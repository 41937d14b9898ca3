#pragma once
#include <nanobind/nanobind.h>

namespace whence::python {

/// load and Model.
void bind_model(nanobind::module_& module);

}  // namespace whence::python
