#include "whence/trees/shap/interactions.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include "whence/core/error.h"
#include "whence/core/parallel.h"
#include "whence/trees/predict.h"
#include "whence/trees/shap/columns.h"
#include "whence/trees/shap/cover.h"
#include "whence/trees/shap/interaction_matrix.h"
#include "whence/trees/shap/kernels.h"
#include "whence/trees/shap/path_compiler.h"
#include "whence/trees/shap/workspace.h"

namespace whence::trees {

std::vector<double> gaps_of(const TreeInteractionValues& of) {
    std::vector<double> gaps(of.margins.size());
    const int64_t pairs = of.features * of.features;
    for (int64_t i = 0; i < of.rows; ++i)
        for (int64_t k = 0; k < of.outputs; ++k) {
            double sum = 0;
            for (int64_t p = 0; p < pairs; ++p) sum += of.values[(i * pairs + p) * of.outputs + k];
            gaps[i * of.outputs + k] = of.margins[i * of.outputs + k] - of.expected[k] - sum;
        }
    return gaps;
}

class TreeInteractions::Engine {
  public:
    virtual ~Engine() = default;
    [[nodiscard]] virtual TreeInteractionValues values(MatrixView<const float> rows,
                                                       const Run& run) const = 0;
    [[nodiscard]] virtual TreeInteractionValues values(MatrixView<const double> rows,
                                                       const Run& run) const = 0;
};

namespace {

constexpr int64_t rows_of_block = 64;

template <class Scalar>
class InteractionEngine final : public TreeInteractions::Engine {
  public:
    InteractionEngine(const Ensemble& ensemble, const TreeInteractionsOptions& options)
        : kernels_(kernels<Scalar>(resolve(options.isa))),
          features_(ensemble.features()),
          outputs_(ensemble.outputs()),
          columns_(ensemble),
          program_(
              ensemble,
              {.trees_together = trees_of_a_matrix(ensemble), .outputs_together = 1, .edges = true},
              columns_),
          predictor_(ensemble),
          expected_(expected_margins(ensemble)) {}

    TreeInteractionValues values(MatrixView<const float> rows, const Run& run) const override {
        return all(rows, run);
    }
    TreeInteractionValues values(MatrixView<const double> rows, const Run& run) const override {
        return all(rows, run);
    }

  private:
    using Chunk = PathChunk<Scalar>;

    template <class T>
    TreeInteractionValues all(MatrixView<const T> rows, const Run& run) const {
        if (rows.columns != features_)
            throw Error(ErrorKind::input, "the rows have " + std::to_string(rows.columns) +
                                              " columns, the ensemble was trained on " +
                                              std::to_string(features_));
        TreeInteractionValues to{.rows = rows.rows, .features = features_, .outputs = outputs_};
        to.values.assign(rows.rows * features_ * features_ * outputs_, 0);
        to.expected = expected_;
        to.margins = predictor_.margins(rows, run);
        // Few rows still make as many blocks as there are threads to take them.
        const int64_t block =
            std::clamp<int64_t>(rows.rows / thread_count(run), kernels_.lanes, rows_of_block);
        parallel_for(run, rows.rows, block,
                     [&](int64_t begin, int64_t end) { explain(rows, begin, end - begin, to); });
        to.gaps = gaps_of(to);
        return to;
    }

    template <class T>
    void explain(MatrixView<const T> rows, int64_t first, int64_t count,
                 TreeInteractionValues& to) const {
        const int64_t stride = (count + kernels_.lanes - 1) / kernels_.lanes * kernels_.lanes;
        const Aligned<int32_t> columns(columns_.count() * stride);
        columns_.fill(rows, first, count, stride, columns.data());
        std::vector<Scalar> sums;
        int64_t workspace = 0;
        for (const Chunk& chunk : program_.chunks())
            workspace = std::max(workspace, chunk.workspace);
        const Aligned<std::byte> space(workspace);
        for (const Chunk& chunk : program_.chunks()) {
            const auto slots = static_cast<int64_t>(chunk.slots.size());
            sums.assign(slots * slots * stride, 0);
            const Block<Scalar> block{columns.data(), stride, sums.data(), nullptr, space.data()};
            const bool one_row = rows.rows == 1 && walks_one_row(chunk, kernels_.lanes);
            {
                const FlushTiny flush;
                for (const PathTree<Scalar>& tree : chunk.trees)
                    if (one_row)
                        kernels_.walk_one_row_interactions(tree, block, slots);
                    else
                        kernels_.walk_interactions(tree, block, slots);
            }
            // Lanes are points there: their sum is the row's.
            for (int64_t pair = 0; one_row && pair < slots * slots; ++pair) {
                Scalar* const lanes = sums.data() + pair * stride;
                lanes[0] = std::accumulate(lanes, lanes + kernels_.lanes, Scalar{0});
            }
            add_matrices(chunk, sums.data(), stride, first, count, to);
        }
    }

    const Kernels<Scalar>& kernels_;
    int64_t features_, outputs_;
    Columns columns_;
    PathProgram<Scalar> program_;
    Predictor predictor_;
    std::vector<double> expected_;
};

}  // namespace

TreeInteractions::TreeInteractions(const Ensemble& ensemble,
                                   const TreeInteractionsOptions& options) {
    require_covers(ensemble);
    if (options.precision == Precision::float32)
        engine_ = std::make_unique<InteractionEngine<float>>(ensemble, options);
    else
        engine_ = std::make_unique<InteractionEngine<double>>(ensemble, options);
}

TreeInteractions::~TreeInteractions() = default;
TreeInteractions::TreeInteractions(TreeInteractions&&) noexcept = default;
TreeInteractions& TreeInteractions::operator=(TreeInteractions&&) noexcept = default;

TreeInteractionValues TreeInteractions::values(MatrixView<const float> rows, const Run& run) const {
    return engine_->values(rows, run);
}
TreeInteractionValues TreeInteractions::values(MatrixView<const double> rows,
                                               const Run& run) const {
    return engine_->values(rows, run);
}

}  // namespace whence::trees
