#include "whence/trees/shap/path_compiler.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <string>

#include "whence/core/error.h"
#include "whence/trees/shap/cover.h"

namespace whence::trees {
namespace {

constexpr int32_t most_levels = 4096;
constexpr int32_t most_entries = 128;
constexpr size_t most_lanes = 16;  // of any processor

/// Longest path and most different features on one.
struct Measure {
    int32_t depth = 0;
    int32_t entries = 0;
};

Measure measure(const Ensemble& ensemble, const Tree& tree) {
    Measure most;
    std::map<int32_t, int32_t> seen;  // player -> splits on it above
    const auto visit = [&](auto& self, int32_t number, int32_t depth) -> void {
        const Node& node = tree.nodes[number];
        if (depth > most_levels)
            throw Error(ErrorKind::limit, "tree SHAP takes trees of at most " +
                                              std::to_string(most_levels) + " levels");
        if (node.is_leaf()) {
            most.depth = std::max(most.depth, depth);
            most.entries = std::max(most.entries, static_cast<int32_t>(seen.size()));
            return;
        }
        const int32_t player = ensemble.player(node.feature);
        ++seen[player];
        self(self, node.left, depth + 1);
        self(self, node.right, depth + 1);
        if (--seen[player] == 0) seen.erase(player);
    };
    visit(visit, 0, 0);
    if (most.entries > most_entries)
        throw Error(ErrorKind::limit, "tree SHAP takes trees of at most " +
                                          std::to_string(most_entries) +
                                          " different features on a path");
    return most;
}

/// Writes one tree, split after split in the order of a walk.
template <class Scalar>
class TreeCompiler {
  public:
    TreeCompiler(const Ensemble& ensemble, const Tree& tree, int32_t first_output, int32_t outputs,
                 const Quadrature& rule, Columns& columns, std::map<int32_t, int32_t>& slots,
                 std::vector<PathNode>& nodes, std::vector<Scalar>& constants,
                 std::vector<Scalar>& values, std::vector<Scalar>* edges)
        : ensemble_(ensemble),
          tree_(tree),
          first_output_(first_output),
          outputs_(outputs),
          rule_(rule),
          columns_(columns),
          slots_(slots),
          nodes_(nodes),
          constants_(constants),
          values_(values),
          edges_(edges) {}

    int32_t compile(int32_t number) {
        const Node& node = tree_.nodes[number];
        if (node.is_leaf()) return ~leaf(node);
        const auto here = static_cast<int32_t>(nodes_.size());
        nodes_.emplace_back();
        const double r = left_share(tree_, node);
        const int32_t player = ensemble_.player(node.feature);
        const auto found = std::ranges::find(path_, player, &Entry::player);
        const bool repeated = found != path_.end();
        const auto entry = static_cast<int32_t>(found - path_.begin());
        if (repeated) nodes_[found->node].watched = true;
        const Node& left = tree_.nodes[node.left];
        const Node& right = tree_.nodes[node.right];
        const bool bottom = left.is_leaf() && right.is_leaf() && outputs_ == 1;

        const ColumnTest test = columns_.test(tree_, node);
        nodes_[here] = {.column = test.column,
                        .rank = test.rank,
                        .slot = slot(player),
                        .entry = entry,
                        .left = -1,
                        .right = -1,
                        .constants = static_cast<int32_t>(constants_.size()),
                        .categorical = test.categorical,
                        .repeated = repeated,
                        .watched = false,
                        .bottom = bottom};
        const double c = repeated ? found->share : 1;
        if (edges_) {
            edge_constants(c * r);
            edge_constants(c * (1 - r));
        }
        if (bottom) {
            bottom_constants(r, c, repeated, value(left, 0), value(right, 0));
            nodes_[here].left = compile(node.left);
            nodes_[here].right = compile(node.right);
            return here;
        }
        inner_constants(r, c, repeated);
        if (!repeated) path_.push_back({player, here, 1});
        path_[entry].share = c * r;
        const int32_t l = compile(node.left);
        path_[entry].share = c * (1 - r);
        const int32_t g = compile(node.right);
        path_[entry].share = c;
        if (!repeated) path_.pop_back();
        nodes_[here].left = l;
        nodes_[here].right = g;
        return here;
    }

  private:
    struct Entry {
        int32_t player;
        int32_t node;  ///< the first split on it
        double share;  ///< product of the shares taken at its splits
    };

    double value(const Node& leaf, int32_t k) const {
        const int64_t at = int64_t{leaf.leaf} * tree_.width + first_output_ + k;
        return tree_.values[at] / ensemble_.parts().divisor;
    }

    int32_t leaf(const Node& node) {
        const auto first = static_cast<int32_t>(values_.size());
        for (int32_t k = 0; k < outputs_; ++k)
            values_.push_back(static_cast<Scalar>(value(node, k)));
        return first;
    }

    int32_t slot(int32_t player) {
        return slots_.try_emplace(player, static_cast<int32_t>(slots_.size())).first->second;
    }

    void put(double x) { constants_.push_back(static_cast<Scalar>(x)); }

