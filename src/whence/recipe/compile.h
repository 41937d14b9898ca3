#pragma once
// An explanation as an ONNX file, from the names that users give.

#include <string>

#include "whence/recipe/recipe.h"

namespace whence::recipe {

/// The bytes of the ONNX file (see compile/compile.h). Of the recipe method, target, scale, baseline,
/// layer, options and seed count; the options are the method's own as in explain, with `steps` and
/// `rule` for integrated-gradients (50 steps where none are given: a file cannot choose them itself)
/// and `absolute`, `samples`, `noise`.
///
/// The baseline must not depend on the input: zeros, model-zeros, value:V, noise, a file, and for
/// tables the background's mean. Throws Error(usage) otherwise.
[[nodiscard]] std::string compile_model(const Subject& subject, const Recipe& recipe, const Run& run);

}  // namespace whence::recipe
