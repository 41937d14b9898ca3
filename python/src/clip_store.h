#pragma once
#include <nanobind/nanobind.h>

namespace whence::python {

/// whence.clip.Store and index.
void bind_clip_store(nanobind::module_& module);

}  // namespace whence::python
