#pragma once
#include <nanobind/nanobind.h>

namespace whence::python {

void bind_score_card(nanobind::module_& module);

}  // namespace whence::python
