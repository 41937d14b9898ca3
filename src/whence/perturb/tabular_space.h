#pragma once
// What the background says of each column: the bins or categories it has and how often, or its mean
// and deviation. All that LIME keeps of the training data.

#include <string>
#include <vector>

#include "whence/core/schema.h"
#include "whence/core/tensor.h"
#include "whence/perturb/lime.h"

namespace whence::perturb {

/// A category, or a bin of numbers.
struct Level {
    double frequency = 0;
    double low = 0, high = 0;  ///< range of a bin; equal: always this value
    double mean = 0, deviation = 0;
    double cdf_low = 0, cdf_width = 0;  ///< of the normal distribution that is cut to the range

    [[nodiscard]] static Level point(double value, double frequency);
    [[nodiscard]] static Level bin(double low, double high, std::span<const double> members,
                                   int64_t all);
    /// The value below which a share u of the level lies: a normal cut to [low, high].
    [[nodiscard]] double quantile(double u) const;
};

struct Column {
    std::vector<double>
        edges;  ///< of the bins, bin b = (edges[b-1], edges[b]]; none for categories
    std::vector<Level> levels;   ///< none for a number that is not cut into bins
    double mean = 0, scale = 1;  ///< for such a number

    [[nodiscard]] bool discrete() const { return !levels.empty(); }
    /// The level `value` belongs to; -1 for a category the background does not have.
    [[nodiscard]] int64_t level_of(double value) const;
};

class TabularSpace {
  public:
    TabularSpace(Schema schema, const Tensor& background, const LimeTabularOptions& options);
    [[nodiscard]] const Schema& schema() const { return schema_; }
    [[nodiscard]] const std::vector<Column>& columns() const { return columns_; }
    /// "15.20 < texture <= 18.80", "sex=female", or the name alone where columns are not cut.
    [[nodiscard]] std::string describe(int64_t column, double value) const;

  private:
    Schema schema_;
    std::vector<Column> columns_;
};

}  // namespace whence::perturb
