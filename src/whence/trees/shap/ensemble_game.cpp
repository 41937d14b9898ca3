#include "whence/trees/shap/ensemble_game.h"

#include <algorithm>
#include <array>
#include <bit>
#include <string>

#include "whence/core/error.h"
#include "whence/core/parallel.h"
#include "whence/core/vector_clones.h"
#include "whence/trees/shap/background.h"
#include "whence/trees/shap/columns.h"

namespace whence::trees {
namespace {

constexpr int64_t words = 8, block = 64 * words;  // coalitions that walk together
constexpr int64_t rows_together = 16;             // of the background, whose tables wait for a sum

using Bits = std::array<uint64_t, words>;  // a coalition each

// Adds a leaf's number to the sums of the coalitions that reach it.
WHENCE_VECTOR_CLONES
void add_where(const uint64_t* reach, double value, double* sums) {
    for (int64_t w = 0; w < words; ++w) {
        const uint64_t bits = reach[w];
        if (bits == 0) continue;
        double* const to = sums + 64 * w;
        for (int i = 0; i < 64; ++i) to[i] += (bits >> i & 1) != 0 ? value : 0;
    }
}

// From coefficients of the products of players' bits to the values of all coalitions: each becomes
// the sum over its subsets (Yates 1937).
WHENCE_VECTOR_CLONES
void sum_over_subsets(double* values, int64_t players) {
    const int64_t size = int64_t{1} << players;
    for (int64_t half = 1; half < size; half *= 2)
        for (int64_t start = 0; start < size; start += 2 * half)
            for (int64_t i = start; i < start + half; ++i) values[i + half] += values[i];
}

}  // namespace

class EnsembleGame::Trees {
  public:
    Trees(const Ensemble& ensemble, std::span<const double> row,
          MatrixView<const double> background, std::vector<double> of_rows)
        : outputs(ensemble.outputs()),
          rows(background.rows),
          weights(std::move(of_rows)),
          columns_(ensemble) {
        const EnsembleParts& parts = ensemble.parts();
        base = parts.base;
        for (const Tree& tree : ensemble.trees()) add(ensemble, tree);
        words_ = columns_.words();
        row_.resize(columns_.count());
        background_.resize(columns_.count() * rows);
        columns_.fill(MatrixView<const double>{row.data(), 1, ensemble.features()}, 0, 1, 1,
                      row_.data());
        columns_.fill(background, 0, rows, rows, background_.data());
        find_players(ensemble.features());
    }

    /// Sums over trees, base included, of `count` <= 512 coalitions with the absent features from
    /// background row b: [outputs, block].
    void margins(const std::vector<Bits>& there, int64_t count, int64_t b, double* sums) const {
        Bits all{};
        for (int64_t i = 0; i < count; ++i) all[i / 64] |= uint64_t{1} << i % 64;
        for (int64_t k = 0; k < outputs; ++k) std::fill_n(sums + k * block, block, base[k]);
        for (const Root& root : roots_) walk(root, root.node, all, there, b, sums);
    }

    /// Coefficients of the margins as polynomials of the players' bits, background row b: [outputs,
    /// 2^players], zero before.
    void coefficients(int64_t b, double* to) const {
        const int64_t size = int64_t{1} << features.size();
        for (int64_t k = 0; k < outputs; ++k) to[k * size] += base[k];
        for (const Root& root : roots_) expand(root, root.node, 0, 0, b, size, to);
    }

    int64_t outputs, rows;
    std::vector<double> base, weights;
    std::vector<int32_t> features;  ///< of each player

  private:
    struct Step {
        ColumnTest test;
        int32_t feature;      ///< Ensemble::player of the split; -1: a leaf
        int32_t left, right;  ///< a leaf: where its numbers begin
    };
    struct Root {
        int32_t node, width, output;
    };

