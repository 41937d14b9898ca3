#pragma once
#include <nanobind/nanobind.h>

#include <string>

#include "whence/core/explanation.h"

namespace whence::python {

/// "max_depth" -> "max-depth".
[[nodiscard]] std::string hyphens(std::string name);
/// A keyword argument as an option. Throws Error(usage) for what is neither bool, number nor text.
[[nodiscard]] Option to_option(const std::string& name, nanobind::handle value);

/// explain, replay and methods.
void bind_explain(nanobind::module_& module);

}  // namespace whence::python
