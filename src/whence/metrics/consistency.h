#pragma once
// MeGe and ReCo of one model: whether inputs of one class are explained alike, and inputs of
// different classes differently. This is the form of a study of vision models; Fel et al. 2022,
// from whom the names come, compare several models instead: k_folds.h.

#include <cstdint>
#include <span>
#include <vector>

#include "whence/core/run.h"
#include "whence/metrics/distances.h"

namespace whence::metrics {

/// Distances of all pairs of explanations, and what class each is of: made once for both metrics.
struct ClassPairs {
    std::vector<double> same, different;  ///< distances; of pairs within a class class by class
    std::vector<int64_t> of_class;  ///< for each class with a pair: how many of `same` are its
    int64_t skipped = 0;            ///< pairs without a distance (something constant)
};

/// `classes`: one for each row of `explanations`, true or predicted. Throws Error(input) where
/// numbers differ. O(n^2) distances; memory 8 bytes for each pair.
[[nodiscard]] ClassPairs class_pairs(MatrixView<const double> explanations,
                                     std::span<const int64_t> classes, Distance kind,
                                     Normalisation normalisation, const Run& run);

/// What the mean difference within classes is measured against.
enum class MegeScale {
    largest_class,  ///< 1 - mean / largest of the classes: in [0, 1 - 1/K], measures how unequal K
                    ///< classes are
    largest_pair,   ///< 1 - mean / largest distance of any pair: in [0, 1]
    absolute,       ///< 1 / (1 + mean): in (0, 1], as Fel et al.
};
/// "largest-class", "largest-pair", "absolute".
[[nodiscard]] std::string_view name(MegeScale scale);

/// MeGe from cons_c = mean distance within class c and its mean over classes that have a pair. 1
/// where the divisor is 0. Higher is better. Throws Error(input) where no class has a pair.
///
/// In the default scale all classes being equally inconsistent gives 0, just as all being equally
/// consistent: it does not say how consistent they are.
[[nodiscard]] double mege(const ClassPairs& pairs, MegeScale scale = MegeScale::largest_class);

struct Reco {
    double value = 0.5;  ///< max over delta of (TPR + TNR) / 2, in [0.5, 1]
    double delta = 0;    ///< the smallest that reaches it; may be infinite
    double true_positives = 0, true_negatives = 0;  ///< the rates there
};

/// ReCo: how well "distance < delta" says that a pair is of one class, at the best delta.
/// Candidates are all distances and infinity. (J + 1) / 2 with Youden's J. One sort: O(m log m) for
/// m pairs. Higher is better, 0.5 is chance; the delta is chosen in sight of the pairs, so few
/// pairs score high by chance. Throws Error(input) where there is no pair of one class, or none of
/// two.
[[nodiscard]] Reco reco(const ClassPairs& pairs);

}  // namespace whence::metrics