    void add(const Ensemble& ensemble, const Tree& tree) {
        const auto first = static_cast<int32_t>(steps_.size());
        const auto values = static_cast<int32_t>(values_.size());
        roots_.push_back({first, tree.width, tree.output});
        for (const Node& node : tree.nodes) {
            if (node.is_leaf())
                steps_.push_back({{}, -1, values + node.leaf * tree.width, 0});
            else
                steps_.push_back({columns_.test(tree, node), ensemble.player(node.feature),
                                  first + node.left, first + node.right});
        }
        for (const double value : tree.values)
            values_.push_back(value / ensemble.parts().divisor);
    }

    // A row's number in a column is its place among all that splits ask there: where it is the
    // same, no split tells two rows apart.
    void find_players(int64_t count) {
        std::vector<bool> plays(count, false);
        std::vector<int32_t> feature_of(columns_.count(), -1);
        for (const Step& step : steps_)
            if (step.feature >= 0) feature_of[step.test.column] = step.feature;
        for (int32_t c = 0; c < columns_.count(); ++c)
            for (int64_t b = 0; feature_of[c] >= 0 && b < rows; ++b)
                if (background_[c * rows + b] != row_[c]) plays[feature_of[c]] = true;
        player_.assign(count, -1);
        for (int64_t f = 0; f < count; ++f) {
            if (!plays[f]) continue;
            player_[f] = static_cast<int32_t>(features.size());
            features.push_back(static_cast<int32_t>(f));
        }
    }

    bool goes_left(const ColumnTest& test, int32_t x) const {
        if (!test.categorical) return x <= test.rank;
        return (words_[test.rank + (x >> 5)] >> (x & 31) & 1) != 0;
    }
    bool row_left(const Step& step) const { return goes_left(step.test, row_[step.test.column]); }
    bool background_left(const Step& step, int64_t b) const {
        return goes_left(step.test, background_[step.test.column * rows + b]);
    }

    void walk(const Root& root, int32_t at, const Bits& reach, const std::vector<Bits>& there,
              int64_t b, double* sums) const {
        const Step* step = &steps_[at];
        while (step->feature >= 0) {
            const bool x = row_left(*step), other = background_left(*step, b);
            if (x != other) break;
            step = &steps_[x ? step->left : step->right];
        }
        if (step->feature < 0) {
            const double* const numbers = values_.data() + step->left;
            for (int32_t k = 0; k < root.width; ++k)
                add_where(reach.data(), numbers[k], sums + (root.output + k) * block);
            return;
        }
        const Bits& player = there[player_[step->feature]];
        Bits as_row, as_background;
        uint64_t some_row = 0, some_background = 0;
        for (int64_t w = 0; w < words; ++w) {
            as_row[w] = reach[w] & player[w];
            as_background[w] = reach[w] & ~player[w];
            some_row |= as_row[w];
            some_background |= as_background[w];
        }
        const bool x = row_left(*step);
        if (some_row != 0) walk(root, x ? step->left : step->right, as_row, there, b, sums);
        if (some_background != 0)
            walk(root, x ? step->right : step->left, as_background, there, b, sums);
    }

    // `with` must be there and `without` must not, of a leaf that counts. Its product of bits and
    // of their complements is, multiplied out, a sum over the subsets of `without`.
    void expand(const Root& root, int32_t at, uint32_t with, uint32_t without, int64_t b,
                int64_t size, double* to) const {
        const Step* step = &steps_[at];
        uint32_t bit = 0;
        while (step->feature >= 0) {
            const bool x = row_left(*step), other = background_left(*step, b);
            if (x == other) {
                step = &steps_[x ? step->left : step->right];
                continue;
            }
            bit = uint32_t{1} << player_[step->feature];
            if (((with | without) & bit) == 0) break;
            step = &steps_[((with & bit) != 0) == x ? step->left : step->right];
        }
        if (step->feature >= 0) {
            const bool x = row_left(*step);
            expand(root, x ? step->left : step->right, with | bit, without, b, size, to);
            expand(root, x ? step->right : step->left, with, without | bit, b, size, to);
            return;
        }
        for (int32_t k = 0; k < root.width; ++k) {
            const double value = values_[step->left + k];
            double* const of_output = to + (root.output + k) * size;
            for (uint32_t part = without;; part = (part - 1) & without) {
                of_output[with | part] += std::popcount(part) % 2 == 0 ? value : -value;
                if (part == 0) break;
            }
        }
    }

