#pragma once
// Permutation importance: what is lost when one column is shuffled.

#include "whence/global/task.h"

namespace whence::global {

enum class Loss {
    prediction_change,  ///< |f(shuffled) - f(x)| of the target; needs no labels
    error_rate,         ///< 1 - accuracy of the model's class
    log_loss,           ///< -log of the label's probability, that being at least 1e-15
    squared_error,      ///< (label - f)^2 of the target
};
/// "prediction-change", "error-rate", "log-loss", "squared-error".
[[nodiscard]] std::string_view name(Loss loss);
/// Throws Error(usage) naming the choices.
[[nodiscard]] Loss parse_loss(std::string_view text);

struct ImportanceOptions {
    Loss loss = Loss::prediction_change;
    /// One for each row: numbers, or classes (whole numbers from 0). Empty for prediction_change.
    std::vector<double> labels;
    int64_t repeats = 5;  ///< shuffles of each column, at least 1
};

/// Mean over rows and shuffles of L(y, f(x with column j shuffled)) - L(y, f(x)) (Breiman 2001,
/// "Random forests", section 10; as a difference of losses: Fisher, Rudin, Dominici 2019, "All
/// models are wrong, but many are useful", eq. 3.1 with e_switch estimated by shuffling).
///
/// Cost: rows x (1 + features x repeats) evaluations. Deterministic: the order of shuffle r of
/// column j depends on run.seed, j and r alone. Misleads where columns depend on each other: a
/// shuffled column makes rows that do not occur, and of two columns that say the same each looks
/// unimportant. Throws Error(usage) for labels that do not fit.
[[nodiscard]] Importance importance(const Task& task, const std::vector<int64_t>& features,
                                    const ImportanceOptions& options, const Run& run);

/// The mean increase of the loss of each row when its value of `feature` is that of row order[row],
/// for given orders: [orders][rows].
[[nodiscard]] std::vector<std::vector<double>> loss_increases(
    const Task& task, int64_t feature, const std::vector<std::vector<int32_t>>& orders,
    const ImportanceOptions& options, const Run& run);

}  // namespace whence::global
