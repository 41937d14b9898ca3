#include "whence/trees/shap/tree_shap.h"

#include <algorithm>
#include <string>
#include <utility>

#include "whence/core/error.h"
#include "whence/core/parallel.h"
#include "whence/trees/shap/columns.h"
#include "whence/trees/shap/cover.h"
#include "whence/trees/shap/kernels.h"
#include "whence/trees/shap/path_compiler.h"
#include "whence/trees/shap/workspace.h"

namespace whence::trees {
namespace {

constexpr int64_t rows_of_block = 64;  // four vectors of the widest kind

}  // namespace

std::vector<double> gaps_of(const TreeShapValues& values) {
    std::vector<double> gaps(values.margins.size());
    for (int64_t i = 0; i < values.rows; ++i)
        for (int64_t k = 0; k < values.outputs; ++k) {
            double sum = 0;
            for (int64_t f = 0; f < values.features; ++f)
                sum += values.values[(i * values.features + f) * values.outputs + k];
            gaps[i * values.outputs + k] =
                values.margins[i * values.outputs + k] - values.expected[k] - sum;
        }
    return gaps;
}

class TreeShap::Engine {
  public:
    virtual ~Engine() = default;
    [[nodiscard]] virtual TreeShapValues values(MatrixView<const float> rows,
                                                const Run& run) const = 0;
    [[nodiscard]] virtual TreeShapValues values(MatrixView<const double> rows,
                                                const Run& run) const = 0;
};

namespace {

template <class Scalar>
class PathEngine final : public TreeShap::Engine {
  public:
    PathEngine(const Ensemble& ensemble, const TreeShapOptions& options)
        : kernels_(kernels<Scalar>(resolve(options.isa))),
          features_(ensemble.features()),
          outputs_(ensemble.outputs()),
          columns_(ensemble),
          program_(ensemble,
                   {.index = options.index == TreeIndex::banzhaf ? PathIndex::banzhaf
                                                                 : PathIndex::shapley},
                   columns_),
          expected_(expected_margins(ensemble)),
          constant_(ensemble.parts().base) {
        for (const Tree& tree : ensemble.trees())
            if (tree.nodes[0].is_leaf())
                for (int32_t k = 0; k < tree.width; ++k)
                    constant_[tree.width == 1 ? tree.output : k] +=
                        tree.values[int64_t{tree.nodes[0].leaf} * tree.width + k] /
                        ensemble.parts().divisor;
    }

    TreeShapValues values(MatrixView<const float> rows, const Run& run) const override {
        return all(rows, run);
    }
    TreeShapValues values(MatrixView<const double> rows, const Run& run) const override {
        return all(rows, run);
    }

  private:
    using Chunk = PathChunk<Scalar>;

    template <class T>
    TreeShapValues all(MatrixView<const T> rows, const Run& run) const {
        if (rows.columns != features_)
            throw Error(ErrorKind::input, "the rows have " + std::to_string(rows.columns) +
                                              " columns, the ensemble was trained on " +
                                              std::to_string(features_));
        TreeShapValues to{.rows = rows.rows, .features = features_, .outputs = outputs_};
        to.values.assign(rows.rows * features_ * outputs_, 0);
        to.margins.resize(rows.rows * outputs_);
        for (int64_t i = 0; i < rows.rows * outputs_; ++i) to.margins[i] = constant_[i % outputs_];
        to.expected = expected_;
        const int64_t blocks = (rows.rows + rows_of_block - 1) / rows_of_block;
        // Few rows are spread over trees. Either way a row's sums are taken chunk after chunk.
        if (blocks < thread_count(run)) {
            for (int64_t b = 0; b < blocks; ++b) spread_over_trees(rows, b, run, to);
        } else {
            parallel_for(run, blocks, 1,
                         [&](int64_t begin, int64_t) { block_of_rows(rows, begin, to); });
        }
        to.gaps = gaps_of(to);
        return to;
    }

    /// Rows of a block, and how many lanes they take.
    struct Range {
        int64_t first, count, stride;
    };

    Range range(int64_t rows, int64_t block) const {
        const int64_t first = block * rows_of_block;
        const int64_t count = std::min(rows_of_block, rows - first);
        return {first, count, (count + kernels_.lanes - 1) / kernels_.lanes * kernels_.lanes};
    }

