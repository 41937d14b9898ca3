#pragma once
// Counterfactuals as lines: what each gets, and its changes from the input.

#include <string>
#include <vector>

#include "whence/render/chart.h"

namespace whence::render {

/// "1. benign (target 0.12): 2 changes, distance 1.31 (the data: 2.4)"; one that is
/// not valid says so.
[[nodiscard]] std::string change_headline(const Counterfactuals& all, size_t number);

struct ChangeLine {
    std::string name, change;  ///< cleaned: "worst radius", "17.99 -> 15.2"
};
/// The first `most` changes, and a line that counts the rest.
[[nodiscard]] std::vector<ChangeLine> change_lines(const Counterfactual& one, size_t most,
                                                   const std::string& arrow);

/// All counterfactuals below each other, each with its changes; the facts stand above, remarks
/// below. `options.top` is the number of changes shown of each.
[[nodiscard]] std::vector<std::byte> changes_chart(const Explanation& explanation,
                                                   const ChartOptions& options = {});

}  // namespace whence::render
