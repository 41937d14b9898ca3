#pragma once
// Rows against a background: pairs or tables, whichever a tree is estimated to take less time by.

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "whence/core/error.h"
#include "whence/core/parallel.h"
#include "whence/trees/shap/background.h"
#include "whence/trees/shap/quadrature.h"

namespace whence::trees {

/// `Form` says what is found of a row, values of features or of pairs:
///   Values, empty(rows, features, outputs)  the result
///   sums(slots)          numbers that a walk adds to, of a chunk with so many players
///   tables(d)            tables of a leaf with d features on the path
///   tables_pay(tree, rows, background)      whether they are estimated to take less time
///   fill_tables(d, value, counts, rule, tables)
///   walk_pairs(kernels, tree, block), walk_tables(kernels, tree, block, slots)
///   add(chunk, sums, stride, first, count, to)  sums of rows to the result
template <class Scalar, class Form>
class BackgroundEngine {
  public:
    using Values = typename Form::Values;

    BackgroundEngine(const Ensemble& ensemble, MatrixView<const double> background,
                     std::span<const double> weights, const TreeShapOptions& options)
        : background_(ensemble, background, weights, Form::trees_together(ensemble), options),
          index_(options.index) {}

    template <class T>
    [[nodiscard]] Values values(MatrixView<const T> rows, const Run& run) const {
        if (rows.columns != background_.features)
            throw Error(ErrorKind::input, "the rows have " + std::to_string(rows.columns) +
                                              " columns, the ensemble was trained on " +
                                              std::to_string(background_.features));
        Values to = Form::empty(rows.rows, background_.features, background_.outputs);
        to.expected = background_.expected;
        to.margins = background_.predictor.margins(rows, run);
        add_tables(rows, run, to);
        add_pairs(rows, run, to);
        to.gaps = gaps_of(to);
        return to;
    }

  private:
    using Chunk = PathChunk<Scalar>;
    using Program = PathTree<Scalar>;

    static constexpr int64_t rows_of_block = 64;
    static constexpr int64_t rows_of_batch = 256;
    static constexpr int64_t sums_of_batch = int64_t{1} << 22;  // of pairs: bounds their memory
    static constexpr int32_t most_table_features = 10;
    static constexpr int64_t most_table_bytes = 64 << 20;  // of trees that are tabulated together

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

    bool tabulates(const Program& tree, int64_t rows) const {
        return tree.entries <= most_table_features &&
               Form::tables_pay(tree, static_cast<double>(rows),
                                static_cast<double>(background_.rows));
    }

    template <class T>
    void add_tables(MatrixView<const T> rows, const Run& run, Values& to) const {
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
        for (const Chunk& chunk : background_.program.chunks())
            for (const Program& tree : chunk.trees) {
                if (!tabulates(tree, rows.rows)) continue;
                Tabulated& next =
                    group.emplace_back(Tabulated{&chunk, &tree, features_of_leaves(tree), {}, {}});
                for (const int32_t d : next.features)
                    bytes += (Form::tables(d) << d) * static_cast<int64_t>(sizeof(Scalar));
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
            to.starts[leaf + 1] = to.starts[leaf] + (Form::tables(d) << d);
        }
        std::vector<double> counts(starts.back(), 0);
        background_.kernels.count_patterns(
            tree, {background_.columns.data(), background_.stride, starts.data(),
                   background_.weights.data(), counts.data()});
        const Quadrature rule =
            index_ == TreeIndex::banzhaf ? Quadrature{{0.5}, {1}} : gauss_legendre(tree.count);
        to.tables.resize(to.starts.back());
        std::vector<double> tables;
        for (size_t leaf = 0; leaf < leaves; ++leaf) {
            const int64_t d = to.features[leaf];
            tables.assign(Form::tables(d) << d, 0);
            Form::fill_tables(static_cast<int>(d), static_cast<double>(tree.values[leaf]),
                              {counts.data() + starts[leaf], size_t{1} << d}, rule, tables);
            std::ranges::transform(tables, to.tables.begin() + to.starts[leaf],
                                   [](double x) { return static_cast<Scalar>(x); });
        }
    }

