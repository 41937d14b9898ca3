#pragma once
// Columns of a table that are one feature. Private to this folder.

#include "whence/core/schema.h"
#include "whence/recipe/methods.h"

namespace whence::recipe {

/// The option "groups" of methods that explain tables.
[[nodiscard]] OptionSpec groups_option();

/// "sex: sex_f, sex_m; age_young, age_old": groups parted by semicolons, each with a name or named
/// by its columns, columns by name or number. Throws Error(usage), with the nearest name, for a
/// column that is not there.
[[nodiscard]] std::vector<ColumnGroup> parse_groups(const std::string& text, const Schema& schema);

}  // namespace whence::recipe
