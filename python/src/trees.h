#pragma once
#include <nanobind/nanobind.h>

namespace whence::python {

/// tree_shap.
void bind_trees(nanobind::module_& module);

}  // namespace whence::python
