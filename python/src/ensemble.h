#pragma once
// Tree ensembles from memory: bytes as a library saves them, or arrays of nodes.

#include <nanobind/nanobind.h>

namespace whence::python {

/// load_ensemble.
void bind_ensemble(nanobind::module_& module);

}  // namespace whence::python
