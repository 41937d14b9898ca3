#include "whence/trees/shap/interventional.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "whence/core/error.h"
#include "whence/core/parallel.h"
#include "whence/trees/predict.h"
#include "whence/trees/shap/background.h"
#include "whence/trees/shap/columns.h"
#include "whence/trees/shap/kernels.h"
#include "whence/trees/shap/path_compiler.h"
#include "whence/trees/shap/pattern_tables.h"
#include "whence/trees/shap/quadrature.h"
#include "whence/trees/shap/workspace.h"

namespace whence::trees {

class InterventionalShap::Engine {
  public:
    virtual ~Engine() = default;
    [[nodiscard]] virtual TreeShapValues values(MatrixView<const float> rows,
                                                const Run& run) const = 0;
    [[nodiscard]] virtual TreeShapValues values(MatrixView<const double> rows,
                                                const Run& run) const = 0;
};

namespace {

constexpr int64_t rows_of_block = 64;
constexpr int64_t rows_of_batch = 256;  // of pairs: bounds the memory of their sums
constexpr int32_t most_table_features = 10;
constexpr int64_t most_table_bytes = 64 << 20;  // of the trees that are tabulated together

/// Weights of a coalition by p and z (background_program.h): for Shapley values (p - 1)! z! / (p +
/// z)! and p! (z - 1)! / (p + z)!, for Banzhaf values 2^(1 - p - z).
template <class Scalar>
struct CoalitionWeights {
    CoalitionWeights(int64_t most, TreeIndex index)
        : players(most), gain(coalition_table_size(most), 0), loss(gain) {
        for (int64_t z = 0; z <= most; ++z)
            for (int64_t p = 0; p + z <= most; ++p) {
                if (p > 0)
                    gain[z * (most + 1) + p] =
                        static_cast<Scalar>(coalition_weight(p - 1, z, index));
                if (z > 0)
                    loss[z * (most + 1) + p] =
                        static_cast<Scalar>(coalition_weight(p, z - 1, index));
            }
    }

    int64_t players;
    std::vector<Scalar> gain, loss;
};

template <class Scalar>
class BackgroundEngine final : public InterventionalShap::Engine {
  public:
    BackgroundEngine(const Ensemble& ensemble, MatrixView<const double> background,
                     std::span<const double> weights, const TreeShapOptions& options)
        : kernels_(kernels<Scalar>(resolve(options.isa))),
          index_(options.index),
          features_(ensemble.features()),
          outputs_(ensemble.outputs()),
          columns_(ensemble),
          program_(ensemble, {.outputs_together = 1}, columns_),
          predictor_(ensemble),
          rows_(background.rows),
          stride_((background.rows + kernels_.lanes - 1) / kernels_.lanes * kernels_.lanes),
          background_(columns_.count() * stride_),
          weights_(normalised(weights, background.rows)),
          coalitions_(most_players(), options.index) {
        weights_.resize(stride_, 0);
        lane_weights_.assign(weights_.begin(), weights_.end());
        columns_.fill(background, 0, rows_, stride_, background_.data());
        expected_ = mean_margins(predictor_.margins(background, {}), weights_, outputs_);
    }

    TreeShapValues values(MatrixView<const float> rows, const Run& run) const override {
        return all(rows, run);
    }
    TreeShapValues values(MatrixView<const double> rows, const Run& run) const override {
        return all(rows, run);
    }

  private:
    using Chunk = PathChunk<Scalar>;
    using Program = PathTree<Scalar>;

    /// A tree with tables for its leaves.
    struct Tabulated {
        const Chunk* chunk;
        const Program* tree;
        std::vector<int32_t> features;  ///< by leaf
        std::vector<int64_t> starts;    ///< by leaf, in tables
        std::vector<Scalar> tables;
    };

    int32_t most_players() const {
        int32_t most = 0;
        for (const Chunk& chunk : program_.chunks())
            for (const Program& tree : chunk.trees) most = std::max(most, tree.entries);
        return most;
    }

    template <class T>
    TreeShapValues all(MatrixView<const T> rows, const Run& run) const {
        if (rows.columns != features_)
            throw Error(ErrorKind::input, "the rows have " + std::to_string(rows.columns) +
                                              " columns, the ensemble was trained on " +
                                              std::to_string(features_));
        TreeShapValues to{.rows = rows.rows, .features = features_, .outputs = outputs_};
        to.values.assign(rows.rows * features_ * outputs_, 0);
        to.expected = expected_;
        to.margins = predictor_.margins(rows, run);
        add_tables(rows, run, to);
        add_pairs(rows, run, to);
        to.gaps = gaps_of(to);
        return to;
    }

