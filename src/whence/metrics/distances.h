#pragma once
// How different two explanations are.

#include <span>
#include <string_view>
#include <vector>

#include "whence/core/run.h"
#include "whence/core/tensor.h"

namespace whence::metrics {

enum class Distance {
    mean_absolute,      ///< mean |a - b|
    euclidean,          ///< ||a - b||
    cosine,             ///< 1 - a.b / (|a| |b|)
    pearson,            ///< 1 - Pearson's correlation
    spearman,           ///< 1 - Spearman's rank correlation
    unsigned_spearman,  ///< sqrt(1 - |Spearman's rank correlation|): Fel et al. 2022
};
/// "mean-absolute", "euclidean", "cosine", "pearson", "spearman", "unsigned-spearman".
[[nodiscard]] std::string_view name(Distance distance);
/// Throws Error(usage) naming the choices.
[[nodiscard]] Distance parse_distance(std::string_view text);

/// What is done to each explanation before.
enum class Normalisation {
    none,
    largest,  ///< divided by its largest |value|; all 0 stays
};
/// "none", "largest".
[[nodiscard]] std::string_view name(Normalisation normalisation);
/// Throws Error(usage) naming the choices.
[[nodiscard]] Normalisation parse_normalisation(std::string_view text);

/// One pair, as they stand. NaN where the distance does not exist: the cosine of zeros, the
/// correlation of something constant. Throws Error(input) where lengths differ.
[[nodiscard]] double distance(std::span<const double> a, std::span<const double> b, Distance kind);

/// All pairs i < j of the rows: (0, 1), (0, 2), ..., (1, 2), ... Ranks, means and lengths are taken
/// once for each row; a pair then costs one pass. Throws Error(input) for a value that is not
/// finite.
[[nodiscard]] std::vector<double> pair_distances(MatrixView<const double> explanations,
                                                 Distance kind, Normalisation normalisation,
                                                 const Run& run);

}  // namespace whence::metrics
