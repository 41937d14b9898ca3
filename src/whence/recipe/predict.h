#pragma once
// What the model says about an input, in words and numbers a person reads.

#include <string>
#include <vector>

#include "whence/recipe/input.h"

namespace whence::recipe {

/// Runs the model on one input, a table's row through the adaptor for columns.
[[nodiscard]] Batch predict(const Subject& subject, const Input& input, const Run& run);

struct Scores {
    std::string output;    ///< its name
    bool classes = false;  ///< probabilities of classes; else numbers as the model returns them
    bool softmax = false;  ///< the model returns logits; the probabilities are their softmax
    std::vector<double> values;  ///< one for each class or element of the row
};

/// The row's scores of `output` (empty: the first of floating-point numbers, which is what is
/// explained by default).
[[nodiscard]] Scores scores_of(const Subject& subject, const Batch& outputs,
                               const std::string& output = "");

/// Name and value of the `top` largest scores, largest first.
struct NamedScore {
    std::string name;
    double value = 0;
    int64_t index = 0;
};
[[nodiscard]] std::vector<NamedScore> largest(const Subject& subject, const Scores& scores,
                                              int64_t top);

}  // namespace whence::recipe
