#pragma once
// Explanations of many rows of one table, side by side. Private to this folder.

#include <string>
#include <vector>

#include "whence/core/explanation.h"

namespace whence::render {

struct ExplainedRows {
    std::vector<std::string> names;      ///< of the features, the most important first
    std::vector<double> weights;         ///< [rows, features]
    std::vector<double> values;          ///< what stands there; NaN where it is no number
    std::vector<std::string> displays;   ///< the same as a person reads it
    std::vector<double> importance;      ///< mean |weight| of each feature
    std::vector<double> predictions;     ///< f(x) of each row
    std::vector<double> baselines;       ///< f(baseline) of each row; NaN where there is none
    std::string scale, target;           ///< of the first row

    [[nodiscard]] size_t rows() const { return predictions.size(); }
    [[nodiscard]] size_t features() const { return names.size(); }
    [[nodiscard]] double weight(size_t row, size_t feature) const {
        return weights[row * names.size() + feature];
    }
    [[nodiscard]] double value(size_t row, size_t feature) const {
        return values[row * names.size() + feature];
    }
};

/// Features meet by column_of; one that a row does not have (LIME keeps few) has weight 0 there. What is
/// no finite number counts as 0. Throws Error(usage) where there is nothing to draw: no
/// explanation, pictures, or a rule or counterfactuals alone.
[[nodiscard]] ExplainedRows explained_rows(const std::vector<Explanation>& explanations);

/// Share of the way from the smallest to the largest of a feature's numbers (ranks, ties in the
/// middle), for colours; NaN where there is no number.
[[nodiscard]] std::vector<double> value_ranks(const ExplainedRows& rows, size_t feature);

}  // namespace whence::render
