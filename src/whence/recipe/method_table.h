#pragma once
// The rows of the table of methods, one part for each file.

#include <vector>

#include "whence/recipe/methods.h"

namespace whence::recipe {

[[nodiscard]] std::vector<MethodSpec> gradient_methods();
[[nodiscard]] std::vector<MethodSpec> cam_methods();
[[nodiscard]] std::vector<MethodSpec> attention_methods();
[[nodiscard]] std::vector<MethodSpec> perturbation_methods();
[[nodiscard]] std::vector<MethodSpec> shapley_methods();

}  // namespace whence::recipe
