#pragma once
// What a model does over a whole table: the table of views, and how one is made.

#include "whence/core/global_view.h"
#include "whence/recipe/methods.h"

namespace whence::recipe {

struct ViewSpec {
    std::string name;
    std::string summary;  ///< one line
    std::vector<OptionSpec> options;
    /// Looks at features one by one, so that some may be named.
    bool by_feature = true;
};
[[nodiscard]] const std::vector<ViewSpec>& views();
/// Throws Error(usage) naming the views there are.
[[nodiscard]] const ViewSpec& find_view(std::string_view name);

/// Rows as the subject reads them.
struct TableInput {
    Schema schema;
    Tensor rows;                      ///< float64 [rows, columns]
    std::vector<std::string> labels;  ///< of each row, as written; empty: none are known
    std::filesystem::path path;       ///< empty for rows in memory
    std::string sha256;
};
/// A CSV; `label` names its column of labels, or is empty. Throws as Subject::read_table, and
/// Error(usage) for a column that is not there.
[[nodiscard]] TableInput read_table_input(const Subject& subject, const std::filesystem::path& path,
                                          const std::string& label = "");
/// Rows in memory, [rows, columns], with the schema of the subject's background, the names its
/// preprocessing gives, or "column 0", "column 1", ...
[[nodiscard]] TableInput table_input(const Subject& subject, Tensor rows);

struct GlobalRequest {
    std::string view;
    std::vector<std::string> features;  ///< empty: all
    std::string target = "top";         ///< as in Recipe; top: the top class of the first row
    Scale scale = Scale::automatic;     ///< automatic: probability, or as the model returns it
    std::vector<Option> options;        ///< those that differ from the view's defaults
    uint64_t seed = 0;
};

/// Throws Error(usage), with the nearest names, for a view, feature, class or option that does not
/// exist, and for more than 100 columns to go through one by one with none named.
[[nodiscard]] GlobalView global_view(const Subject& subject, const TableInput& table,
                                     const GlobalRequest& request, Run run);

}  // namespace whence::recipe
