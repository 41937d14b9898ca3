#pragma once
// What LIME keeps of the training data, as the lime package's `training_data_stats`: explanations
// without the data itself.

#include <string>
#include <string_view>
#include <vector>

#include "whence/core/schema.h"
#include "whence/core/tensor.h"

namespace whence::perturb {

/// Of a column of numbers its bins (.., bins[0]], (bins[0], bins[1]], ..., and for each of these mean,
/// deviation, least and greatest value; of categories no bins.
struct ColumnStats {
    std::vector<double> bins;
    std::vector<double> means, stds, mins, maxs;  ///< one for each bin
    std::vector<double> values;                   ///< numbers of the bins, or codes, that occur
    std::vector<double> frequencies;              ///< of these; they add up to 1
};

struct TrainingStats {
    std::vector<ColumnStats> columns;  ///< as in the schema
};

/// An object with the package's keys: means, stds, mins, maxs, feature_values, feature_frequencies,
/// bins, each an object of lists, by the column's number or name. Frequencies may be counts. Throws
/// Error(input), one line, for what is missing or does not fit.
[[nodiscard]] TrainingStats parse_training_stats(std::string_view json, const Schema& schema);

/// The same object, by the columns' numbers.
[[nodiscard]] std::string to_json(const TrainingStats& stats);

}  // namespace whence::perturb
