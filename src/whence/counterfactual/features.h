#pragma once
// The table as counterfactuals see it: features (a number, a category, a block of one-hot columns),
// how far apart two rows are, and the rows of the data. Private to this folder.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "whence/core/run.h"
#include "whence/core/schema.h"
#include "whence/core/tensor.h"
#include "whence/counterfactual/constraints.h"

namespace whence::counterfactual {

/// One number for each feature: the number itself, a category's code, or which column of a one-hot
/// block is 1. NaN: missing.
using State = std::vector<double>;

struct FeatureInfo {
    enum class Kind { number, category, one_hot };
    Kind kind = Kind::number;
    std::string name;
    std::vector<int64_t> columns;     ///< one, or those of the block
    std::vector<std::string> levels;  ///< names of categories or of the block's columns
    /// Of a number: what a change is divided by. The median absolute deviation from the median
    /// (MAD); where that is 0 the range, where that is 0 too (or there are no data) 1.
    double scale = 1;
    /// Of a number: its values in the data are multiples of this (1: integers, 0.01: cents); 0:
    /// they have more than six decimals, or there are no data.
    double step = 0;
    double low = 0, high = 0;  ///< of a number in the data; low > high: there are none
    /// Of a number: values to try, from the data. At most 16, sorted.
    std::vector<double> grid;
};

class Features {
  public:
    /// `data`: float64 [rows, columns], may have no rows. Throws Error(input) where it does not fit
    /// the schema or holds infinity, or a one-hot block is none in some row.
    Features(Schema schema, const Tensor& data,
             const std::vector<std::vector<std::string>>& one_hot);

    [[nodiscard]] size_t size() const { return all_.size(); }
    [[nodiscard]] const FeatureInfo& operator[](size_t f) const { return all_[f]; }
    [[nodiscard]] const Schema& schema() const { return schema_; }
    /// The feature a column belongs to. Throws Error(usage) for a column that is not there.
    [[nodiscard]] size_t of_column(const std::string& name) const;

    /// A row of columns as a state. Throws Error(input) where a block has not exactly one 1.
    [[nodiscard]] State encode(std::span<const double> row) const;
    [[nodiscard]] double encode(size_t feature, std::span<const double> row) const;
    /// Writes the feature's columns.
    void decode(size_t feature, double value, std::span<double> row) const;
    /// As a person reads it.
    [[nodiscard]] std::string display(size_t feature, double value) const;

    /// Cost of one change: |a - b| / scale of a number, 1 for another category; from or to
    /// missing 1.
    [[nodiscard]] double distance(size_t feature, double a, double b) const;
    [[nodiscard]] double distance(const State& a, const State& b) const;

    [[nodiscard]] int64_t examples() const { return examples_; }
    /// The feature's values in all rows of the data.
    [[nodiscard]] std::span<const double> values(size_t feature) const {
        return {data_.data() + static_cast<int64_t>(feature) * examples_,
                static_cast<size_t>(examples_)};
    }
    [[nodiscard]] State example(int64_t row) const;
    /// sums[i] += distance(feature, a, values[i]).
    void add_distances(size_t feature, double a, std::span<const double> values,
                       std::span<double> sums) const;
    /// Distance of `state` to each row of the data.
    [[nodiscard]] std::vector<double> distances(const State& state, const Run& run) const;

  private:
    void describe_number(FeatureInfo& feature, std::span<const double> values) const;

    Schema schema_;
    std::vector<FeatureInfo> all_;
    std::vector<size_t> feature_of_column_;
    std::vector<double> data_;  // feature by feature
    int64_t examples_ = 0;
};

inline constexpr const char* metric_in_words =
    "sum over features of |change| / MAD, 1 for another category";

/// Which changes of one row are allowed: the constraints, settled for that row.
class Limits {
  public:
    /// Throws Error(usage) for constraints that contradict each other, the kind of a column, or the
    /// row itself.
    Limits(const Features& features, const Constraints& constraints, const State& input);

    [[nodiscard]] bool fixed(size_t feature) const { return fixed_[feature] != 0; }
    [[nodiscard]] double low(size_t feature) const { return low_[feature]; }
    [[nodiscard]] double high(size_t feature) const { return high_[feature]; }
    [[nodiscard]] bool allows(size_t feature, double value) const;
    /// The nearest allowed value: a number is cut to its range, a category that is not allowed
    /// stays as in the input.
    [[nodiscard]] double nearest(size_t feature, double value) const;
    /// `value` on the feature's steps, and allowed: rounded away from the input, where that is
    /// allowed, else towards it.
    [[nodiscard]] double on_step(size_t feature, double value) const;
    /// Other values of a feature to try, from the data and the ends of the range.
    [[nodiscard]] std::vector<double> tries(size_t feature) const;
    [[nodiscard]] const State& input() const { return input_; }
    /// Distance from the input to each row of the data after nearest() of each feature.
    [[nodiscard]] std::vector<double> distances(const Run& run) const;

  private:
    [[nodiscard]] bool takes_all(size_t feature) const;

    const Features& features_;
    State input_;
    std::vector<uint8_t> fixed_;
    std::vector<double> low_, high_;
    std::vector<std::vector<uint8_t>> allowed_;  // of each level; empty: all
};

}  // namespace whence::counterfactual
