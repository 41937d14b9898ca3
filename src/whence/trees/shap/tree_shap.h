#pragma once
// Exact Shapley (and Banzhaf) values of tree ensembles, path-dependent: absent features follow the
// training rows, by the covers.

#include <cstdint>
#include <memory>
#include <vector>

#include "whence/core/run.h"
#include "whence/core/tensor.h"
#include "whence/trees/ensemble.h"
#include "whence/trees/shap/isa.h"

namespace whence::trees {

enum class Precision {
    float32,  ///< sums over 32 trees in float32, the rest in double: relative error about 1e-6
    float64,  ///< about 1e-14
};

enum class TreeIndex {
    shapley,
    banzhaf,  ///< every coalition counts the same; values need not add up
};

struct TreeShapOptions {
    TreeIndex index = TreeIndex::shapley;
    Precision precision = Precision::float32;
    Isa isa = Isa::best;
};

/// Values of rows, of margins (before the link).
struct TreeShapValues {
    int64_t rows = 0, features = 0, outputs = 0;
    /// [rows, features, outputs]; a player's of several features stand at Ensemble::player, and 0 at
    /// its other features.
    std::vector<double> values;
    std::vector<double> expected;  ///< [outputs]: the mean of the margin by cover, base included
    std::vector<double> margins;   ///< [rows, outputs]
    /// [rows, outputs]: margin - expected - sum of the values. Rounding, for Shapley values.
    std::vector<double> gaps;
};

/// [rows, outputs]: margin - expected - sum of the values.
[[nodiscard]] std::vector<double> gaps_of(const TreeShapValues& values);

/// An ensemble compiled for its values.
///
/// The value of a coalition S for a row x: at a split on a feature in S follow x, at any other take
/// the mean of both children by cover (Lundberg, Erion, Lee 2018, "Consistent individualized
/// feature attribution for tree ensembles"). Shapley values of that game are integrals of
/// polynomials, which Gauss-Legendre rules of half as many points as there are features on a path
/// give exactly (Wettenstein, Mitchell, Yu 2026, arXiv 2605.04497). A split that no training row
/// reached has no shares; there each child counts half.
///
/// Misleads where features depend on each other in ways the trees do not hold: the value of an
/// absent feature is taken from the training rows in the node, which is neither the conditional nor
/// the marginal distribution.
///
/// Cost: for each row and leaf about 0.6 to 1.5 ns on one core with AVX-512 (bench/RESULTS.md).
class TreeShap {
  public:
    /// Throws Error(unsupported) for an ensemble without covers or an isa this machine lacks,
    /// Error(limit) for trees deeper than 4096 or with more than 128 features on a path.
    explicit TreeShap(const Ensemble& ensemble, const TreeShapOptions& options = {});
    ~TreeShap();
    TreeShap(TreeShap&&) noexcept;
    TreeShap& operator=(TreeShap&&) noexcept;

    /// NaN is missing. The same bits on any number of threads, and whatever other rows stand beside
    /// one. Throws Error(input) for rows of another width, Error(interrupted) or Error(limit) as
    /// `run` demands.
    [[nodiscard]] TreeShapValues values(MatrixView<const float> rows, const Run& run) const;
    [[nodiscard]] TreeShapValues values(MatrixView<const double> rows, const Run& run) const;

    class Engine;  ///< of one precision

  private:
    std::unique_ptr<const Engine> engine_;
};

}  // namespace whence::trees
