#pragma once
#include <nanobind/nanobind.h>

#include <memory>

namespace whence::python {

/// A callable that may be dropped on any thread: its last reference needs the interpreter's lock.
[[nodiscard]] std::shared_ptr<nanobind::object> shared(nanobind::object callable);

/// function: a Python callable as a Model.
void bind_function(nanobind::module_& module);

}  // namespace whence::python
