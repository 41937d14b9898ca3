#pragma once
// One function for each view. Private to this folder.

#include "whence/global/task.h"
#include "whence/recipe/global.h"

namespace whence::recipe {

struct ViewTask {
    const global::Task& task;  ///< of the sampled rows
    const std::vector<int64_t>& features;
    const std::vector<int64_t>& sample;      ///< row numbers in the table
    const std::vector<std::string>& labels;  ///< of the sampled rows
    const std::vector<std::string>& classes;
    const OptionValues& options;
    const Run& run;
    std::vector<std::string>& notes;
};
using Result = decltype(GlobalView::result);

struct ViewRow {
    ViewSpec spec;
    Result (*make)(const ViewTask&);
    bool asks_apart = false;  ///< moves features independently of each other: dependence misleads
};
[[nodiscard]] const std::vector<ViewRow>& view_rows();

}  // namespace whence::recipe
