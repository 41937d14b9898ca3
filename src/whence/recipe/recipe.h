#pragma once
// A recipe is everything it takes to make an explanation, and to make it again.

#include "whence/core/explanation.h"
#include "whence/recipe/input.h"
#include "whence/recipe/methods.h"

namespace whence::recipe {

struct Recipe {
    std::string method = "integrated-gradients";
    std::string target = "top";        ///< as Target::parse reads it, with the subject's class names
    Scale scale = Scale::automatic;
    std::string baseline;              ///< see baseline_for; empty: the default for this kind of input
    std::vector<Option> options;       ///< those that differ from the method's defaults
    uint64_t seed = 0;
    std::optional<Tensor> segments;    ///< superpixels given directly
};

/// The baseline a text names, for this input: zeros, model-zeros (what the model reads as zero), value:V,
/// mean (a picture's mean colour; a table's column means, categories: the most frequent), blur:SIGMA,
/// noise:LOW:HIGH, or a file (.npy, .png, .jpg, .csv: its first row). Empty: mean for a table with a
/// background, else zeros.
[[nodiscard]] Baseline baseline_for(std::string_view text, const Subject& subject, const Input& input);

/// Makes the explanation and fills in where everything came from.
[[nodiscard]] Explanation explain(const Subject& subject, const Input& input, const Recipe& recipe, Run run);

/// How a recomputed explanation compares with a saved one.
struct Replay {
    Explanation again;
    std::vector<std::string> differences;  ///< in words; empty: it is the same
    double largest_difference = 0;         ///< of any value, relative to the largest magnitude
};

/// Recomputes a saved explanation from the files it names. A file that is no longer the same, by its
/// hash, is a difference, and so are values that differ by more than 1e-5 of the largest. Throws
/// Error(usage) for an explanation of arrays in memory: it names no files.
[[nodiscard]] Replay replay(const Explanation& saved, Run run);

}  // namespace whence::recipe
