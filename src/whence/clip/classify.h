#pragma once
// Labels in words: which one fits a picture best, which of them are in it.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "whence/clip/pair.h"

namespace whence::clip {

/// The label in place of "{}". Throws Error(usage) for a prompt without it.
[[nodiscard]] std::string prompted(std::string_view label, std::string_view prompt);

/// Embeddings of labels, float32 [K, width], rows of length 1: of several prompts the mean of their
/// embeddings, brought to length 1 again (Radford et al. 2021, section 3.1.4).
struct Labels {
    std::vector<std::string> names;
    std::vector<std::string> prompts;
    Tensor embeddings;
    std::vector<std::string> cut;  ///< texts longer than the context, whose end was not read
};
inline constexpr std::string_view default_prompt = "a photo of a {}";
/// Throws Error(usage) where there are no labels or no prompts, one is empty or stands twice.
[[nodiscard]] Labels embed_labels(const Pair& pair, std::vector<std::string> names,
                                  std::vector<std::string> prompts, const Run& run = {});

/// What the scores of labels are turned into.
enum class Measure {
    confidence,  ///< of the labels that compete: softmax (of SigLIP each label's own sigmoid)
    presence,    ///< of each label alone: sigmoid(score - score of a text that names nothing); SigLIP: sigmoid(score)
    cosine,
};
/// "confidence", "presence", "cosine".
[[nodiscard]] std::string_view name(Measure measure);
/// Throws Error(usage) naming them.
[[nodiscard]] Measure parse_measure(std::string_view text);

/// The text that names nothing, for `presence`: a choice of ours, nearer to calibrated the more the model
/// was trained on captions that begin so.
inline constexpr std::string_view default_nothing = "a photo of a";

struct JudgeOptions {
    Measure measure = Measure::confidence;
    std::string nothing{default_nothing};
};

/// Says of embedded pictures how well each label fits.
class Judge {
  public:
    using Options = JudgeOptions;
    /// `pair` must outlive it.
    Judge(const Pair& pair, Labels labels, Options options = {}, const Run& run = {});

    [[nodiscard]] const Labels& labels() const { return labels_; }
    [[nodiscard]] const Options& options() const { return options_; }
    /// [n, K] of pictures [n, width], rows of length 1: in [0, 1], cosines in [-1, 1]. Of a row of zeros
    /// (a picture that could not be read) NaN.
    [[nodiscard]] std::vector<double> measure(const Tensor& pictures) const;

  private:
    const Pair& pair_;
    Labels labels_;
    Options options_;
    Tensor nothing_;  // [1, width]; empty where it is not needed
};

/// What a set of pictures is told apart into: each picture with the labels at or above the threshold.
struct Found {
    std::vector<size_t> labels;  ///< the strongest first
    bool readable = true;
};
[[nodiscard]] std::vector<Found> above(std::span<const double> measures, size_t labels, double threshold);

}  // namespace whence::clip
