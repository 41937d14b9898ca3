#pragma once
// Options that methods of counterfactuals share.

#include <memory>
#include <vector>

#include "whence/counterfactual/counterfactual.h"
#include "whence/recipe/methods.h"

namespace whence::recipe {

[[nodiscard]] Wanted wanted_of(const Task& task);
/// `rows`: the background, in which one-hot columns are looked for; it may have none.
[[nodiscard]] Constraints constraints_of(const Task& task, const Tensor& rows);
/// Throws Error(usage) where the input is no row of a table.
void need_row(const Task& task, const char* method);
/// The options of what is wanted and what may change, before a method's own.
[[nodiscard]] std::vector<OptionSpec> with_common(std::vector<OptionSpec> own);

}  // namespace whence::recipe
