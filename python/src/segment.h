#pragma once
#include <nanobind/nanobind.h>

namespace whence::python {

/// segment.
void bind_segment(nanobind::module_& module);

}  // namespace whence::python
