#pragma once
#include <nanobind/nanobind.h>

namespace whence::python {

/// ClipPair: models of pictures and texts in one space. whence.clip is what people see.
void bind_clip(nanobind::module_& module);

}  // namespace whence::python
