#pragma once
// What the rows of gradient methods share.

#include "whence/recipe/features.h"
#include "whence/recipe/method_table.h"

namespace whence::recipe {

// Further parts of gradient_methods(), one for each file.
[[nodiscard]] std::vector<MethodSpec> random_methods();
[[nodiscard]] std::vector<MethodSpec> path_methods();
[[nodiscard]] std::vector<MethodSpec> layer_methods();

[[nodiscard]] inline int64_t whole(const Task& task, std::string_view option) {
    return task.options.get<int64_t>(option);
}
[[nodiscard]] inline double number(const Task& task, std::string_view option) {
    return task.options.get<double>(option);
}

/// Explains the input, or the features of a layer, with the method that `make` returns for them.
template <class Make>
[[nodiscard]] Explanation explain_features(const Task& task, const Make& make) {
    const Features of(task);
    return of.name(make(of).explain(of.input(), task.target, task.run));
}

/// Integrated gradients goes by two names: with any layer, and with the layer required.
[[nodiscard]] Explanation integrated_gradients(const Task& task);
[[nodiscard]] std::vector<OptionSpec> integrated_gradients_options();

[[nodiscard]] inline OptionSpec steps_option(int64_t steps) {
    return {{"steps", steps}, "gradient evaluations along the path"};
}
[[nodiscard]] inline OptionSpec rule_option() {
    return {{"rule", std::string("midpoint")}, "fixed rule: midpoint, gauss-legendre or trapezoid"};
}

}  // namespace whence::recipe
