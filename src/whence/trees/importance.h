#pragma once
// What the splits of an ensemble say of its features, whatever rows are explained.

#include <cstdint>
#include <vector>

#include "whence/trees/ensemble.h"

namespace whence::trees {

/// Totals over all splits on each feature, of all trees, each [features].
///
/// XGBoost's get_score calls splits "weight", gains "total_gain", covers "total_cover", and the
/// last two divided by the splits "gain" and "cover" (XGBoost, Python API, Booster.get_score);
/// LightGBM's feature_importance knows "split" and "gain", which is the total (and leaves out
/// splits of gain 0). Gains are in the units of the loss that the library minimised, covers are
/// sums of hessians (XGBoost), counts (LightGBM) or weights (CatBoost) of training rows. CatBoost's
/// files and ONNX hold no gains.
///
/// They say how the trees were grown, not what the features do: features with many values are split
/// on more often, and of two that say the same one may get all.
struct SplitImportance {
    std::vector<int64_t> splits;
    std::vector<double> gains;   ///< empty without Ensemble::has_gains
    std::vector<double> covers;  ///< empty without Ensemble::has_covers
};
[[nodiscard]] SplitImportance split_importance(const Ensemble& ensemble);

}  // namespace whence::trees
