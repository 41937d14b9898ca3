#pragma once
// Whether an explanation points at the object that somebody marked.
//
// `values` and `mask` have one entry for each pixel (or word, or column); the mask is not 0 where
// the object is. All are in [0, 1] and higher is better. All assume that the model looks at the
// object: a faithful map of a model that looks at the background scores badly, and rightly no
// metric here can tell which of the two is at fault.
//
// Each throws Error(input) where lengths differ, a value is not a finite number, or the mask is
// empty (no object) or full (where noted).

#include <cstdint>
#include <span>

namespace whence::metrics {

using ObjectMask = std::span<const uint8_t>;

/// Which part of the values counts as relevance.
enum class Relevance {
    positive,  ///< max(0, value)
    absolute,  ///< |value|
};

/// Share of the largest values that lie in the object: 1 or 0 where one value is the largest (Zhang
/// et al. 2018, "Top-down neural attention by excitation backprop", with no margin).
[[nodiscard]] double pointing_game(std::span<const double> values, ObjectMask mask);

/// Relevance within the object over all relevance (Arras, Osman, Samek 2022, "CLEVR-XAI":
/// relevance mass accuracy). NaN where there is no relevance.
[[nodiscard]] double relevance_mass(std::span<const double> values, ObjectMask mask,
                                    Relevance relevance = Relevance::positive);

/// Share of the |mask| largest values that lie in the object (the same: relevance rank
/// accuracy). Equals at the border of the |mask| largest count by the share of them that fits, so
/// the order of pixels does not matter.
[[nodiscard]] double relevance_rank(std::span<const double> values, ObjectMask mask);

/// mu = positive relevance within over all positive relevance; `weighted`: mu n / |mask|, not
/// bounded by 1, so that small objects count more (Kohlbrenner et al. 2020, "Towards best practice
/// in explaining neural network decisions with LRP"). NaN where nothing is positive.
[[nodiscard]] double attribution_localisation(std::span<const double> values, ObjectMask mask,
                                              bool weighted = false);

/// Share of the k largest values that lie in the object, k at most n (Theiner, Müller-Budack,
/// Ewerth 2022, "Interpretable semantic photo geolocation"). Equals as for relevance_rank. Throws
/// Error(usage) for k below 1.
[[nodiscard]] double top_k_intersection(std::span<const double> values, ObjectMask mask,
                                        int64_t k = 1000);

/// Area under the ROC curve of the values as a detector of the object: the probability that a pixel
/// in it has a larger value than one outside, equals counting half. 0.5: chance. Throws
/// Error(input) for a full mask. O(n log n).
[[nodiscard]] double roc_auc(std::span<const double> values, ObjectMask mask);

}  // namespace whence::metrics
