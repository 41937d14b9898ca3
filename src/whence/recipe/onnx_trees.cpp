#include "whence/recipe/onnx_trees.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "whence/core/error.h"

namespace whence::recipe {
namespace {

using trees::EnsembleParts;
using trees::Link;
using trees::Tree;

constexpr std::string_view domain = "ai.onnx.ml";

bool is_trees(const graph::Node& node) {
    return node.domain == domain &&
           (node.op == "TreeEnsembleClassifier" || node.op == "TreeEnsembleRegressor" ||
            node.op == "TreeEnsemble");
}

enum class Mode { leq, lt, gte, gt, eq, neq, member, leaf };
constexpr std::string_view mode_names[] = {"BRANCH_LEQ", "BRANCH_LT",  "BRANCH_GTE",    "BRANCH_GT",
                                           "BRANCH_EQ",  "BRANCH_NEQ", "BRANCH_MEMBER", "LEAF"};

/// A node's attributes, whichever of its two forms (list or tensor) a file has.
class Attributes {
  public:
    explicit Attributes(const graph::Node& node) : node_(node) {}

    [[nodiscard]] bool has(const std::string& name) const {
        return node_.has(name) || node_.has(name + "_as_tensor");
    }

    /// Empty where the attribute is left out.
    [[nodiscard]] std::vector<double> numbers(const std::string& name) const {
        for (const std::string& key : {name + "_as_tensor", name}) {
            const auto found = node_.attributes.find(key);
            if (found == node_.attributes.end()) continue;
            if (const auto* floats = std::get_if<std::vector<float>>(&found->second))
                return {floats->begin(), floats->end()};
            if (const auto* whole = std::get_if<std::vector<int64_t>>(&found->second))
                return {whole->begin(), whole->end()};
            if (const auto* tensor = std::get_if<graph::Constant>(&found->second))
                if ((*tensor)->type() != ElementType::string) return (*tensor)->to_doubles();
            refuse(fmt::format("its '{}' holds no numbers", key));
        }
        return {};
    }
    /// `count` of them.
    [[nodiscard]] std::vector<double> numbers(const std::string& name, size_t count) const {
        std::vector<double> out = numbers(name);
        if (out.size() != count)
            refuse(fmt::format("its '{}' has {} numbers where there should be {}", name, out.size(),
                               count));
        return out;
    }
    [[nodiscard]] std::vector<int64_t> integers(const std::string& name, size_t count) const {
        std::vector<int64_t> out = node_.integers(name);
        if (out.size() != count)
            refuse(fmt::format("its '{}' has {} numbers where there should be {}", name, out.size(),
                               count));
        return out;
    }
    [[nodiscard]] std::vector<std::string> texts(const std::string& name) const {
        const auto found = node_.attributes.find(name);
        if (found == node_.attributes.end()) return {};
        if (const auto* list = std::get_if<std::vector<std::string>>(&found->second)) return *list;
        refuse(fmt::format("its '{}' holds no texts", name));
    }
    [[noreturn]] void refuse(const std::string& why) const {
        throw Error(ErrorKind::model, node_.describe() + ": " + why);
    }
    [[noreturn]] void unsupported(const std::string& why) const {
        throw Error(ErrorKind::unsupported, node_.describe() + ": " + why);
    }
    [[nodiscard]] const graph::Node& node() const { return node_; }