    /// Whether tables are estimated to take less time than walks, in ns for each leaf.
    bool tabulates(const Program& tree, int64_t rows) const {
        if (tree.entries > most_table_features) return false;
        const double d = tree.entries, n = static_cast<double>(rows),
                     m = static_cast<double>(rows_);
        const double tables = 4 * m + tree.count * 2 * d * std::exp2(d) + 1.5 * n * d;
        return tables < 0.4 * n * m;
    }

    template <class T>
    void add_tables(MatrixView<const T> rows, const Run& run, TreeShapValues& to) const {
        std::vector<Tabulated> group;
        int64_t bytes = 0;
        const auto finish = [&] {
            parallel_for(run, static_cast<int64_t>(group.size()), 1,
                         [&](int64_t i, int64_t) { tabulate(group[i]); });
            const int64_t blocks = (rows.rows + rows_of_block - 1) / rows_of_block;
            parallel_for(run, blocks, 1,
                         [&](int64_t b, int64_t) { look_up(rows, b * rows_of_block, group, to); });
            group.clear();
            bytes = 0;
        };
        for (const Chunk& chunk : program_.chunks())
            for (const Program& tree : chunk.trees) {
                if (!tabulates(tree, rows.rows)) continue;
                Tabulated& next =
                    group.emplace_back(Tabulated{&chunk, &tree, features_of_leaves(tree), {}, {}});
                for (const int32_t d : next.features)
                    bytes += (int64_t{d} << d) * static_cast<int64_t>(sizeof(Scalar));
                if (bytes >= most_table_bytes) finish();
            }
        if (!group.empty()) finish();
    }

    void tabulate(Tabulated& to) const {
        const size_t leaves = to.features.size();
        std::vector<int64_t> starts(leaves + 1, 0);
        to.starts.assign(leaves + 1, 0);
        for (size_t leaf = 0; leaf < leaves; ++leaf) {
            const int64_t d = to.features[leaf];
            starts[leaf + 1] = starts[leaf] + (int64_t{1} << d);
            to.starts[leaf + 1] = to.starts[leaf] + (d << d);
        }
        std::vector<double> counts(starts.back(), 0);
        kernels_.count_patterns(
            *to.tree, {background_.data(), stride_, starts.data(), weights_.data(), counts.data()});
        const Quadrature rule =
            index_ == TreeIndex::banzhaf ? Quadrature{{0.5}, {1}} : gauss_legendre(to.tree->count);
        to.tables.resize(to.starts.back());
        std::vector<double> tables;
        for (size_t leaf = 0; leaf < leaves; ++leaf) {
            const int64_t d = to.features[leaf];
            tables.assign(d << d, 0);
            add_pattern_tables(static_cast<int>(d), static_cast<double>(to.tree->values[leaf]),
                               {counts.data() + starts[leaf], size_t{1} << d}, rule, tables);
            std::ranges::transform(tables, to.tables.begin() + to.starts[leaf],
                                   [](double x) { return static_cast<Scalar>(x); });
        }
    }

    template <class T>
    void look_up(MatrixView<const T> rows, int64_t first, const std::vector<Tabulated>& group,
                 TreeShapValues& to) const {
        const int64_t count = std::min(rows_of_block, rows.rows - first);
        const int64_t stride = (count + kernels_.lanes - 1) / kernels_.lanes * kernels_.lanes;
        const Aligned<int32_t> columns(columns_.count() * stride);
        columns_.fill(rows, first, count, stride, columns.data());
        std::vector<Scalar> sums;
        for (size_t i = 0; i < group.size(); ++i) {
            const Tabulated& of = group[i];
            const bool new_chunk = i == 0 || group[i - 1].chunk != of.chunk;
            if (new_chunk) sums.assign(of.chunk->slots.size() * stride, 0);
            {
                const FlushTiny flush;
                kernels_.walk_tables(*of.tree, {columns.data(), stride, of.starts.data(),
                                                of.tables.data(), sums.data()});
            }
            const bool last_of_chunk = i + 1 == group.size() || group[i + 1].chunk != of.chunk;
            if (!last_of_chunk) continue;
            for (int64_t row = 0; row < count; ++row)
                for (size_t s = 0; s < of.chunk->slots.size(); ++s)
                    at(to, first + row, *of.chunk, s) +=
                        static_cast<double>(sums[s * stride + row]);
        }
    }

