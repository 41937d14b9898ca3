#pragma once
// Does the explanation depend on what the model has learned, and on what it is asked about?
//
// An explanation that stays the same when the weights are drawn at random, or for another class,
// does not explain the model. All judge method and model together.

#include <string>
#include <string_view>
#include <vector>

#include "whence/metrics/explainer.h"
#include "whence/metrics/questions.h"

namespace whence::metrics {

enum class LayerOrder {
    top_down,     ///< the last layer, then the last two, ... (cascading; Adebayo et al. 2018)
    bottom_up,    ///< the first layer, then the first two, ...
    independent,  ///< one layer at a time, from the first
};
/// "top-down", "bottom-up", "independent".
[[nodiscard]] std::string_view name(LayerOrder order);
/// Throws Error(usage) naming the choices.
[[nodiscard]] LayerOrder parse_layer_order(std::string_view text);

/// Which of `layers` layers (0: the first that runs) are randomised at each step.
[[nodiscard]] std::vector<std::vector<int64_t>> randomisation_steps(int64_t layers,
                                                                    LayerOrder order);

/// The model with those layers drawn anew. Made once for each step, for all inputs, and let go of
/// after it.
using Randomise = std::function<std::shared_ptr<const Model>(const std::vector<int64_t>& layers)>;

struct MprtOptions {
    LayerOrder order = LayerOrder::top_down;
    bool absolute = true;  ///< compare |values|: signs of gradients flip with the weights
};

/// Model parameter randomisation test (Adebayo et al. 2018, "Sanity checks for saliency maps"):
/// Spearman's correlation of the explanation with that of the model whose layers are randomised
/// step by step. The curve has it after each step; the value is its mean. In [-1, 1]; lower is
/// better, 0 is independence. A step at which an explanation is constant has none (NaN in the
/// curve) and is left out of the mean. The original model is no step. Throws Error(unsupported) for
/// a model without layers. Cost: steps + 1 explanations of each input, in one call for each model.
[[nodiscard]] std::vector<Score> mprt(const Explainer& original, const ExplainerOf& explain,
                                      const Randomise& randomise, int64_t layers,
                                      const Batch& inputs, const MprtOptions& options,
                                      const Run& run);

struct SmoothMprtOptions {
    LayerOrder order = LayerOrder::bottom_up;
    bool absolute = true;
    int64_t samples = 50;      ///< noisy copies of each input, at least 1
    double noise_level = 0.1;  ///< standard deviation of the noise over the range of the input
};

/// The same between explanations averaged over noisy copies of the input, `absolute` taken before
/// the average (Hedström et al. 2024, "Sanity checks revisited", sMPRT). Copy s of input i is the
/// same for every model. Cost: (steps + 1) * samples explanations of each input.
[[nodiscard]] std::vector<Score> smooth_mprt(const Explainer& original, const ExplainerOf& explain,
                                             const Randomise& randomise, int64_t layers,
                                             const Batch& inputs, const std::string& input_name,
                                             const SmoothMprtOptions& options, const Run& run);

struct EfficientMprtOptions {
    int64_t bins = 100;  ///< of the histogram of values, at least 2
};

/// (H(randomised) - H(original)) / H(original), H the entropy of the histogram of the values
/// between their smallest and largest, the model with all its layers randomised at once (the same
/// paper, eMPRT). Higher is better: a random model deserves a more complex explanation. Not defined
/// where the explanation has entropy 0. Cost: 2 explanations of each input.
[[nodiscard]] std::vector<Score> efficient_mprt(
    const Explainer& original, const ExplainerOf& explain, const Randomise& randomise,
    int64_t layers, const Batch& inputs, const EfficientMprtOptions& options, const Run& run);

/// Entropy in nats of the histogram of `values` in equal bins from their smallest to their largest;
/// 0 where all are equal. In [0, ln bins].
[[nodiscard]] double histogram_entropy(std::span<const double> values, int64_t bins);

/// Spearman's correlation of the explanation of each input's class with that of another one (Sixt,
/// Granz, Landgraf 2020, "When explanations lie"). In [-1, 1], lower is better. `other`: the same
/// method for the other class. Cost: 2 explanations of each input.
[[nodiscard]] std::vector<Score> random_logit(const Explainer& original, const Explainer& other,
                                              const Batch& inputs, const Run& run);

/// A class other than `of` among `classes`, drawn for input `row` by the seed. Throws
/// Error(unsupported) where there is only one.
[[nodiscard]] int64_t other_class(int64_t of, int64_t classes, int64_t row, uint64_t seed);

struct InputInvarianceOptions {
    double shift = 1;         ///< added to every number of the input; not 0
    double tolerance = 1e-3;  ///< of the largest |value|, 0 or more
};

/// 1 where the explanation stays the same when all inputs are shifted and the first layer's bias
/// takes it back, so that the model answers as before, else 0 (Kindermans et al. 2019, "The
/// (un)reliability of saliency methods"). The curve is the largest change of a value over the
/// largest |value|. `shifted` explains the model that takes the shift back (graph::shift_input).
/// Cost: 2 explanations of each input.
[[nodiscard]] std::vector<Score> input_invariance(const Explainer& original,
                                                  const Explainer& shifted, const Batch& inputs,
                                                  const std::string& input_name,
                                                  const InputInvarianceOptions& options,
                                                  const Run& run);

}  // namespace whence::metrics