  private:
    const graph::Node& node_;
};

/// A question of the file, before it has become one that ensemble.h knows.
struct Question {
    Mode mode;
    int64_t feature;
    double value;
    std::vector<int32_t> members;
    bool missing_tracks_true;
};

double just_below(double value, bool float_inputs) {
    if (!float_inputs) return std::nextafter(value, -std::numeric_limits<double>::infinity());
    return std::nextafter(static_cast<float>(value), -std::numeric_limits<float>::infinity());
}

std::vector<int32_t> one_category(double value, const Attributes& file) {
    if (!(value >= 0 && value <= std::numeric_limits<int32_t>::max()) || value != std::floor(value))
        file.unsupported(fmt::format(
            "it asks whether a number equals {}, which only whole numbers from 0 can be asked",
            value));
    return {static_cast<int32_t>(value)};
}

// NaN answers every comparison with no (but "not equal" with yes), unless it is to answer yes.
trees::Node asked(const Question& question, int32_t yes, int32_t no, bool float_inputs, Tree& tree,
                  const Attributes& file) {
    trees::Node node{.left = yes,
                     .right = no,
                     .threshold = question.value,
                     .missing_left = question.missing_tracks_true};
    if (question.feature < 0 || question.feature > std::numeric_limits<int32_t>::max())
        file.refuse(fmt::format("feature {} does not exist", question.feature));
    node.feature = static_cast<int32_t>(question.feature);
    const auto turned = [&] {
        std::swap(node.left, node.right);
        node.missing_left = !question.missing_tracks_true;
    };
    const auto in = [&](std::vector<int32_t> members) {
        node.threshold = 0;
        node.categories = static_cast<int32_t>(tree.categories.size());
        tree.categories.push_back(std::move(members));
    };
    switch (question.mode) {
        case Mode::leq:
            break;
        case Mode::lt:
            node.threshold = just_below(question.value, float_inputs);
            break;
        case Mode::gt:
            turned();
            break;
        case Mode::gte:
            turned();
            node.threshold = just_below(question.value, float_inputs);
            break;
        case Mode::eq:
            in(one_category(question.value, file));
            break;
        case Mode::neq:
            in(one_category(question.value, file));
            turned();
            node.missing_left = false;
            break;
        case Mode::member:
            in(question.members);
            break;
        case Mode::leaf:
            break;
    }
    return node;
}

Link link_of(const Attributes& file, std::string_view transform) {
    if (transform == "NONE" || transform.empty()) return Link::identity;
    if (transform == "LOGISTIC") return Link::logistic;
    if (transform == "SOFTMAX") return Link::softmax;
    file.unsupported("its post_transform " + printable(transform, 40) +
                     " is none that tree methods know");
}

// One number of hit rates for each node, or 1 everywhere, as exporters do that know none.
bool adds_up(const std::vector<Tree>& all) {
    bool splits = false;
    for (const Tree& tree : all)
        for (const trees::Node& node : tree.nodes) {
            if (!(node.cover >= 0) || std::isinf(node.cover)) return false;
            if (node.is_leaf()) continue;
            splits = true;
            const double below = tree.nodes[node.left].cover + tree.nodes[node.right].cover;
            if (!(std::abs(below - node.cover) <= 1e-3 * node.cover)) return false;
        }
    return splits;
}

using Entries = std::vector<std::pair<int64_t, double>>;  ///< what a leaf adds to which output

/// The leaves of one tree. Most trees speak of one output: then a leaf is one number.
class Leaves {
  public:
    int32_t add(Entries entries) {
        all_.push_back(std::move(entries));
        return static_cast<int32_t>(all_.size()) - 1;
    }
    void finish(Tree& tree, int64_t outputs, const Attributes& file) const {
        std::set<int64_t> targets;
        for (const Entries& entries : all_)
            for (const auto& [target, weight] : entries) targets.insert(target);
        if (!targets.empty() && (*targets.begin() < 0 || *targets.rbegin() >= outputs))
            file.refuse(fmt::format("a leaf adds to an output that is none of {}", outputs));
        const bool one = targets.size() <= 1;
        tree.width = one ? 1 : static_cast<int32_t>(outputs);
        if (one && !targets.empty()) tree.output = static_cast<int32_t>(*targets.begin());
        if (all_.size() > most_values / static_cast<size_t>(tree.width))
            throw Error(ErrorKind::limit,
                        file.node().describe() + ": its leaves hold too many values");
        tree.values.assign(all_.size() * static_cast<size_t>(tree.width), 0.0);
        for (size_t leaf = 0; leaf < all_.size(); ++leaf)
            for (const auto& [target, weight] : all_[leaf])
                tree.values[leaf * static_cast<size_t>(tree.width) +
                            (one ? 0 : static_cast<size_t>(target))] += weight;
    }

