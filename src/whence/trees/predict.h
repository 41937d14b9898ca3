#pragma once
// What an ensemble says of rows: margins (sums over trees) and predictions (through its link).

#include <cstdint>
#include <span>
#include <vector>

#include "whence/core/run.h"
#include "whence/core/tensor.h"
#include "whence/trees/ensemble.h"

namespace whence::trees {

/// An ensemble laid out for walking. Sums are taken in double, tree after tree, so a row's margin
/// is the same bits whatever stands around it and on any number of threads.
///
/// Cost: for each row one step for each level of each tree.
class Predictor {
  public:
    explicit Predictor(const Ensemble& ensemble);

    /// [rows, outputs], row after row. NaN is missing. Throws Error(input) for rows of another
    /// width, Error(interrupted) or Error(limit) as `run` demands.
    [[nodiscard]] std::vector<double> margins(MatrixView<const double> rows, const Run& run) const;
    [[nodiscard]] std::vector<double> margins(MatrixView<const float> rows, const Run& run) const;

    /// [rows, trees, outputs]: what each tree adds to each margin. With the base score they add up
    /// to the margin, but for rounding. Takes 8 trees outputs bytes for each row.
    [[nodiscard]] std::vector<double> tree_margins(MatrixView<const double> rows,
                                                   const Run& run) const;
    [[nodiscard]] std::vector<double> tree_margins(MatrixView<const float> rows,
                                                   const Run& run) const;

  private:
    /// A leaf is its own child, `value` then its first number in values_.
    struct Step {
        double threshold;
        int32_t feature;
        int32_t children[2];  ///< left, right
        int32_t categories;   ///< -1: a threshold, else which of sets_
        int32_t value;        ///< -1: no leaf
        bool missing_left;
    };
    struct Root {
        int64_t step;   ///< children count from here
        int64_t value;  ///< the leaves' values count from here
        int32_t width, output;
    };
    struct Set {
        int64_t begin, end;  ///< of its sorted codes_
    };

    template <class T>
    std::vector<double> all_margins(MatrixView<const T> rows, const Run& run) const;
    template <class T>
    std::vector<double> all_tree_margins(MatrixView<const T> rows, const Run& run) const;
    template <class T>
    void check_width(MatrixView<const T> rows) const;
    template <class T>
    void prepare(MatrixView<const T> rows, int64_t begin, int64_t end, double* out) const;
    /// To sums of `count` rows, `stride` apart.
    void add_tree(const Root& root, const double* rows, int64_t count, double* sums,
                  int64_t stride) const;
    [[nodiscard]] int32_t next(const Step& step, double x) const;

    int64_t features_, outputs_, block_;
    bool float_inputs_;
    double divisor_;
    std::vector<double> base_;
    std::vector<bool> zero_is_missing_;
    std::vector<Root> roots_;
    std::vector<Step> steps_;
    std::vector<double> values_;
    std::vector<Set> sets_;
    std::vector<int32_t> codes_;
};

/// What predictions of Link::ascending differ by at least (XGBoost 3.4, expectiles).
inline constexpr double least_step = 1e-6;

/// Margins [rows, outputs] turned into predictions in place.
void apply_link(Link link, int64_t outputs, std::span<double> margins);

}  // namespace whence::trees
