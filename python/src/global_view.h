#pragma once
#include <nanobind/nanobind.h>

namespace whence::python {

/// global_view and GlobalView.
void bind_global_view(nanobind::module_& module);

}  // namespace whence::python
