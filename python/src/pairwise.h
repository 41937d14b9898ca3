#pragma once
#include <nanobind/nanobind.h>

namespace whence::python {

/// PairwiseExplanation and pairwise.
void bind_pairwise(nanobind::module_& module);

}  // namespace whence::python