    void bottom_constants(double r, double c, bool repeated, double a, double b) {
        put((1 - r) * (a - b));
        put(-r * (a - b));
        put(a);
        put(b);
        put(b + r * (a - b));
        const auto u = [&](double t) { return t + c * (1 - t); };
        for (const double t : rule_.nodes) put(b + (a - b) * c * r * (1 - t) / u(t));
        for (const double t : rule_.nodes) put(b + (a - b) * (t + c * r * (1 - t)) / u(t));
        if (!repeated) return;
        for (const double t : rule_.nodes) put(c / (u(t) * u(t)));
    }

    void inner_constants(double r, double c, bool repeated) {
        put(1 - r);
        put(-r);
        put(r);
        // u of the feature so far; 1 before its first split, where c is 1
        const auto u = [&](double t) { return t + c * (1 - t); };
        for (const double t : rule_.nodes) put(c * r * (1 - t) / u(t));
        for (const double t : rule_.nodes) put(c * (1 - r) * (1 - t) / u(t));
        if (!repeated) return;
        for (const double t : rule_.nodes) put(t / u(t));
        for (const double t : rule_.nodes) put(c / (u(t) * u(t)));
    }

    void edge_constants(double c) {
        for (const double t : rule_.nodes)
            edges_->push_back(static_cast<Scalar>((1 - c) / (t + c * (1 - t))));
    }

    const Ensemble& ensemble_;
    const Tree& tree_;
    const int32_t first_output_, outputs_;
    const Quadrature& rule_;
    Columns& columns_;
    std::map<int32_t, int32_t>& slots_;
    std::vector<PathNode>& nodes_;
    std::vector<Scalar>& constants_;
    std::vector<Scalar>& values_;
    std::vector<Scalar>* const edges_;  ///< null: none wanted
    std::vector<Entry> path_;
};

/// Where trees may share a chunk: the outputs they add to.
struct Group {
    int32_t output, outputs;
    auto operator<=>(const Group&) const = default;
};

}  // namespace

template <class Scalar>
PathProgram<Scalar>::PathProgram(const Ensemble& ensemble, const PathPlan& plan, Columns& columns) {
    const bool banzhaf = plan.index == PathIndex::banzhaf;
    std::map<Group, std::vector<size_t>> groups;
    for (size_t i = 0; i < ensemble.trees().size(); ++i) {
        const Tree& tree = ensemble.trees()[i];
        if (tree.nodes[0].is_leaf()) continue;
        if (tree.width == 1)
            groups[{tree.output, 1}].push_back(i);
        else
            for (int32_t k = 0; k < tree.width; k += plan.outputs_together)
                groups[{k, std::min(plan.outputs_together, tree.width - k)}].push_back(i);
    }
    size_t programs = 0;
    for (const auto& [group, trees] : groups) programs += trees.size();
    storage_.reserve(programs);  // chunks point into it
    points_.resize(most_entries / 2 + 1);
    std::vector<Quadrature> rules(points_.size());

    for (const auto& [group, trees] : groups)
        for (size_t first = 0; first < trees.size(); first += plan.trees_together) {
            PathChunk<Scalar>& chunk = chunks_.emplace_back();
            chunk.output = group.output;
            chunk.outputs = group.outputs;
            std::map<int32_t, int32_t> slots;
            for (size_t i = first; i < std::min(first + plan.trees_together, trees.size()); ++i) {
                const Tree& tree = ensemble.trees()[trees[i]];
                const Measure size = measure(ensemble, tree);
                const int32_t count = banzhaf ? 1 : (size.entries + 1) / 2;
                Quadrature& rule = rules[count];
                if (rule.nodes.empty()) {
                    rule = banzhaf ? Quadrature{{0.5}, {1}} : gauss_legendre(count);
                    points_[count].assign(rule.nodes.begin(), rule.nodes.end());
                    points_[count].insert(points_[count].end(), rule.weights.begin(),
                                          rule.weights.end());
                    points_[count].resize(points_[count].size() + most_lanes, 0);
                }
                Storage& to = storage_.emplace_back();
                const bool many = tree.width > 1;
                TreeCompiler<Scalar>(ensemble, tree, many ? group.output : 0, group.outputs,
                                     rule, columns, slots, to.nodes,
                                     to.constants, to.values, plan.edges ? &to.edges : nullptr)
                    .compile(0);
                // The kernel of one row reads whole vectors.
                to.constants.resize(to.constants.size() + most_lanes, 0);
                if (plan.edges) to.edges.resize(to.edges.size() + most_lanes, 0);
                chunk.trees.push_back({to.nodes.data(), to.constants.data(), to.values.data(),
                                       nullptr, points_[count].data(),
                                       points_[count].data() + count, nullptr, count, group.outputs,
                                       size.depth, size.entries});
                if (plan.edges) chunk.trees.back().edges = to.edges.data();
                chunk.workspace = std::max(chunk.workspace, workspace_bytes(chunk.trees.back()));
            }
            chunk.slots.resize(slots.size());
            for (const auto& [player, slot] : slots) chunk.slots[slot] = player;
        }
    words_ = columns.words();
    for (PathChunk<Scalar>& chunk : chunks_)
        for (PathTree<Scalar>& tree : chunk.trees) tree.words = words_.data();
}

template class PathProgram<float>;
template class PathProgram<double>;

}  // namespace whence::trees