    template <class T>
    void look_up(MatrixView<const T> rows, int64_t first, const std::vector<Tabulated>& group,
                 Values& to) const {
        const int64_t count = std::min(rows_of_block, rows.rows - first);
        const int64_t lanes = background_.kernels.lanes;
        const int64_t stride = (count + lanes - 1) / lanes * lanes;
        const Aligned<int32_t> columns(background_.read.count() * stride);
        background_.read.fill(rows, first, count, stride, columns.data());
        std::vector<Scalar> sums;
        for (size_t i = 0; i < group.size(); ++i) {
            const Tabulated& of = group[i];
            const auto slots = std::ssize(of.chunk->slots);
            if (i == 0 || group[i - 1].chunk != of.chunk)
                sums.assign(Form::sums(slots) * stride, 0);
            {
                const FlushTiny flush;
                Form::walk_tables(
                    background_.kernels, *of.tree,
                    {columns.data(), stride, of.starts.data(), of.tables.data(), sums.data()},
                    slots);
            }
            if (i + 1 == group.size() || group[i + 1].chunk != of.chunk)
                Form::add(*of.chunk, sums.data(), stride, first, count, to);
        }
    }

    template <class T>
    void add_pairs(MatrixView<const T> rows, const Run& run, Values& to) const {
        std::vector<Walked> walked;
        std::vector<int64_t> starts{0};
        for (const Chunk& chunk : background_.program.chunks()) {
            Walked next{&chunk, {}};
            for (const Program& tree : chunk.trees)
                if (!tabulates(tree, rows.rows)) next.trees.push_back(&tree);
            if (next.trees.empty()) continue;
            walked.push_back(std::move(next));
            starts.push_back(starts.back() + Form::sums(std::ssize(chunk.slots)));
        }
        if (walked.empty()) return;
        const int64_t parts = std::ssize(walked), all = starts.back();
        const int64_t batch = std::clamp<int64_t>(sums_of_batch / all, 1, rows_of_batch);
        for (int64_t first = 0; first < rows.rows; first += batch) {
            const int64_t count = std::min(batch, rows.rows - first);
            std::vector<double> sums(count * all, 0);
            parallel_for(run, count * parts, 1, [&](int64_t item, int64_t) {
                const int64_t row = item / parts, c = item % parts;
                walk(rows, first + row, walked[c], sums.data() + row * all + starts[c]);
            });
            parallel_for(run, count, 1, [&](int64_t row, int64_t) {
                for (int64_t c = 0; c < parts; ++c)
                    Form::add(*walked[c].chunk, sums.data() + row * all + starts[c], 1, first + row,
                              1, to);
            });
        }
    }

    /// to: [Form::sums].
    template <class T>
    void walk(MatrixView<const T> rows, int64_t row, const Walked& of, double* to) const {
        const Aligned<int32_t> columns(background_.read.count());
        background_.read.fill(rows, row, 1, 1, columns.data());
        const auto slots = std::ssize(of.chunk->slots);
        const int lanes = background_.kernels.lanes;
        std::vector<Scalar> sums(Form::sums(slots) * lanes, 0);
        {
            const FlushTiny flush;
            for (const Program* tree : of.trees)
                Form::walk_pairs(background_.kernels, *tree,
                                 background_.pairs(*tree, columns.data(), slots, sums.data()));
        }
        for (int64_t i = 0; i < Form::sums(slots); ++i)
            to[i] = static_cast<double>(sum_of_lanes(sums.data() + i * lanes));
    }

    /// Half is added to half, and so on: written over.
    Scalar sum_of_lanes(Scalar* lanes) const {
        for (int half = background_.kernels.lanes / 2; half > 0; half /= 2)
            for (int i = 0; i < half; ++i) lanes[i] += lanes[i + half];
        return lanes[0];
    }

    CompiledBackground<Scalar> background_;
    TreeIndex index_;
};

}  // namespace whence::trees
