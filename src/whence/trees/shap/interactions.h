#pragma once
// Exact interaction values of order 2 of tree ensembles, path-dependent.

#include <cstdint>
#include <memory>
#include <vector>

#include "whence/core/run.h"
#include "whence/core/tensor.h"
#include "whence/trees/ensemble.h"
#include "whence/trees/shap/isa.h"
#include "whence/trees/shap/tree_shap.h"

namespace whence::trees {

/// Interaction values of rows, of margins.
struct TreeInteractionValues {
    int64_t rows = 0, features = 0, outputs = 0;
    std::vector<double> values;  ///< [rows, features, features, outputs], symmetric in the features
    std::vector<double> expected;  ///< [outputs]
    std::vector<double> margins;   ///< [rows, outputs]
    std::vector<double> gaps;      ///< [rows, outputs]: margin - expected - sum of the values
};

/// [rows, outputs]: margin - expected - sum of the values.
[[nodiscard]] std::vector<double> gaps_of(const TreeInteractionValues& values);

struct TreeInteractionsOptions {
    Precision precision = Precision::float32;
    Isa isa = Isa::best;
};

/// An ensemble compiled for its SHAP interaction values (Lundberg et al. 2020, "From local
/// explanations to global understanding with explainable AI for trees", eqs. 7 to 9): half of the
/// Shapley interaction index of a pair stands at (i, j), half at (j, i), and what is left of the
/// value of i at (i, i). So a row of the matrix adds up to the feature's value. The game is that of
/// TreeShap.
///
/// Cost: TreeShap's, and for each split and feature above it a pass over the points. The result
/// takes 8 features^2 bytes for each row and output.
class TreeInteractions {
  public:
    /// Throws as TreeShap.
    explicit TreeInteractions(const Ensemble& ensemble,
                              const TreeInteractionsOptions& options = {});
    ~TreeInteractions();
    TreeInteractions(TreeInteractions&&) noexcept;
    TreeInteractions& operator=(TreeInteractions&&) noexcept;

    /// As TreeShap::values.
    [[nodiscard]] TreeInteractionValues values(MatrixView<const float> rows, const Run& run) const;
    [[nodiscard]] TreeInteractionValues values(MatrixView<const double> rows, const Run& run) const;

    class Engine;

  private:
    std::unique_ptr<const Engine> engine_;
};

}  // namespace whence::trees