  private:
    static constexpr size_t most_values = size_t{1} << 28;
    std::vector<Entries> all_;
};

/// Puts trees into the order of ensemble.h: nodes of a tree are found by whatever key their file
/// has. `Visit` makes the node of a key, names its two children, or none for a leaf.
class TreeMaker {
  public:
    struct Made {
        trees::Node node;
        bool leaf = false;
        int64_t yes = 0, no = 0;
    };
    template <class Visit>
    static void make(Tree& tree, int64_t root, int64_t number, const Visit& visit) {
        std::set<int64_t> seen = {root};
        std::vector<int64_t> keys = {root};
        tree.nodes.emplace_back();
        for (size_t i = 0; i < keys.size(); ++i) {
            const auto first = static_cast<int32_t>(keys.size());
            const Made made = visit(keys[i], first, first + 1);
            tree.nodes[i] = made.node;
            if (made.leaf) continue;
            for (const int64_t child : {made.yes, made.no}) {
                if (child >= 0 && !seen.insert(child).second)
                    throw Error(
                        ErrorKind::model,
                        fmt::format("tree {}, node {}: child {} is reached on another way already",
                                    number, keys[i], child));
                keys.push_back(child);
                tree.nodes.emplace_back();
            }
        }
    }
};

/// The nodes of versions 1 to 3: parallel lists, nodes named by tree and number, and leaves' values
/// by these names.
class ListedTrees {
  public:
    ListedTrees(const Attributes& file, const char* what, EnsembleParts& parts)
        : file_(file), parts_(parts) {
        ids_ = file.node().integers("nodes_nodeids");
        const size_t count = ids_.size();
        if (count == 0) file.refuse("it has no nodes");
        tree_ids_ = file.integers("nodes_treeids", count);
        features_ = file.integers("nodes_featureids", count);
        yes_ = file.integers("nodes_truenodeids", count);
        no_ = file.integers("nodes_falsenodeids", count);
        values_ = file.numbers("nodes_values", count);
        if (file.has("nodes_hitrates")) hit_rates_ = file.numbers("nodes_hitrates");
        hit_rates_.resize(count, 0.0);
        tracks_ = file.node().integers("nodes_missing_value_tracks_true");
        tracks_.resize(count, 0);
        read_modes(count);
        for (size_t i = 0; i < count; ++i) {
            if (ids_[i] < 0)
                file.refuse(fmt::format("tree {} has a node {}", tree_ids_[i], ids_[i]));
            if (!place_.emplace(std::pair(tree_ids_[i], ids_[i]), i).second)
                file.refuse(fmt::format("tree {} has node {} twice", tree_ids_[i], ids_[i]));
        }
        read_weights(what);
    }

    void read() {
        std::set<int64_t> done;
        for (size_t i = 0; i < ids_.size(); ++i)
            if (done.insert(tree_ids_[i]).second)
                read_tree(tree_ids_[i], ids_[i]);  // the first node is the root
    }

    [[nodiscard]] const std::set<int64_t>& targets() const { return targets_; }
    [[nodiscard]] bool all_positive() const { return all_positive_; }
    /// All leaves speak of one target: it becomes the only output.
    void only_one() { one_output_ = true; }

  private:
    void read_modes(size_t count) {
        const std::vector<std::string> modes = file_.texts("nodes_modes");
        if (modes.size() != count)
            file_.refuse(fmt::format("{} modes for {} nodes", modes.size(), count));
        for (const std::string& mode : modes) {
            const auto* found = std::ranges::find(mode_names, mode);
            if (found == std::end(mode_names) || mode == "BRANCH_MEMBER")
                file_.refuse("mode '" + printable(mode, 40) + "' is not known");
            modes_.push_back(static_cast<Mode>(found - std::begin(mode_names)));
        }
    }

