#include "whence/surrogate/tree.h"

#include <algorithm>

#include "whence/core/error.h"
#include "whence/core/parallel.h"
#include "whence/surrogate/tree_split.h"

namespace whence::surrogate {
namespace {

// A leaf that may still be split.
struct Open {
    int64_t node = 0, depth = 0;
    std::vector<int64_t> rows;
    SplitFound split;
};

class Grower {
  public:
    Grower(const Answers& answers, const TreeOptions& options, const Run& run)
        : answers_(answers), options_(options), run_(run) {}

    SurrogateTree grow(const std::vector<int64_t>& rows) {
        for (const int64_t i : rows) total_ += answers_.weight(i);
        open(add_node(rows), 0, rows);
        for (int64_t leaves = 1; leaves < options_.max_leaves && !open_.empty(); ++leaves) {
            run_.check();
            // The first of the best: the order in which leaves were made is the order of the table.
            const auto best = std::ranges::max_element(
                open_, {}, [](const Open& leaf) { return leaf.split.gain; });
            const Open leaf = std::move(*best);
            open_.erase(best);
            divide(leaf);
            run_.report("surrogate tree", leaves, options_.max_leaves);
        }
        return std::move(tree_);
    }

  private:
    int64_t add_node(const std::vector<int64_t>& rows) {
        double weight = 0, sum = 0;
        for (const int64_t i : rows) {
            weight += answers_.weight(i);
            sum += answers_.weight(i) * answers_.values[i];
        }
        tree_.nodes.push_back({.value = sum / weight, .share = weight / total_});
        return std::ssize(tree_.nodes) - 1;
    }
    // Looks for the leaf's split; a leaf without one is done.
    void open(int64_t node, int64_t depth, std::vector<int64_t> rows) {
        if (depth >= options_.max_depth) return;
        std::vector<SplitFound> found(answers_.columns());
        parallel_for(run_, answers_.columns(), 1, [&](int64_t begin, int64_t end) {
            for (int64_t feature = begin; feature < end; ++feature)
                found[feature] = best_split(answers_, rows, feature, options_.min_rows);
        });
        const auto best = std::ranges::max_element(found, {}, &SplitFound::gain);
        if (node == 0) least_gain_ = 1e-10 * squares(rows);  // below it is rounding
        if (best->gain > least_gain_)
            open_.push_back({node, depth, std::move(rows), std::move(*best)});
    }
    void divide(const Open& leaf) {
        const Condition& test = leaf.split.left_if;
        const bool categorical = answers_.schema[test.feature].categorical();
        std::vector<int64_t> left, right;
        for (const int64_t i : leaf.rows)
            (test.holds(answers_.row(i)[test.feature], categorical) ? left : right).push_back(i);
        const int64_t l = add_node(left), r = add_node(right);
        SurrogateTree::Node& node = tree_.nodes[leaf.node];
        node.left_if = test;
        node.left = l;
        node.right = r;
        open(l, leaf.depth + 1, std::move(left));
        open(r, leaf.depth + 1, std::move(right));
    }
    [[nodiscard]] double squares(const std::vector<int64_t>& rows) const {
        double out = 0;
        for (const int64_t i : rows) {
            const double off = answers_.values[i] - tree_.nodes[0].value;
            out += answers_.weight(i) * off * off;
        }
        return out;
    }

    const Answers& answers_;
    const TreeOptions& options_;
    const Run& run_;
    SurrogateTree tree_;
    std::vector<Open> open_;
    double total_ = 0, least_gain_ = 0;
};

}  // namespace

SurrogateTree fit_tree(const Answers& answers, const Split& split, const TreeOptions& options,
                       const Run& run) {
    check(answers);
    if (options.max_depth < 0 || options.max_depth > 60 || options.max_leaves < 1 ||
        options.min_rows < 1)
        throw Error(ErrorKind::usage,
                    "a tree has max-depth 0 to 60, and at least 1 of max-leaves and of min-rows");
    std::vector<int64_t> rows = split.training;
    std::erase_if(rows, [&](int64_t i) { return answers.weight(i) == 0; });
    if (rows.empty()) throw Error(ErrorKind::input, "every row to learn from has weight 0");
    SurrogateTree tree = Grower(answers, options, run).grow(rows);
    tree.fidelity = fidelity(answers, split, [&](std::span<const double> row) {
        return value_at(tree, answers.schema, row);
    });
    return tree;
}

}  // namespace whence::surrogate
