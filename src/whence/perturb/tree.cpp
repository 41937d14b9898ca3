#include "whence/perturb/tree.h"

#include <algorithm>
#include <cmath>

#include "whence/core/error.h"
#include "whence/core/parallel.h"
#include "whence/perturb/tree_split.h"

namespace whence::perturb {
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

void check(const Answers& answers) {
    const Tensor& rows = answers.rows;
    if (rows.type() != ElementType::float64 || rows.rank() != 2 ||
        rows.shape()[1] != answers.columns() || rows.size() == 0)
        throw Error(ErrorKind::input,
                    "the table must be float64 [rows, " + std::to_string(answers.columns()) +
                        "] with rows and columns, not " + to_string(rows.shape()));
    const auto count = static_cast<size_t>(rows.rows());
    if (answers.values.size() != count ||
        (!answers.weights.empty() && answers.weights.size() != count))
        throw Error(ErrorKind::input, "a surrogate needs one answer and one weight for each row");
    for (size_t i = 0; i < count; ++i) {
        if (!std::isfinite(answers.values[i]))
            throw Error(ErrorKind::input, "the model's answer to row " + std::to_string(i) +
                                              " is no finite number: no surrogate can learn it");
        if (!(answers.weight(static_cast<int64_t>(i)) >= 0))
            throw Error(ErrorKind::input,
                        "the weight of row " + std::to_string(i) + " is negative");
    }
}

SurrogateTree grow_tree(const Answers& answers, std::vector<int64_t> rows,
                        const TreeOptions& options, const Run& run) {
    check(answers);
    if (options.max_depth < 0 || options.max_depth > 60 || options.max_leaves < 1 ||
        options.min_rows < 1)
        throw Error(ErrorKind::usage,
                    "a tree has max-depth 0 to 60, and at least 1 of max-leaves and of min-rows");
    std::erase_if(rows, [&](int64_t i) { return answers.weight(i) == 0; });
    if (rows.empty()) throw Error(ErrorKind::input, "every row to learn from has weight 0");
    return Grower(answers, options, run).grow(rows);
}

double value_at(const SurrogateTree& tree, const Schema& schema, std::span<const double> row) {
    const SurrogateTree::Node* node = &tree.nodes[0];
    while (!node->leaf()) {
        const int64_t feature = node->left_if.feature;
        const bool left = node->left_if.holds(row[feature], schema[feature].categorical());
        node = &tree.nodes[left ? node->left : node->right];
    }
    return node->value;
}

Condition opposite(const Condition& test, const Feature& feature) {
    Condition out{.feature = test.feature, .missing = !test.missing};
    for (int64_t code = 0; code < std::ssize(feature.categories); ++code)
        if (!std::ranges::binary_search(test.categories, code)) out.categories.push_back(code);
    // "Everything known goes left" leaves nothing known on the right.
    if (!feature.categorical()) out.low = test.high;
    return out;
}

void join(std::vector<Condition>& path, const Condition& test) {
    const auto same = std::ranges::find(path, test.feature, &Condition::feature);
    if (same == path.end()) {
        path.push_back(test);
        return;
    }
    same->low = std::max(same->low, test.low);
    same->high = std::min(same->high, test.high);
    same->missing = same->missing && test.missing;
    std::erase_if(same->categories,
                  [&](int64_t code) { return !std::ranges::binary_search(test.categories, code); });
}

}  // namespace whence::perturb