    void read_weights(const std::string& what) {
        weights_ = file_.numbers(what + "_weights");
        const std::vector<int64_t> targets = file_.integers(what + "_ids", weights_.size());
        const std::vector<int64_t> nodes = file_.integers(what + "_nodeids", weights_.size());
        const std::vector<int64_t> trees = file_.integers(what + "_treeids", weights_.size());
        for (size_t i = 0; i < weights_.size(); ++i) {
            weights_of_[{trees[i], nodes[i]}].emplace_back(targets[i], weights_[i]);
            targets_.insert(targets[i]);
            all_positive_ = all_positive_ && weights_[i] >= 0;
        }
    }

    void read_tree(int64_t tree_id, int64_t root) {
        const auto number = static_cast<int64_t>(parts_.trees.size());
        Tree tree;
        Leaves leaves;
        TreeMaker::make(tree, root, number, [&](int64_t id, int32_t first, int32_t second) {
            const auto found = place_.find({tree_id, id});
            if (found == place_.end())
                throw Error(ErrorKind::model,
                            fmt::format("tree {}: node {} does not exist", number, id));
            const size_t i = found->second;
            TreeMaker::Made made;
            made.leaf = modes_[i] == Mode::leaf;
            if (made.leaf) {
                made.node.leaf = leaves.add(entries(tree_id, id));
            } else {
                made.node = asked({modes_[i], features_[i], values_[i], {}, tracks_[i] != 0}, first,
                                  second, parts_.float_inputs, tree, file_);
                made.yes = yes_[i];
                made.no = no_[i];
            }
            made.node.cover = hit_rates_[i];
            return made;
        });
        leaves.finish(tree, parts_.outputs, file_);
        parts_.trees.push_back(std::move(tree));
    }

    [[nodiscard]] Entries entries(int64_t tree_id, int64_t id) const {
        const auto found = weights_of_.find({tree_id, id});
        if (found == weights_of_.end()) return {};
        Entries out = found->second;
        if (one_output_)
            for (auto& [target, weight] : out) target = 0;
        return out;
    }

