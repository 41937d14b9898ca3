#pragma once
// Weights in the order people want to see them: the largest first, the rest in one line.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "whence/core/explanation.h"

namespace whence::render {

struct Weight {
    int64_t index = 0;    ///< position in the attribution
    std::string name;     ///< cleaned; "feature 3" or "segment 3" if it has none
    std::string display;  ///< cleaned; may be empty
    double value = 0;
    std::optional<double> standard_error;
};

struct Ranking {
    std::vector<Weight> top;  ///< by falling |value|; what is no number comes last
    int64_t rest = 0;         ///< how many are not in `top`
    double rest_sum = 0;      ///< their sum (numbers only)
    int64_t not_numbers = 0;  ///< NaN and infinite values among all
    double largest = 0;       ///< largest finite |value|
};

/// Name and display in one: "worst radius = 17.99"; a display that names the feature itself ("16.8
/// < worst radius") alone.
[[nodiscard]] std::string label_of(const Weight& weight);
/// Whether every display names its feature, so that a column of names would say it twice.
[[nodiscard]] bool displays_name_features(const Ranking& ranking);

[[nodiscard]] Ranking rank(const Explanation& explanation, int64_t top);
/// Pairs of different features by what both do together, (i, j) and (j, i) added up. Empty where
/// the explanation has no interactions.
[[nodiscard]] Ranking rank_pairs(const Explanation& explanation, int64_t top);

}  // namespace whence::render
