#pragma once
// Rows as the splits see them: small whole numbers, so that comparisons are exact and cheap.

#include <cstdint>
#include <vector>

#include "whence/core/tensor.h"
#include "whence/trees/ensemble.h"

namespace whence::trees {

/// What is asked of a column: value <= rank, or the bit of that number.
struct ColumnTest {
    int32_t column;
    int32_t rank;  ///< categorical: the position of the first word of bits in Columns::words
    bool categorical;
};

/// A value becomes its rank among the thresholds of its feature: the number of them below it. So
/// x <= threshold k exactly where rank <= k, for float and for double inputs. A feature has one
/// column for the splits that send missing values left (its rank there: the least) and one for
/// those that send them right (the greatest). A category becomes its position among those named in
/// any set of its feature; then come "missing" and "any other value".
class Columns {
  public:
    explicit Columns(const Ensemble& ensemble);

    [[nodiscard]] int32_t count() const { return count_; }
    [[nodiscard]] const std::vector<uint32_t>& words() const { return words_; }

    /// The test of an inner node.
    [[nodiscard]] ColumnTest test(const Tree& tree, const Node& node);

    /// out: [count(), stride], the rows [begin, begin + rows); lanes from `rows` on repeat the
    /// last.
    template <class T>
    void fill(MatrixView<const T> data, int64_t begin, int64_t rows, int64_t stride,
              int32_t* out) const;

  private:
    struct Feature {
        int32_t feature;
        std::vector<double> thresholds;                                ///< ascending
        std::vector<int32_t> categories;                               ///< ascending
        int32_t missing_left = -1, missing_right = -1, category = -1;  ///< columns; -1: none
    };

    void fill_ranks(const Feature& feature, const double* values, int64_t stride,
                    int32_t* out) const;
    void fill_categories(const Feature& feature, const double* values, int64_t stride,
                         int32_t* out) const;

    bool float_inputs_;
    std::vector<Feature> features_;  ///< those that splits use
    std::vector<int32_t> position_;  ///< in features_, by feature; -1: unused
    std::vector<bool> zero_is_missing_;
    std::vector<uint32_t> words_;
    int32_t count_ = 0;
};

}  // namespace whence::trees
