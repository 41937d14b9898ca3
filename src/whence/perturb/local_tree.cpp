#include "whence/perturb/local_tree.h"

#include <algorithm>
#include <numeric>

namespace whence::perturb {
namespace {

Tensor kept_columns(const Design& design, int64_t rows, const std::vector<int32_t>& features) {
    Tensor out(ElementType::float64, {rows, std::ssize(features)});
    auto value = out.as<double>().begin();
    for (int64_t row = 0; row < rows; ++row)
        for (const int32_t feature : features) *value++ = design.at(row, feature);
    return out;
}

// How much of the variance each feature's splits take away.
std::vector<double> gains(const SurrogateTree& tree, size_t features) {
    std::vector<double> out(features, 0.0);
    for (const SurrogateTree::Node& node : tree.nodes) {
        if (node.leaf()) continue;
        for (const int64_t child : {node.left, node.right}) {
            const double off = tree.nodes[child].value - node.value;
            out[node.left_if.feature] += tree.nodes[child].share * off * off;
        }
    }
    return out;
}

// Weighted variance of the answers.
double variance(const Answers& answers) {
    double weight = 0, sum = 0, square = 0;
    for (int64_t i = 0; i < answers.rows.rows(); ++i) {
        const double y = answers.values[i] - answers.values[0];
        weight += answers.weight(i);
        sum += answers.weight(i) * y;
        square += answers.weight(i) * y * y;
    }
    return std::max(0.0, square / weight - sum * sum / (weight * weight));
}

void collect(const SurrogateTree& tree, const Schema& schema, int64_t at,
             const std::vector<Condition>& path, std::vector<LocalLeaf>& out) {
    const SurrogateTree::Node& node = tree.nodes[at];
    if (node.leaf()) {
        out.push_back({path, node.value, node.share});
        return;
    }
    std::vector<Condition> left = path, right = path;
    join(left, node.left_if);
    join(right, opposite(node.left_if, schema[node.left_if.feature]));
    collect(tree, schema, node.left, left, out);
    collect(tree, schema, node.right, right, out);
}

}  // namespace

LocalTree fit_local_tree(const Design& design, std::span<const double> answers,
                         std::span<const double> origin, const std::vector<int32_t>& features,
                         int64_t depth, const Run& run) {
    const auto count = static_cast<int64_t>(answers.size());
    const Tensor rows = kept_columns(design, count, features);
    const Schema schema(features.size());
    const std::span<const double> weights(design.weights.data(),
                                          design.weights.empty() ? 0 : count);
    const Answers known{schema, rows, answers, weights};
    std::vector<int64_t> all(count);
    std::iota(all.begin(), all.end(), int64_t{0});
    const SurrogateTree tree =
        grow_tree(known, all, {.max_depth = depth, .max_leaves = int64_t{1} << depth}, run);

    LocalTree out{.surrogate = {.features = features, .coefficients = gains(tree, features.size())}};
    Surrogate& surrogate = out.surrogate;
    const double explained =
        std::accumulate(surrogate.coefficients.begin(), surrogate.coefficients.end(), 0.0);
    const double spread = variance(known);
    surrogate.r2 = spread > 0 ? explained / spread : 1;
    if (explained > 0)
        for (double& share : surrogate.coefficients) share /= explained;
    put_in_order(surrogate);

    collect(tree, schema, 0, {}, out.leaves);
    for (LocalLeaf& leaf : out.leaves) {
        for (Condition& condition : leaf.conditions)
            condition.feature = features[condition.feature];
        leaf.holds_here = std::ranges::all_of(leaf.conditions, [&](const Condition& condition) {
            return condition.holds(origin[condition.feature], false);
        });
        if (leaf.holds_here) out.at_input = leaf.value;
    }
    return out;
}

}  // namespace whence::perturb
