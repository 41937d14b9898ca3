#pragma once
// A recipe is everything it takes to make an explanation, and to make it again.

#include <functional>

#include "whence/core/explanation.h"
#include "whence/recipe/input.h"
#include "whence/recipe/methods.h"

namespace whence::recipe {

/// Begins the name of a baseline that is one of a layer's features.
inline constexpr std::string_view features_prefix = "features:";

struct Recipe {
    std::string method = "integrated-gradients";
    std::string target = "top";  ///< as Target::parse reads it, with the subject's class names
    Scale scale = Scale::automatic;
    std::string baseline;         ///< see baseline_for; empty: the default for this kind of input
    /// Tensor whose features are explained; empty: the input, or for methods that need a layer the
    /// one that suggested_layers names first.
    std::string layer;
    std::vector<Option> options;  ///< those that differ from the method's defaults
    uint64_t seed = 0;
    std::optional<Tensor> segments;         ///< superpixels given directly
    /// LIME's, given directly (see whence::KernelFunction); none: its own. No file can hold it: such an
    /// explanation cannot be replayed.
    std::function<double(double distance, double width)> kernel;
    std::optional<Tensor> baseline_values;  ///< a baseline given directly, one row as the input;
                                            ///< then `baseline` is empty
};

/// The baseline a text names, for this input: zeros, model-zeros (what the model reads as zero),
/// value:V, mean (a picture's mean colour; a table's column means, categories: the most frequent),
/// blur:SIGMA, noise:LOW:HIGH, gaussian:SIGMA, or a file (.npy, .png, .jpg, .csv: its first row). A
/// set of inputs is a folder of pictures or a file of rows: mean:PATH is its mean, set:PATH:K its
/// row K, set:PATH all its rows, background all rows of the background (for methods that average
/// over baselines). Empty: mean for a table with a background, else zeros. With a layer also "features:" and one of zeros, value:V, or a
/// .npy file: the features of the layer directly.
[[nodiscard]] Baseline baseline_for(std::string_view text, const Subject& subject,
                                    const Input& input);

/// A method for those who name none: exact values where the model holds trees and what they need is
/// there, integrated gradients where it can be differentiated, else LIME, else occlusion. `why` in words; empty where it is the first of these.
struct MethodChoice {
    std::string method, why;
};
[[nodiscard]] MethodChoice default_method(const Subject& subject, const Input& input);

/// Makes the explanation and fills in where everything came from. Throws Error(usage), with the
/// nearest names, for a method, class, option or baseline that does not exist.
[[nodiscard]] Explanation explain(const Subject& subject, const Input& input, const Recipe& recipe,
                                  Run run);

/// Where the model of a saved explanation is now, if not where the explanation says. An endpoint is
/// asked only where it is named here: a file that came from elsewhere must not decide to which host
/// inputs are sent.
struct ModelNow {
    std::string path;          ///< file or URL; empty: as the explanation says
    remote::Options endpoint;  ///< how it is asked; the scale of its scores is the saved one
};

/// The model and input of a saved explanation, from the files it names.
struct Sources {
    Subject subject;
    Input input;
    std::vector<std::string> differences;  ///< files that are no longer the same, by their hash
};

/// Relative paths that lead nowhere are tried from `folder`, where the explanation was found.
/// Throws Error(usage) for an explanation of arrays in memory, which names no files, and for one of an
/// endpoint that `model` does not name.
[[nodiscard]] Sources reopen(const Explanation& saved, const std::filesystem::path& folder,
                             const Run& run, const ModelNow& model = {});

/// How a recomputed explanation compares with a saved one.
struct Replay {
    Explanation again;
    std::vector<std::string> differences;  ///< in words; empty: it is the same
    std::string unchecked;  ///< in words: what no hash could check; empty: nothing
    double largest_difference = 0;         ///< of any value, relative to the largest magnitude
};

/// Recomputes a saved explanation from the files it names (see reopen). A file that is no longer
/// the same, by its hash, is a difference, and so are values that differ by more than 1e-5 of the
/// largest.
[[nodiscard]] Replay replay(const Explanation& saved, Run run,
                            const std::filesystem::path& folder = {}, const ModelNow& model = {});

}  // namespace whence::recipe