    const Attributes& file_;
    EnsembleParts& parts_;
    std::vector<int64_t> ids_, tree_ids_, features_, yes_, no_, tracks_;
    std::vector<double> values_, hit_rates_, weights_;
    std::vector<Mode> modes_;
    std::map<std::pair<int64_t, int64_t>, size_t> place_;
    std::map<std::pair<int64_t, int64_t>, Entries> weights_of_;
    std::set<int64_t> targets_;
    bool all_positive_ = true, one_output_ = false;
};

void use_base(const Attributes& file, EnsembleParts& parts) {
    parts.base = file.numbers("base_values");
    if (parts.base.empty()) parts.base.assign(static_cast<size_t>(parts.outputs), 0.0);
    if (static_cast<int64_t>(parts.base.size()) != parts.outputs)
        file.refuse(fmt::format("{} base values for {} outputs", parts.base.size(), parts.outputs));
}

void use_aggregate(const Attributes& file, std::string_view aggregate, size_t count,
                   EnsembleParts& parts) {
    if (aggregate == "AVERAGE")
        parts.divisor = static_cast<double>(std::max<size_t>(1, count));
    else if (aggregate != "SUM" && !aggregate.empty())
        file.unsupported("it aggregates trees by " + printable(aggregate, 40) +
                         ", which is no sum of trees");
}

constexpr int64_t most_outputs = 1 << 20;

void read_regressor(const Attributes& file, EnsembleParts& parts) {
    parts.outputs = file.node().integer("n_targets", 1);
    if (parts.outputs < 1 || parts.outputs > most_outputs)
        file.refuse(fmt::format("{} targets", parts.outputs));
    parts.link = link_of(file, file.node().text("post_transform", "NONE"));
    ListedTrees(file, "target", parts).read();
    use_base(file, parts);
    use_aggregate(file, file.node().text("aggregate_function", "SUM"), parts.trees.size(), parts);
}

void read_classifier(const Attributes& file, EnsembleParts& parts) {
    parts.output_names = file.texts("classlabels_strings");
    for (const int64_t label : file.node().integers("classlabels_int64s"))
        parts.output_names.push_back(std::to_string(label));
    const auto classes = static_cast<int64_t>(parts.output_names.size());
    if (classes < 1 || classes > most_outputs) file.refuse(fmt::format("{} classes", classes));
    parts.link = link_of(file, file.node().text("post_transform", "NONE"));
    parts.outputs = classes;
    ListedTrees listed(file, "class", parts);
    // Two classes and leaves that speak of one: its score is the second class's (ONNX Runtime,
    // tree_ensemble_aggregator.h). Where no leaf is negative it is a probability as it stands.
    const bool binary = classes == 2 && listed.targets().size() == 1;
    if (binary) {
        parts.outputs = 1;
        listed.only_one();
        if (listed.all_positive())
            parts.link = Link::identity;
        else if (parts.link == Link::softmax)
            file.unsupported("it takes the softmax of one score");
        if (parts.link != Link::logistic) parts.output_names = {parts.output_names[1]};
    }
    listed.read();
    parts.base = file.numbers("base_values");
    if (binary && parts.base.size() == 2) parts.base = {parts.base[1]};
    if (parts.base.empty()) parts.base.assign(static_cast<size_t>(parts.outputs), 0.0);
    if (static_cast<int64_t>(parts.base.size()) != parts.outputs)
        file.refuse(fmt::format("{} base values for {} outputs", parts.base.size(), parts.outputs));
}

/// Version 5: trees by their roots, leaves apart from nodes.
class RootedTrees {
  public:
    RootedTrees(const Attributes& file, EnsembleParts& parts) : file_(file), parts_(parts) {
        values_ = file.numbers("nodes_splits");
        const size_t count = values_.size();
        features_ = file.integers("nodes_featureids", count);
        modes_ = file.numbers("nodes_modes", count);
        yes_ = file.integers("nodes_truenodeids", count);
        no_ = file.integers("nodes_falsenodeids", count);
        yes_leaf_ = file.integers("nodes_trueleafs", count);
        no_leaf_ = file.integers("nodes_falseleafs", count);
        tracks_ = file.node().integers("nodes_missing_value_tracks_true");
        tracks_.resize(count, 0);
        weights_ = file.numbers("leaf_weights");
        targets_ = file.integers("leaf_targetids", weights_.size());
        read_members();
    }

    void read() {
        for (const int64_t root : file_.node().integers("tree_roots")) read_tree(root);
    }

  private:
    // Sets of all nodes that ask for membership, in their order, each ended by NaN.
    void read_members() {
        members_.resize(values_.size());
        const std::vector<double> all = file_.numbers("membership_values");
        size_t at = 0;
        for (size_t i = 0; i < values_.size(); ++i) {
            if (modes_[i] != static_cast<double>(Mode::member)) continue;
            std::set<int32_t> set;
            for (; at < all.size() && !std::isnan(all[at]); ++at)
                set.insert(one_category(all[at], file_)[0]);
            ++at;
            members_[i].assign(set.begin(), set.end());
        }
    }

    // Keys: node i is i, leaf k of the file -k - 1.
    void read_tree(int64_t root) {
        const auto number = static_cast<int64_t>(parts_.trees.size());
        Tree tree;
        Leaves leaves;
        // A tree of one leaf is a node whose two leaves are the same.
        if (root >= 0 && root < static_cast<int64_t>(values_.size()) && yes_leaf_[root] &&
            no_leaf_[root] && yes_[root] == no_[root])
            root = -yes_[root] - 1;
        TreeMaker::make(tree, root, number, [&](int64_t key, int32_t first, int32_t second) {
            TreeMaker::Made made;
            if (key < 0) {
                made.leaf = true;
                made.node.leaf = leaves.add(entries(-key - 1, number));
                return made;
            }
            if (key >= static_cast<int64_t>(values_.size()))
                throw Error(ErrorKind::model,
                            fmt::format("tree {}: node {} does not exist", number, key));
            const auto i = static_cast<size_t>(key);
            if (!(modes_[i] >= 0 && modes_[i] <= static_cast<double>(Mode::member)))
                file_.refuse(fmt::format("mode {} of node {} is not known", modes_[i], key));
            made.node = asked({static_cast<Mode>(static_cast<int>(modes_[i])), features_[i],
                               values_[i], members_[i], tracks_[i] != 0},
                              first, second, parts_.float_inputs, tree, file_);
            made.yes = child(yes_[i], yes_leaf_[i], number, key);
            made.no = child(no_[i], no_leaf_[i], number, key);
            return made;
        });
        leaves.finish(tree, parts_.outputs, file_);
        parts_.trees.push_back(std::move(tree));
    }

