#include "whence/trees/shap/interventional_interactions.h"

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
#include "whence/trees/shap/interaction_matrix.h"
#include "whence/trees/shap/kernels.h"
#include "whence/trees/shap/path_compiler.h"
#include "whence/trees/shap/pattern_tables.h"
#include "whence/trees/shap/quadrature.h"
#include "whence/trees/shap/workspace.h"

namespace whence::trees {

class InterventionalInteractions::Engine {
  public:
    virtual ~Engine() = default;
    [[nodiscard]] virtual TreeInteractionValues values(MatrixView<const float> rows,
                                                       const Run& run) const = 0;
    [[nodiscard]] virtual TreeInteractionValues values(MatrixView<const double> rows,
                                                       const Run& run) const = 0;
};

namespace {

constexpr int64_t rows_of_block = 64;
constexpr int64_t sums_of_batch = int64_t{1} << 22;  // of pairs: bounds the memory of their sums
constexpr int64_t few_features = 16;
constexpr int32_t most_table_features = 10;
constexpr int64_t most_table_bytes = 64 << 20;  // of the trees that are tabulated together

/// By p and z (background_program.h): what a leaf gives the Shapley value of a feature, and the
/// interaction index of two features of the same kind.
template <class Scalar>
struct InteractionWeights {
    explicit InteractionWeights(int64_t most)
        : players(most),
          gain(coalition_table_size(most), 0),
          loss(gain),
          gains(gain),
          losses(gain) {
        const auto weight = [](int64_t a, int64_t b) {
            return a < 0 || b < 0 ? Scalar{0} : static_cast<Scalar>(coalition_weight(a, b));
        };
        for (int64_t z = 0; z <= most; ++z)
            for (int64_t p = 0; p + z <= most; ++p) {
                const int64_t at = z * (most + 1) + p;
                gain[at] = weight(p - 1, z);
                loss[at] = weight(p, z - 1);
                gains[at] = weight(p - 2, z);
                losses[at] = weight(p, z - 2);
            }
    }

    int64_t players;
    std::vector<Scalar> gain, loss, gains, losses;
};

int64_t tables_of(int64_t features) {
    return features * (features + 1) / 2;
}

template <class Scalar>
class BackgroundInteractions final : public InterventionalInteractions::Engine {
  public:
    BackgroundInteractions(const Ensemble& ensemble, MatrixView<const double> background,
                           std::span<const double> weights, const TreeInteractionsOptions& options)
        : kernels_(kernels<Scalar>(resolve(options.isa))),
          features_(ensemble.features()),
          outputs_(ensemble.outputs()),
          columns_(ensemble),
          // many features: one tree a chunk, for the pairs of its own are few
          program_(ensemble,
                   {.trees_together = ensemble.features() <= few_features ? 32 : 1,
                    .outputs_together = 1},
                   columns_),
          predictor_(ensemble),
          rows_(background.rows),
          stride_((background.rows + kernels_.lanes - 1) / kernels_.lanes * kernels_.lanes),
          background_(columns_.count() * stride_),
          weights_(normalised(weights, background.rows)),
          coalitions_(most_players()) {
        expected_ = mean_margins(predictor_.margins(background, {}), weights_, outputs_);
        weights_.resize(stride_, 0);
        lane_weights_.assign(weights_.begin(), weights_.end());
        columns_.fill(background, 0, rows_, stride_, background_.data());
    }

    TreeInteractionValues values(MatrixView<const float> rows, const Run& run) const override {
        return all(rows, run);
    }
    TreeInteractionValues values(MatrixView<const double> rows, const Run& run) const override {
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

    /// Trees of a chunk that the pairs walk.
    struct Walked {
        const Chunk* chunk;
        std::vector<const Program*> trees;
    };

    int32_t most_players() const {
        int32_t most = 0;
        for (const Chunk& chunk : program_.chunks())
            for (const Program& tree : chunk.trees) most = std::max(most, tree.entries);
        return most;
    }

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
        const auto pairs = static_cast<double>(tables_of(tree.entries));
        const double tables = 4 * m + 0.3 * pairs * (tree.count * std::exp2(d) + n);
        return tables < 0.6 * n * m;
    }

