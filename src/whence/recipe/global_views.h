#pragma once
// One function for each view. Private to this folder.

#include "whence/global/task.h"
#include "whence/recipe/global.h"

namespace whence::recipe {

struct ViewTask {
    const global::Task& task;  ///< of the sampled rows
    const Subject& subject;
    const GlobalRequest& request;
    ResolvedTarget& target;  ///< what is looked at: the task's, where a view looks at nothing else
    const std::vector<int64_t>& features;
    const std::vector<int64_t>& sample;      ///< row numbers in the table
    const std::vector<std::string>& labels;  ///< of the sampled rows
    const std::vector<std::string>& classes;
    const OptionValues& options;
    const Run& run;
    std::vector<std::string>& notes;
};
/// The labels as numbers: names of classes, where `classes` and all are such, as their places.
/// Throws Error(input) for another text.
[[nodiscard]] std::vector<double> numbers_of(const ViewTask& view, bool classes);

using Result = decltype(GlobalView::result);

struct ViewRow {
    ViewSpec spec;
    Result (*make)(const ViewTask&);
    bool asks_apart = false;  ///< moves features independently of each other: dependence misleads
};
[[nodiscard]] const std::vector<ViewRow>& view_rows();
[[nodiscard]] ViewRow tree_importance_row();

}  // namespace whence::recipe
