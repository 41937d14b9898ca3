#pragma once
// Exact interaction values of order 2 of tree ensembles, interventional.

#include <memory>
#include <span>

#include "whence/core/run.h"
#include "whence/core/tensor.h"
#include "whence/trees/ensemble.h"
#include "whence/trees/shap/interactions.h"

namespace whence::trees {

/// An ensemble compiled for its interaction values against a background: the matrices of
/// TreeInteractions, of the game of InterventionalShap. A row of a matrix adds up to the feature's
/// interventional value.
///
/// Cost, for n rows, m background rows, L leaves in all and d features on a path, whichever is
/// estimated less for a tree: walks of pairs, up to n m L d; or tables of 2^d patterns for each
/// leaf and pair (d <= 10 only), m L + d^3 2^d L + n d^2 L. The result takes 8 features^2 bytes for
/// each row and output.
class InterventionalInteractions {
  public:
    /// Throws as InterventionalShap.
    InterventionalInteractions(const Ensemble& ensemble, MatrixView<const double> background,
                               std::span<const double> weights = {},
                               const TreeInteractionsOptions& options = {});
    ~InterventionalInteractions();
    InterventionalInteractions(InterventionalInteractions&&) noexcept;
    InterventionalInteractions& operator=(InterventionalInteractions&&) noexcept;

    /// As InterventionalShap::values.
    [[nodiscard]] TreeInteractionValues values(MatrixView<const float> rows, const Run& run) const;
    [[nodiscard]] TreeInteractionValues values(MatrixView<const double> rows, const Run& run) const;

    class Engine;

  private:
    std::unique_ptr<const Engine> engine_;
};

}  // namespace whence::trees