    template <class T>
    void block_of_rows(MatrixView<const T> rows, int64_t block, TreeShapValues& to) const {
        const Range range = this->range(rows.rows, block);
        const Aligned<int32_t> columns(columns_.count() * range.stride);
        columns_.fill(rows, range.first, range.count, range.stride, columns.data());
        int64_t sums_size = 0, workspace = 0;
        for (const Chunk& chunk : program_.chunks()) {
            sums_size = std::max(sums_size, size_of(chunk, range));
            workspace = std::max(workspace, chunk.workspace);
        }
        const Aligned<Scalar> sums(sums_size);
        const Aligned<std::byte> space(workspace);
        for (const Chunk& chunk : program_.chunks()) {
            walk(chunk, columns.data(), range, sums.data(), space.data());
            add(chunk, range, sums.data(), to);
        }
    }

    template <class T>
    void spread_over_trees(MatrixView<const T> rows, int64_t block, const Run& run,
                           TreeShapValues& to) const {
        const Range range = this->range(rows.rows, block);
        const Aligned<int32_t> columns(columns_.count() * range.stride);
        columns_.fill(rows, range.first, range.count, range.stride, columns.data());
        const std::vector<Chunk>& chunks = program_.chunks();
        std::vector<int64_t> starts(chunks.size() + 1, 0);
        for (size_t i = 0; i < chunks.size(); ++i)
            starts[i + 1] = starts[i] + size_of(chunks[i], range);
        const Aligned<Scalar> sums(starts.back());
        parallel_for(run, static_cast<int64_t>(chunks.size()), 1, [&](int64_t i, int64_t) {
            const Aligned<std::byte> space(chunks[i].workspace);
            walk(chunks[i], columns.data(), range, sums.data() + starts[i], space.data());
        });
        for (size_t i = 0; i < chunks.size(); ++i)
            add(chunks[i], range, sums.data() + starts[i], to);
    }

    /// Sums of the slots, then the values reached.
    static int64_t size_of(const Chunk& chunk, const Range& range) {
        return static_cast<int64_t>(chunk.slots.size() + 1) * chunk.outputs * range.stride;
    }

    void walk(const Chunk& chunk, const int32_t* columns, const Range& range, Scalar* sums,
              std::byte* space) const {
        std::fill_n(sums, size_of(chunk, range), Scalar{0});
        Scalar* const reached =
            sums + static_cast<int64_t>(chunk.slots.size()) * chunk.outputs * range.stride;
        const Block<Scalar> block{columns, range.stride, sums, reached, space};
        const FlushTiny flush;
        for (const PathTree<Scalar>& tree : chunk.trees) kernels_.walk_path(tree, block);
    }

    void add(const Chunk& chunk, const Range& range, const Scalar* sums, TreeShapValues& to) const {
        const auto slots = static_cast<int64_t>(chunk.slots.size());
        for (int64_t i = 0; i < range.count; ++i) {
            double* const values = to.values.data() + (range.first + i) * features_ * outputs_;
            double* const margins = to.margins.data() + (range.first + i) * outputs_;
            for (int32_t k = 0; k < chunk.outputs; ++k) {
                for (int64_t s = 0; s < slots; ++s)
                    values[chunk.slots[s] * outputs_ + chunk.output + k] +=
                        static_cast<double>(sums[(s * chunk.outputs + k) * range.stride + i]);
                margins[chunk.output + k] +=
                    static_cast<double>(sums[(slots * chunk.outputs + k) * range.stride + i]);
            }
        }
    }

    const Kernels<Scalar>& kernels_;
    int64_t features_, outputs_;
    Columns columns_;
    PathProgram<Scalar> program_;
    std::vector<double> expected_;
    std::vector<double> constant_;  ///< what margins start from: the base and trees of one leaf
};

}  // namespace

TreeShap::TreeShap(const Ensemble& ensemble, const TreeShapOptions& options) {
    require_covers(ensemble);
    if (options.precision == Precision::float32)
        engine_ = std::make_unique<PathEngine<float>>(ensemble, options);
    else
        engine_ = std::make_unique<PathEngine<double>>(ensemble, options);
}

TreeShap::~TreeShap() = default;
TreeShap::TreeShap(TreeShap&&) noexcept = default;
TreeShap& TreeShap::operator=(TreeShap&&) noexcept = default;

TreeShapValues TreeShap::values(MatrixView<const float> rows, const Run& run) const {
    return engine_->values(rows, run);
}
TreeShapValues TreeShap::values(MatrixView<const double> rows, const Run& run) const {
    return engine_->values(rows, run);
}

}  // namespace whence::trees
