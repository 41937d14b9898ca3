#pragma once
// Rows of a table under a rule.

#include <limits>
#include <string>

#include "whence/anchors/bits.h"
#include "whence/anchors/sampler.h"
#include "whence/core/schema.h"
#include "whence/perturb/lime.h"

namespace whence::anchors {

/// The rows to draw from, and where their columns are cut: what all explanations of one table
/// share.
class BackgroundTable {
  public:
    /// Throws Error(input) where the background does not fit the schema or holds numbers it may
    /// not.
    BackgroundTable(Schema schema, Tensor rows, Discretizer discretizer,
                    std::span<const int64_t> labels);

    [[nodiscard]] const Schema& schema() const { return schema_; }
    [[nodiscard]] int64_t rows() const { return rows_.rows(); }
    [[nodiscard]] int64_t columns() const { return static_cast<int64_t>(schema_.size()); }
    [[nodiscard]] std::span<const double> row(int64_t row) const {
        return rows_.as<double>().subspan(row * columns(), columns());
    }
    /// Edges of the bins of a column of numbers, rising; none for categories.
    [[nodiscard]] const std::vector<double>& edges(int64_t column) const { return edges_[column]; }
    /// Its values in order, without those missing; none for categories.
    [[nodiscard]] const std::vector<double>& sorted(int64_t column) const {
        return sorted_[column];
    }

  private:
    Schema schema_;
    Tensor rows_;
    std::vector<std::vector<double>> edges_, sorted_;
};

/// What a column must be: low < value <= high, or exactly `value` (NaN: missing).
struct Condition {
    int64_t column = 0;
    bool exact = false;
    double value = 0;
    double low = -std::numeric_limits<double>::infinity(),
           high = std::numeric_limits<double>::infinity();

    [[nodiscard]] bool holds(double v) const;
};

class TabularSampler : public Sampler {
  public:
    /// `row`: the input. `coverage_samples`: of the background's rows where it has more. Predicates
    /// that hold for every background row say nothing and are left out.
    TabularSampler(const BackgroundTable& table, std::vector<double> row, int64_t coverage_samples,
                   uint64_t seed);

    [[nodiscard]] int64_t predicates() const override {
        return static_cast<int64_t>(predicates_.size());
    }
    [[nodiscard]] bool implied(std::span<const int32_t> anchor, int32_t predicate) const override;
    void draw(std::span<const Draw> draws, Batch& rows, const Run& run) const override;
    [[nodiscard]] uint64_t kept(std::span<const int32_t> anchor, int32_t predicate,
                                int64_t word) const override;
    [[nodiscard]] double coverage(std::span<const int32_t> anchor) const override;
    [[nodiscard]] std::vector<Rule::Condition> conditions(
        std::span<const int32_t> anchor) const override;

    /// The anchor with one condition for each column it names, in the order of the columns.
    [[nodiscard]] std::vector<Condition> merged(std::span<const int32_t> anchor) const;

  private:
    void add_predicates(int64_t column);
    void add(const Condition& predicate);
    void measure_coverage(int64_t samples);
    [[nodiscard]] int64_t base_row(int64_t index) const;
    void know_base_rows(int64_t samples) const;
    void sample(std::span<const Condition> conditions, int64_t index,
                std::span<double> values) const;
    [[nodiscard]] double replacement(const Condition& condition, int64_t index) const;
    [[nodiscard]] std::string text(const Condition& condition) const;

    const BackgroundTable& table_;
    std::vector<double> row_;
    uint64_t seed_;
    std::vector<Condition> predicates_;
    int64_t coverage_rows_ = 0;
    std::vector<Bits> covered_;  // of each predicate: for which of these rows it holds
    // Made as far as they are asked for: the base row of each sample, and for which of them each
    // predicate holds.
    mutable std::vector<int32_t> base_rows_;
    mutable std::vector<Bits> held_;
};

}  // namespace whence::anchors
