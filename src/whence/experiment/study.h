#pragma once
// Runs a study: trainings side by side, their rows in one order.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "whence/core/run.h"
#include "whence/experiment/spec.h"

namespace whence::experiment {

/// One training: rows come unit by unit in this order, data set first, fold fastest.
struct Unit {
    int64_t data_set = 0, architecture = 0, iteration = 0, fold = 0;  ///< positions in the spec
};
[[nodiscard]] std::vector<Unit> units_of(const Spec& spec);

struct Outcome {
    int64_t units = 0;                                   ///< all of the study
    int64_t found = 0;                                   ///< of them in the ledger before
    double seconds = 0;                                  ///< of this call
    double training = 0, explaining = 0, measuring = 0;  ///< seconds of one core, this call
};

/// Runs `spec` on the data sets below `data` and writes its rows to the ledger at `ledger`, or
/// continues one that was begun. run.seed does not matter: the spec has one.
///
/// Each training, with the explanations of its epochs, is one thread's work; run.threads of them
/// run at once. Rows are written when all before them are, so a ledger is the same bytes for any
/// number of threads and however often it was continued. Seconds are no part of it: they go to a
/// file of the ledger's name with ".seconds" added, one line for each training.
///
/// run.progress counts trainings. Throws Error(input) where data do not fit the spec, or where rows
/// of a training that was cut short are not those that come out now (another machine or build);
/// Error(interrupted) and OutOfReach(limit) as run demands, with all finished rows written; and as
/// Ledger.
Outcome run_study(const Spec& spec, const std::filesystem::path& data,
                  const std::filesystem::path& ledger, const Run& run);

}  // namespace whence::experiment
