#pragma once
// One training and all that is measured on it. Private to this folder.

#include <string>
#include <vector>

#include "whence/core/run.h"
#include "whence/data/labelled_images.h"
#include "whence/experiment/rows.h"
#include "whence/experiment/spec.h"
#include "whence/experiment/study.h"

namespace whence::experiment {

/// A data set as all its trainings share it.
struct LoadedSet {
    data::ImageSet images;
    Tensor training_mean;  ///< float32 [1, height, width, channels]
    Tensor background;     ///< the first of a random order of training pictures, [rows, ...]
    std::string fingerprint;
};

/// Reads it from below `folder`, cut to what the spec uses.
[[nodiscard]] LoadedSet load(const Spec& spec, const DataSetSpec& set,
                             const std::filesystem::path& folder);

/// Its row of the ledger, with a survey of superpixels.
[[nodiscard]] DataRow describe(const Spec& spec, const DataSetSpec& set, const LoadedSet& loaded,
                               const Run& run);

struct UnitResult {
    std::vector<std::string> rows;
    double training = 0, explaining = 0, measuring = 0;  ///< seconds
};

/// Rows of one training: epoch by epoch, method by method; after those of the first fold of the
/// first iteration its examples. Uses one thread.
[[nodiscard]] UnitResult run_unit(const Spec& spec, const Unit& unit, const LoadedSet& set,
                                  const Run& run);
/// How many rows it has, without running it.
[[nodiscard]] int64_t row_count(const Spec& spec, const Unit& unit, const LoadedSet& set);

}  // namespace whence::experiment
