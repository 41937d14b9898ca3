#pragma once
#include <nanobind/nanobind.h>

namespace whence::python {

/// Makes whence.Error and its kinds, and turns every whence::Error that reaches Python into one.
void bind_errors(nanobind::module_& module);

}  // namespace whence::python