    static int64_t child(int64_t id, int64_t is_leaf, int64_t tree, int64_t node) {
        if (id < 0)
            throw Error(ErrorKind::model,
                        fmt::format("tree {}, node {}: child {} does not exist", tree, node, id));
        return is_leaf ? -id - 1 : id;
    }

    [[nodiscard]] Entries entries(int64_t id, int64_t number) const {
        if (id >= static_cast<int64_t>(weights_.size()))
            throw Error(ErrorKind::model,
                        fmt::format("tree {}: leaf {} does not exist", number, id));
        return {{targets_[static_cast<size_t>(id)], weights_[static_cast<size_t>(id)]}};
    }

    const Attributes& file_;
    EnsembleParts& parts_;
    std::vector<double> values_, modes_, weights_;
    std::vector<int64_t> features_, yes_, no_, yes_leaf_, no_leaf_, tracks_, targets_;
    std::vector<std::vector<int32_t>> members_;
};

void read_rooted(const Attributes& file, EnsembleParts& parts) {
    constexpr std::string_view transforms[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO",
                                               "PROBIT"};
    constexpr std::string_view aggregates[] = {"AVERAGE", "SUM", "MIN", "MAX"};
    parts.outputs = file.node().integer("n_targets", 1);
    if (parts.outputs < 1 || parts.outputs > most_outputs)
        file.refuse(fmt::format("{} targets", parts.outputs));
    const int64_t transform = file.node().integer("post_transform", 0);
    const int64_t aggregate = file.node().integer("aggregate_function", 1);
    if (transform < 0 || transform > 4 || aggregate < 0 || aggregate > 3)
        file.refuse("its post_transform or aggregate_function is not known");
    parts.link = link_of(file, transforms[transform]);
    RootedTrees(file, parts).read();
    parts.base.assign(static_cast<size_t>(parts.outputs), 0.0);
    use_aggregate(file, aggregates[aggregate], parts.trees.size(), parts);
}

int64_t features_of(const graph::Graph& graph, const graph::Node& node,
                    const EnsembleParts& parts) {
    int64_t features = 1;
    for (const Tree& tree : parts.trees)
        for (const trees::Node& one : tree.nodes)
            features = std::max<int64_t>(features, int64_t{one.feature} + 1);
    if (!node.has_input(0)) return features;
    const Shape shape = graph.value(node.inputs[0]).lengths();
    return shape.size() == 2 && shape[1] >= features ? shape[1] : features;
}

}  // namespace

const graph::Node* tree_node(const graph::Graph& graph) {
    const graph::Node* found = nullptr;
    for (const graph::Node& node : graph.nodes) {
        if (!is_trees(node)) continue;
        if (found) return nullptr;
        found = &node;
    }
    return found;
}

trees::Ensemble ensemble_of(const graph::Graph& graph, const graph::Node& node) {
    EnsembleParts parts{.format = "onnx"};
    if (node.has_input(0))
        parts.float_inputs = graph.value(node.inputs[0]).type != ElementType::float64;
    const Attributes file(node);
    if (node.op == "TreeEnsembleClassifier")
        read_classifier(file, parts);
    else if (node.op == "TreeEnsembleRegressor")
        read_regressor(file, parts);
    else
        read_rooted(file, parts);
    parts.features = features_of(graph, node, parts);
    parts.has_covers = adds_up(parts.trees);
    return trees::Ensemble::build(std::move(parts));
}

}  // namespace whence::recipe
