#pragma once
// MeGe and ReCo of a way of training and explaining (Fel, Vigouroux, Cadène, Serre 2022, "How good
// is your explanation? Algorithmic stability measures to assess the quality of explanations for
// deep neural networks", arXiv 2009.04521; in what the paper leaves open, as the first author's
// library xplique).
//
// k models are trained, each without one of k equal folds of the data; two models should explain an
// input alike where both are right, and differently where only one is.

#include <cstdint>
#include <span>
#include <vector>

#include "whence/core/run.h"
#include "whence/metrics/distances.h"

namespace whence::metrics {

/// What k models say of n inputs; fold f holds inputs [f n/k, (f + 1) n/k) and model f has not seen
/// it.
struct Folds {
    int64_t models = 0, inputs = 0, features = 0;
    /// [models][inputs][features]: each model's explanation of the true class.
    std::span<const double> explanations;
    /// [models][inputs]: 1 where the model predicts the true class.
    std::span<const uint8_t> correct;
};

struct FoldPairs {
    std::vector<double> agree;     ///< S=: both models right
    std::vector<double> disagree;  ///< S!=: one of the two right
    int64_t skipped = 0;           ///< pairs without a distance (something constant)
};

/// Distances sqrt(1 - |Spearman|) of pairs of models for inputs that exactly one of the two has
/// seen; inputs that both get wrong are left out. Throws Error(input) for fewer than 2 models,
/// inputs that k does not divide, lengths that do not fit, or a value that is not finite.
[[nodiscard]] FoldPairs fold_pairs(const Folds& folds, const Run& run);

/// 1 / (1 + mean of S=), in [0.5, 1] for these distances. Throws Error(input) where S= is empty.
[[nodiscard]] double fold_mege(const FoldPairs& pairs);

enum class Thresholds {
    all,    ///< every distance
    every,  ///< every (m / 20 + 1)-th of m sorted distances, as xplique, which may miss the maximum
};

/// max(0, max over gamma of TPR + TNR - 1) with TPR = #{S= < gamma} / #{S= not gamma} and TNR =
/// #{S!= > gamma} / #{S!= not gamma}, gamma over the distances of both, equals to gamma left out
/// and a rate of nothing 0, as in the reference code. In [0, 1], higher is better; Youden's J.
/// Throws Error(input) where S= or S!= is empty. O(m log m).
[[nodiscard]] double fold_reco(const FoldPairs& pairs, Thresholds thresholds = Thresholds::all);

}  // namespace whence::metrics
