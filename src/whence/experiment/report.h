#pragma once
// A ledger as a document: every number and every sentence about one is made from the rows by rule.

#include <string>
#include <vector>

#include "whence/core/run.h"
#include "whence/experiment/figures.h"
#include "whence/experiment/rows.h"

namespace whence::experiment {

struct Document {
    std::string markdown;
    std::vector<Figure> figures;  ///< the text names them as folder/file
};

struct ReportOptions {
    std::string folder;  ///< of the figures, as the text names it
    int64_t resamples = 2000, permutations = 2000;
    std::string command;  ///< that made the document
};

/// `main` is what conclusions are drawn from; `others` stand beside it, each with a section of its
/// own. Throws Error(input) where a ledger has no whole iteration.
[[nodiscard]] Document report(const Study& main, const std::vector<Study>& others,
                              const ReportOptions& options, const Run& run);

}  // namespace whence::experiment
