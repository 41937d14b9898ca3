#pragma once
// How little a baseline says by itself, and which of several says least.

#include <optional>
#include <string>

#include "whence/recipe/recipe.h"

namespace whence::recipe {

struct NeutralityFound {
    std::optional<Neutrality> neutrality;
    int64_t evaluations = 0;  ///< rows that the model was asked
};

/// Neutrality of a baseline (one row of the input's shape) for the output explained. Neutral are,
/// for classes, the mean probabilities over the background's rows where the subject has one, else
/// equal probabilities; for other outputs the mean answer to the background, in its standard
/// deviations. None where there is nothing to compare with. Runs the model on the baseline and, once
/// for each call, on up to 1000 rows of the background.
///
/// It tells how far the baseline's own prediction is from saying nothing, not whether the baseline
/// lies near the data: an input far from everything seen may get equal probabilities by luck.
[[nodiscard]] NeutralityFound neutrality(const Subject& subject, const Input& input,
                                         const Tensor& baseline, const std::string& output,
                                         const Run& run);

/// The most neutral of the baselines that fit this input, and how the others compare, in words.
struct BaselineChoice {
    std::string baseline, why;
    int64_t evaluations = 0;
};
/// Throws Error(unsupported) where neutrality cannot be told.
[[nodiscard]] BaselineChoice choose_baseline(const Subject& subject, const Input& input,
                                             const std::string& output, const Run& run);

}  // namespace whence::recipe
