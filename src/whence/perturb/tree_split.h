#pragma once
// The best split of some rows by one column. Private to this folder.

#include "whence/perturb/tree.h"

namespace whence::perturb {

struct SplitFound {
    double gain = 0;  ///< by how much the weighted sum of squares lessens; 0: there is no split
    Condition left_if;
};

[[nodiscard]] SplitFound best_split(const Answers& answers, const std::vector<int64_t>& rows,
                                    int64_t feature, int64_t min_rows);

}  // namespace whence::perturb