    template <class T>
    void add_pairs(MatrixView<const T> rows, const Run& run, TreeShapValues& to) const {
        const std::vector<Chunk>& chunks = program_.chunks();
        std::vector<std::vector<const Program*>> walked(chunks.size());
        std::vector<int64_t> starts(chunks.size() + 1, 0);
        bool any = false;
        for (size_t c = 0; c < chunks.size(); ++c) {
            for (const Program& tree : chunks[c].trees)
                if (!tabulates(tree, rows.rows)) walked[c].push_back(&tree);
            any |= !walked[c].empty();
            starts[c + 1] = starts[c] + static_cast<int64_t>(chunks[c].slots.size());
        }
        if (!any) return;
        const auto parts = static_cast<int64_t>(chunks.size());
        for (int64_t first = 0; first < rows.rows; first += rows_of_batch) {
            const int64_t count = std::min(rows_of_batch, rows.rows - first);
            std::vector<double> sums(count * starts.back(), 0);
            parallel_for(run, count * parts, 1, [&](int64_t item, int64_t) {
                const int64_t row = item / parts, c = item % parts;
                walk(rows, first + row, chunks[c], walked[c],
                     sums.data() + row * starts.back() + starts[c]);
            });
            for (int64_t row = 0; row < count; ++row)
                for (int64_t c = 0; c < parts; ++c)
                    for (size_t s = 0; s < chunks[c].slots.size(); ++s)
                        at(to, first + row, chunks[c], s) +=
                            sums[row * starts.back() + starts[c] + s];
        }
    }

    template <class T>
    void walk(MatrixView<const T> rows, int64_t row, const Chunk& chunk,
              const std::vector<const Program*>& trees, double* to) const {
        const Aligned<int32_t> columns(columns_.count());
        columns_.fill(rows, row, 1, 1, columns.data());
        const auto slots = static_cast<int64_t>(chunk.slots.size());
        std::vector<Scalar> sums(slots * kernels_.lanes, 0);
        const PairBlock<Scalar> block{
            columns.data(),          background_.data(),      lane_weights_.data(), stride_,
            coalitions_.gain.data(), coalitions_.loss.data(), coalitions_.players,  sums.data()};
        {
            const FlushTiny flush;
            for (const Program* tree : trees) kernels_.walk_pairs(*tree, block);
        }
        for (int64_t s = 0; s < slots; ++s)
            for (int lane = 0; lane < kernels_.lanes; ++lane)
                to[s] += static_cast<double>(sums[s * kernels_.lanes + lane]);
    }

    double& at(TreeShapValues& to, int64_t row, const Chunk& chunk, size_t slot) const {
        return to.values[(row * features_ + chunk.slots[slot]) * outputs_ + chunk.output];
    }

    const Kernels<Scalar>& kernels_;
    TreeIndex index_;
    int64_t features_, outputs_;
    Columns columns_;
    PathProgram<Scalar> program_;
    Predictor predictor_;
    int64_t rows_, stride_;  ///< of the background
    Aligned<int32_t> background_;
    std::vector<double> weights_;
    std::vector<Scalar> lane_weights_;
    CoalitionWeights<Scalar> coalitions_;
    std::vector<double> expected_;
};

}  // namespace

InterventionalShap::InterventionalShap(const Ensemble& ensemble,
                                       MatrixView<const double> background,
                                       std::span<const double> weights,
                                       const TreeShapOptions& options) {
    require_background(ensemble, background);
    if (options.precision == Precision::float32)
        engine_ = std::make_unique<BackgroundEngine<float>>(ensemble, background, weights, options);
    else
        engine_ =
            std::make_unique<BackgroundEngine<double>>(ensemble, background, weights, options);
}

InterventionalShap::~InterventionalShap() = default;
InterventionalShap::InterventionalShap(InterventionalShap&&) noexcept = default;
InterventionalShap& InterventionalShap::operator=(InterventionalShap&&) noexcept = default;

TreeShapValues InterventionalShap::values(MatrixView<const float> rows, const Run& run) const {
    return engine_->values(rows, run);
}
TreeShapValues InterventionalShap::values(MatrixView<const double> rows, const Run& run) const {
    return engine_->values(rows, run);
}

}  // namespace whence::trees