    Columns columns_;
    std::vector<Root> roots_;
    std::vector<Step> steps_;
    std::vector<double> values_;
    std::vector<uint32_t> words_;
    std::vector<int32_t> row_, background_, player_;
};

EnsembleGame::EnsembleGame(const EnsembleModel& model, Worth worth, std::span<const double> row,
                           MatrixView<const double> background, std::span<const double> weights)
    : model_(model), worth_(std::move(worth)) {
    const Ensemble& ensemble = model.ensemble();
    require_background(ensemble, background);
    if (std::ssize(row) != ensemble.features())
        throw Error(ErrorKind::input, "the row has " + std::to_string(row.size()) +
                                          " columns, the ensemble was trained on " +
                                          std::to_string(ensemble.features()));
    trees_ = std::make_unique<const Trees>(ensemble, row, background,
                                           normalised(weights, background.rows));
}

EnsembleGame::~EnsembleGame() = default;

int64_t EnsembleGame::players() const {
    return std::ssize(trees_->features);
}

const std::vector<int32_t>& EnsembleGame::features() const {
    return trees_->features;
}

int64_t EnsembleGame::rows_per_value() const {
    return trees_->rows;
}

std::vector<double> EnsembleGame::values(MatrixView<const uint8_t> coalitions,
                                         const Run& run) const {
    const int64_t outputs = trees_->outputs;
    std::vector<double> values(coalitions.rows, 0);
    parallel_for(run, coalitions.rows, block, [&](int64_t begin, int64_t end) {
        const int64_t count = end - begin;
        std::vector<Bits> there(players(), Bits{});
        for (int64_t i = 0; i < count; ++i)
            for (int64_t j = 0; j < players(); ++j)
                there[j][i / 64] |= uint64_t{coalitions(begin + i, j) != 0} << i % 64;
        std::vector<double> sums(outputs * block), margins(count * outputs);
        for (int64_t b = 0; b < trees_->rows; ++b) {
            run.check();
            trees_->margins(there, count, b, sums.data());
            for (int64_t i = 0; i < count; ++i)
                for (int64_t k = 0; k < outputs; ++k)
                    margins[i * outputs + k] = sums[k * block + i];
            const std::vector<double> worth = worth_(model_.answers(margins));
            for (int64_t i = 0; i < count; ++i) values[begin + i] += trees_->weights[b] * worth[i];
        }
    });
    return values;
}

std::vector<double> EnsembleGame::table(const Run& run) const {
    if (players() > most_tabulated)
        throw Error(ErrorKind::limit, "all coalitions of " + std::to_string(players()) +
                                          " features are too many; at most " +
                                          std::to_string(most_tabulated) +
                                          " features are enumerated");
    const int64_t size = int64_t{1} << players(), outputs = trees_->outputs;
    std::vector<double> table(size, 0);
    for (int64_t first = 0; first < trees_->rows; first += rows_together) {
        const int64_t count = std::min(rows_together, trees_->rows - first);
        std::vector<std::vector<double>> of_rows(count);
        parallel_for(run, count, 1, [&](int64_t i, int64_t) {
            std::vector<double> sums(outputs * size, 0);
            trees_->coefficients(first + i, sums.data());
            for (int64_t k = 0; k < outputs; ++k)
                sum_over_subsets(sums.data() + k * size, players());
            if (outputs > 1) {
                std::vector<double> margins(sums.size());
                for (int64_t s = 0; s < size; ++s)
                    for (int64_t k = 0; k < outputs; ++k)
                        margins[s * outputs + k] = sums[k * size + s];
                sums = std::move(margins);
            }
            of_rows[i] = worth_(model_.answers(std::move(sums)));
        });
        for (int64_t i = 0; i < count; ++i)
            for (int64_t s = 0; s < size; ++s)
                table[s] += trees_->weights[first + i] * of_rows[i][s];
    }
    return table;
}

}  // namespace whence::trees
