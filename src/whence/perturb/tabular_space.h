#pragma once
// What the background says of each column: the bins or categories it has and how often, or its mean
// and deviation. All that LIME keeps of the training data.

#include <algorithm>
#include <string>
#include <vector>

#include "whence/core/schema.h"
#include "whence/core/tensor.h"
#include "whence/perturb/lime.h"
#include "whence/perturb/training_stats.h"

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
    /// By the mean and deviation of its members.
    [[nodiscard]] static Level bin(double low, double high, double frequency, double mean,
                                   double deviation);
    /// The value below which a share u of the level lies: a normal cut to [low, high].
    [[nodiscard]] double quantile(double u) const;
    /// A share of the normal as its inverse takes it. Members lie between low and high, so neither
    /// end is far out in the other's tail.
    [[nodiscard]] static double inside(double share) {
        return std::clamp(share, 1e-300, 1 - 0x1p-53);
    }
};

/// One interpretable feature: a column of the table, or a group of columns.
struct Column {
    std::vector<int64_t> columns;  ///< of the table
    std::vector<double>
        edges;  ///< of the bins, bin b = (edges[b-1], edges[b]]; none for categories and groups
    std::vector<Level> levels;   ///< none for a number that is not cut into bins
    double mean = 0, scale = 1;  ///< for such a number

    [[nodiscard]] bool discrete() const { return !levels.empty(); }
    /// The level `row` belongs to; -1 for a category or combination the background does not have.
    [[nodiscard]] int64_t level_of(std::span<const double> row) const;
    /// Writes the values of what lies below a share u of a level into `row`.
    void place(int64_t level, double u, std::span<double> row) const;

    // Of a group alone: how each of its columns is told apart, what that gives for each level, and
    // the background rows of the level.
    struct Part {
        std::vector<double> edges;  ///< none: by its value
        [[nodiscard]] double code(double value) const;
    };
    std::vector<Part> parts;
    std::vector<std::vector<double>> combinations;            ///< [level][part]
    std::vector<std::vector<std::vector<double>>> examples;  ///< [level][background row][part]
};

class TabularSpace {
  public:
    TabularSpace(Schema schema, const Tensor& background, const LimeTabularOptions& options);
    /// Without the training data. Throws Error(input) where the numbers do not fit the schema or each
    /// other.
    TabularSpace(Schema schema, const TrainingStats& stats);
    /// What the second constructor makes the same space of. Throws Error(usage) for numbers that are
    /// not cut into bins, or groups.
    [[nodiscard]] TrainingStats stats() const;
    [[nodiscard]] const Schema& schema() const { return schema_; }
    /// The features: columns in their order, a group where its first column stands.
    [[nodiscard]] const std::vector<Column>& columns() const { return columns_; }
    /// Its column's name, or its group's.
    [[nodiscard]] const std::string& name(int64_t feature) const { return names_[feature]; }
    /// "15.20 < texture <= 18.80", "sex=female", or the name alone where columns are not cut.
    [[nodiscard]] std::string describe(int64_t feature, std::span<const double> row) const;
    /// What stands in `row`: "17.99"; of a one-hot block the column that is not 0.
    [[nodiscard]] std::string display(int64_t feature, std::span<const double> row) const;

  private:
    void add_column(int64_t column, const Tensor& background, const LimeTabularOptions& options);
    void add_group(const ColumnGroup& group, const Tensor& background,
                   const LimeTabularOptions& options);
    Schema schema_;
    std::vector<Column> columns_;
    std::vector<std::string> names_;
};

}  // namespace whence::perturb