    template <class T>
    void add_tables(MatrixView<const T> rows, const Run& run, TreeInteractionValues& to) const {
        std::vector<Tabulated> group;
        int64_t bytes = 0;
        const auto finish = [&] {
            parallel_for(run, std::ssize(group), 1,
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
                    bytes += (tables_of(d) << d) * static_cast<int64_t>(sizeof(Scalar));
                if (bytes >= most_table_bytes) finish();
            }
        if (!group.empty()) finish();
    }

    void tabulate(Tabulated& to) const {
        const Program& tree = *to.tree;
        const size_t leaves = to.features.size();
        std::vector<int64_t> starts(leaves + 1, 0);
        to.starts.assign(leaves + 1, 0);
        for (size_t leaf = 0; leaf < leaves; ++leaf) {
            const int64_t d = to.features[leaf];
            starts[leaf + 1] = starts[leaf] + (int64_t{1} << d);
            to.starts[leaf + 1] = to.starts[leaf] + (tables_of(d) << d);
        }
        std::vector<double> counts(starts.back(), 0);
        kernels_.count_patterns(
            tree, {background_.data(), stride_, starts.data(), weights_.data(), counts.data()});
        const Quadrature rule = gauss_legendre(tree.count);
        to.tables.resize(to.starts.back());
        std::vector<double> tables;
        for (size_t leaf = 0; leaf < leaves; ++leaf) {
            const int64_t d = to.features[leaf];
            tables.assign(tables_of(d) << d, 0);
            add_interaction_tables(static_cast<int>(d), static_cast<double>(tree.values[leaf]),
                                   {counts.data() + starts[leaf], size_t{1} << d}, rule, tables);
            std::ranges::transform(tables, to.tables.begin() + to.starts[leaf],
                                   [](double x) { return static_cast<Scalar>(x); });
        }
    }

    template <class T>
    void look_up(MatrixView<const T> rows, int64_t first, const std::vector<Tabulated>& group,
                 TreeInteractionValues& to) const {
        const int64_t count = std::min(rows_of_block, rows.rows - first);
        const int64_t stride = (count + kernels_.lanes - 1) / kernels_.lanes * kernels_.lanes;
        const Aligned<int32_t> columns(columns_.count() * stride);
        columns_.fill(rows, first, count, stride, columns.data());
        std::vector<Scalar> sums;
        for (size_t i = 0; i < group.size(); ++i) {
            const Tabulated& of = group[i];
            const auto slots = static_cast<int64_t>(of.chunk->slots.size());
            if (i == 0 || group[i - 1].chunk != of.chunk) sums.assign(slots * slots * stride, 0);
            {
                const FlushTiny flush;
                kernels_.walk_interaction_tables(
                    *of.tree,
                    {columns.data(), stride, of.starts.data(), of.tables.data(), sums.data()},
                    slots);
            }
            if (i + 1 == group.size() || group[i + 1].chunk != of.chunk)
                add_matrices(*of.chunk, sums.data(), stride, first, count, to);
        }
    }

    template <class T>
    void add_pairs(MatrixView<const T> rows, const Run& run, TreeInteractionValues& to) const {
        std::vector<Walked> walked;
        std::vector<int64_t> starts{0};
        for (const Chunk& chunk : program_.chunks()) {
            Walked next{&chunk, {}};
            for (const Program& tree : chunk.trees)
                if (!tabulates(tree, rows.rows)) next.trees.push_back(&tree);
            if (next.trees.empty()) continue;
            walked.push_back(std::move(next));
            const auto slots = static_cast<int64_t>(chunk.slots.size());
            starts.push_back(starts.back() + slots * slots);
        }
        if (walked.empty()) return;
        const int64_t parts = std::ssize(walked), all = starts.back();
        const int64_t batch = std::clamp<int64_t>(sums_of_batch / all, 1, 256);
        for (int64_t first = 0; first < rows.rows; first += batch) {
            const int64_t count = std::min(batch, rows.rows - first);
            std::vector<double> sums(count * all, 0);
            parallel_for(run, count * parts, 1, [&](int64_t item, int64_t) {
                const int64_t row = item / parts, c = item % parts;
                walk(rows, first + row, walked[c], sums.data() + row * all + starts[c]);
            });
            parallel_for(run, count, 1, [&](int64_t row, int64_t) {
                for (int64_t c = 0; c < parts; ++c)
                    add_matrices(*walked[c].chunk, sums.data() + row * all + starts[c], 1,
                                 first + row, 1, to);
            });
        }
    }

    /// to: [slots, slots].
    template <class T>
    void walk(MatrixView<const T> rows, int64_t row, const Walked& of, double* to) const {
        const Aligned<int32_t> columns(columns_.count());
        columns_.fill(rows, row, 1, 1, columns.data());
        const auto slots = static_cast<int64_t>(of.chunk->slots.size());
        std::vector<Scalar> sums(slots * slots * kernels_.lanes, 0);
        const InteractionWeights<Scalar>& c = coalitions_;
        const PairInteractionBlock<Scalar> block{
            columns.data(), background_.data(), lane_weights_.data(), stride_,   c.gain.data(),
            c.loss.data(),  c.gains.data(),     c.losses.data(),      c.players, slots,
            sums.data()};
        {
            const FlushTiny flush;
            for (const Program* tree : of.trees) kernels_.walk_pair_interactions(*tree, block);
        }
        for (int64_t pair = 0; pair < slots * slots; ++pair)
            to[pair] = static_cast<double>(sum_of_lanes(sums.data() + pair * kernels_.lanes));
    }

    /// Half is added to half, and so on: written over.
    Scalar sum_of_lanes(Scalar* lanes) const {
        for (int half = kernels_.lanes / 2; half > 0; half /= 2)
            for (int i = 0; i < half; ++i) lanes[i] += lanes[i + half];
        return lanes[0];
    }

    const Kernels<Scalar>& kernels_;
    int64_t features_, outputs_;
    Columns columns_;
    PathProgram<Scalar> program_;
    Predictor predictor_;
    int64_t rows_, stride_;  ///< of the background
    Aligned<int32_t> background_;
    std::vector<double> weights_;
    std::vector<Scalar> lane_weights_;
    InteractionWeights<Scalar> coalitions_;
    std::vector<double> expected_;
};

}  // namespace

InterventionalInteractions::InterventionalInteractions(const Ensemble& ensemble,
                                                       MatrixView<const double> background,
                                                       std::span<const double> weights,
                                                       const TreeInteractionsOptions& options) {
    require_background(ensemble, background);
    if (options.precision == Precision::float32)
        engine_ =
            std::make_unique<BackgroundInteractions<float>>(ensemble, background, weights, options);
    else
        engine_ = std::make_unique<BackgroundInteractions<double>>(ensemble, background, weights,
                                                                   options);
}

InterventionalInteractions::~InterventionalInteractions() = default;
InterventionalInteractions::InterventionalInteractions(InterventionalInteractions&&) noexcept =
    default;
InterventionalInteractions& InterventionalInteractions::operator=(
    InterventionalInteractions&&) noexcept = default;

TreeInteractionValues InterventionalInteractions::values(MatrixView<const float> rows,
                                                         const Run& run) const {
    return engine_->values(rows, run);
}
TreeInteractionValues InterventionalInteractions::values(MatrixView<const double> rows,
                                                         const Run& run) const {
    return engine_->values(rows, run);
}

}  // namespace whence::trees
