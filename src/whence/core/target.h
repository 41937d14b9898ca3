#pragma once
// Which scalar of the model is explained.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "whence/core/batch.h"

namespace whence {

class Model;
struct Run;

/// In which units a class score is read. `raw` is what the model returns, whatever that is.
/// Of a model that returns probabilities the logit is the tensor before its final Softmax (or
/// Sigmoid); of one that returns logits the probability is their softmax.
enum class Scale { automatic, raw, logit, probability, log_probability };

[[nodiscard]] std::string_view name(Scale scale);
/// Throws Error(usage) naming the choices.
[[nodiscard]] Scale parse_scale(std::string_view text);

/// What the user asks for. Nothing set: the class with the highest score of the first output that
/// holds numbers, in the method's default scale.
struct Target {
    std::string output;            ///< empty: the first output of floating-point numbers
    std::optional<int64_t> index;  ///< class or element; none: the top class of this input
    std::optional<int64_t> minus;  ///< explain score[index] - score[minus]
    Scale scale = Scale::automatic;

    /// "top", "3", "3-5" (difference), or a class name of `labels`; "OUTPUT:..." picks an output.
    /// Throws Error(usage) for a class that does not exist.
    static Target parse(std::string_view text, std::span<const std::string> labels);
};

/// A Target after it met a model and an input: nothing left open. Stored in the result.
struct ResolvedTarget {
    std::string output;
    int64_t index = 0;
    std::optional<int64_t> minus;
    Scale scale = Scale::raw;
    Scale output_scale = Scale::raw;  ///< scale in which the model returns that output
    int64_t classes = 1;              ///< elements per row of that output
};

/// Runs the model on the one row of `input` if the top class is wanted, and settles every choice.
/// `preferred` replaces Scale::automatic: the method's own default. Throws Error(usage) for an
/// output or class that does not exist.
[[nodiscard]] ResolvedTarget resolve(const Target& target, const Model& model, const Batch& input,
                                     Scale preferred, const Run& run);

/// The target's value for every row of `outputs` (what Model::predict returned).
/// For probability: softmax in double over logits; for logit of a probability p among more than
/// one class: log p (the softmax's logit up to a constant of the row), with one class log(p/(1-p)).
[[nodiscard]] std::vector<double> target_values(const ResolvedTarget& target, const Batch& outputs);

/// One row of scores of the given output, converted to `scale`: what `predict` shows.
[[nodiscard]] std::vector<double> convert_scores(std::span<const double> scores, Scale from, Scale to);

}  // namespace whence
