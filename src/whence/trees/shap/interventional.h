#pragma once
// Exact Shapley (and Banzhaf) values of tree ensembles, interventional: absent features come from
// the rows of a background.

#include <memory>
#include <span>

#include "whence/core/run.h"
#include "whence/core/tensor.h"
#include "whence/trees/ensemble.h"
#include "whence/trees/shap/tree_shap.h"

namespace whence::trees {

/// An ensemble compiled for its values against a background.
///
/// The value of a coalition S for a row x: the weighted mean, over background rows b, of the margin
/// of the row with x in S and b elsewhere (Lundberg et al. 2020, "From local explanations to global
/// understanding with explainable AI for trees", independent TreeSHAP). It needs no covers.
///
/// Misleads where features depend on each other: rows that mix x and b may be rows that nobody has
/// seen.
///
/// Cost, for n rows, m background rows, L leaves in all and d features on a path, whichever is
/// estimated less for a tree: walks of pairs, up to n m L; or tables of 2^d patterns for each leaf
/// (d <= 10 only), m L + d^2 2^d L + n d L.
class InterventionalShap {
  public:
    /// `weights`: one for each background row, not negative, not all zero; empty for equal ones.
    /// Throws Error(input) for a background of no rows or another width, or weights that are none;
    /// Error(limit) and Error(unsupported) as TreeShap.
    InterventionalShap(const Ensemble& ensemble, MatrixView<const double> background,
                       std::span<const double> weights = {}, const TreeShapOptions& options = {});
    ~InterventionalShap();
    InterventionalShap(InterventionalShap&&) noexcept;
    InterventionalShap& operator=(InterventionalShap&&) noexcept;

    /// As TreeShap::values; `expected` is the mean margin of the background. Which of the two ways
    /// a tree takes depends on the number of rows, so a row's last bits may, too; never on threads.
    [[nodiscard]] TreeShapValues values(MatrixView<const float> rows, const Run& run) const;
    [[nodiscard]] TreeShapValues values(MatrixView<const double> rows, const Run& run) const;

    class Engine;

  private:
    std::unique_ptr<const Engine> engine_;
};

}  // namespace whence::trees
