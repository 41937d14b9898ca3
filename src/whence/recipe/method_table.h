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
[[nodiscard]] std::vector<MethodSpec> tree_methods();
[[nodiscard]] std::vector<MethodSpec> tree_search_methods();
[[nodiscard]] std::vector<MethodSpec> counterfactual_methods();
[[nodiscard]] std::vector<MethodSpec> rule_methods();

/// The option of methods that end in good order, with what is there, when their time is over.
[[nodiscard]] OptionSpec seconds_option();

/// The model's top class for each of `rows`.
[[nodiscard]] std::vector<int64_t> background_labels(const Task& task, const Model& model,
                                                     const Tensor& rows);

}  // namespace whence::recipe
