#pragma once
// What the rows of a study say, and how sure that is: correlations with intervals and p-values that
// know which rows belong together.
//
// Epochs of a training are not independent, nor are the folds of an iteration, which share objects
// and coalitions and most of their training pictures. Iterations are: each draws everything anew.
// So the bootstrap draws whole iterations, and permutations move whole trainings or, within a
// training, epochs.

#include <cstdint>
#include <vector>

#include "whence/core/run.h"

namespace whence::experiment {

/// One quantity of all trainings: [iterations][folds][epochs].
struct Series {
    int64_t iterations = 0, folds = 0, epochs = 0;
    std::vector<double> values;
};

/// Which rows are looked at.
enum class Scope {
    all_epochs,         ///< every epoch of every training: most of it is training time
    within_epochs,      ///< the same with each epoch's mean taken out: what training time leaves
    within_iterations,  ///< all with each iteration's mean taken out: what its objects do not
                        ///< decide
    final_epoch,        ///< the last epoch of each training
};
[[nodiscard]] const char* name(Scope scope);

struct Correlation {
    double value = 0;          ///< NaN where one side is constant or not known everywhere
    double low = 0, high = 0;  ///< of the 95 % interval; NaN where there is none
    double p = 1;              ///< two-sided; NaN where it was not asked for
    int64_t rows = 0;

    [[nodiscard]] bool above_zero() const { return low > 0; }
    [[nodiscard]] bool below_zero() const { return high < 0; }
};

struct Inference {
    int64_t resamples = 2000;     ///< of the bootstrap
    int64_t permutations = 2000;  ///< 0: no p-value
    bool ranks = false;           ///< Spearman's instead of Pearson's
};

/// Correlation of `a` and `b`, the same trainings of both.
///
/// Interval: percentiles of the bootstrap over iterations (Efron 1979; whole clusters: Davison,
/// Hinkley 1997, section 3.8). With few iterations it is somewhat too short; none for fewer than 5.
///
/// p: the share of permutations of b, plus one, whose |correlation| is at least as large.
/// all_epochs and within_iterations: epochs change places within each iteration, the same for all
/// its folds: "what training time does to both is nothing". The others: whole trainings change
/// places, iterations among themselves and folds within their iteration: "which training it was
/// says nothing". Deterministic by run.seed.
[[nodiscard]] Correlation correlate(const Series& a, const Series& b, Scope scope,
                                    const Inference& options, const Run& run);

/// Mean and its 95 % interval by the same bootstrap, of the last epochs.
struct Mean {
    double value = 0, low = 0, high = 0, deviation = 0;  ///< deviation: standard, of all rows
};
[[nodiscard]] Mean mean_of(const Series& series, Scope scope, int64_t resamples, const Run& run);

}  // namespace whence::experiment
