// XGBoost's JSON and UBJSON, whose layout has been one since 1.0
// (xgboost.readthedocs.io, "Introduction to Model IO", and its JSON schema).

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "whence/core/error.h"
#include "whence/trees/formats.h"
#include "whence/trees/in_order.h"
#include "whence/trees/predict.h"

namespace whence::trees {
namespace {

/// What an objective does to margins, and to the base score on its way to a margin.
struct Objective {
    std::string_view name;
    Link link;
    enum class Base { as_it_is, logit, log, steps } base;
};

constexpr Objective objectives[] = {
    {"reg:squarederror", Link::identity, Objective::Base::as_it_is},
    {"reg:linear", Link::identity, Objective::Base::as_it_is},
    {"reg:squaredlogerror", Link::identity, Objective::Base::as_it_is},
    {"reg:pseudohubererror", Link::identity, Objective::Base::as_it_is},
    {"reg:absoluteerror", Link::identity, Objective::Base::as_it_is},
    {"reg:quantileerror", Link::identity, Objective::Base::as_it_is},
    {"reg:expectileerror", Link::ascending, Objective::Base::steps},
    {"reg:logistic", Link::logistic, Objective::Base::logit},
    {"binary:logistic", Link::logistic, Objective::Base::logit},
    {"binary:logitraw", Link::identity, Objective::Base::as_it_is},
    {"binary:hinge", Link::step, Objective::Base::as_it_is},
    {"count:poisson", Link::exponential, Objective::Base::log},
    {"reg:gamma", Link::exponential, Objective::Base::log},
    {"reg:tweedie", Link::exponential, Objective::Base::log},
    {"survival:cox", Link::exponential, Objective::Base::log},
    {"survival:aft", Link::exponential, Objective::Base::log},
    {"multi:softmax", Link::softmax, Objective::Base::as_it_is},
    {"multi:softprob", Link::softmax, Objective::Base::as_it_is},
    {"rank:pairwise", Link::identity, Objective::Base::as_it_is},
    {"rank:ndcg", Link::identity, Objective::Base::as_it_is},
    {"rank:map", Link::identity, Objective::Base::as_it_is},
};

const Objective& objective_of(const View& learner) {
    const View name = learner.at("objective").at("name");
    const auto* found = std::ranges::find(objectives, name.text(), &Objective::name);
    if (found == std::end(objectives))
        name.refuse("the objective '" + printable(name.text()) +
                    "' is not known, and with it what margins mean");
    return *found;
}

// In float32, as XGBoost does it.
double base_margin(const Objective& objective, double score) {
    const auto base = static_cast<float>(score);
    switch (objective.base) {
        case Objective::Base::as_it_is:
        case Objective::Base::steps:
            return base;
        case Objective::Base::logit:
            return -std::log(1.0F / base - 1.0F);
        case Objective::Base::log:
            return std::log(base);
    }
    return base;
}

// "5E-1", since 3.1 "[5E-1]" or one for each output.
std::vector<double> base_scores(const View& parameter) {
    if (!parameter.is_text()) return {parameter.number()};
    std::string_view text = parameter.text();
    if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
    std::vector<double> out;
    while (true) {
        const size_t comma = std::min(text.find(','), text.size());
        double score = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + comma, score);
        if (error != std::errc() || end != text.data() + comma) parameter.refuse("it is no number");
        out.push_back(score);
        if (comma == text.size()) return out;
        text.remove_prefix(comma + 1);
    }
}

// Scores that ascend as the margins they are made of (Link::ascending).
void steps_of(std::vector<double>& scores) {
    for (size_t k = scores.size(); k-- > 1;)
        scores[k] = std::log(
            std::expm1(std::max(scores[k] - scores[k - 1] - least_step, least_step)));
}

std::vector<double> base_margins(const View& parameter, const Objective& objective,
                                 int64_t outputs) {
    std::vector<double> base = base_scores(parameter);
    if (base.size() == 1) base.resize(static_cast<size_t>(outputs), base[0]);
    if (static_cast<int64_t>(base.size()) != outputs)
        parameter.refuse(fmt::format("{} base scores for {} outputs", base.size(), outputs));
    for (double& score : base) {
        const double margin = base_margin(objective, score);
        if (!std::isfinite(margin))
            parameter.refuse(fmt::format("{} is no score of {}", score, objective.name));
        score = margin;
    }
    if (objective.base == Objective::Base::steps) steps_of(base);
    return base;
}

std::vector<std::string> texts(const View& list) {
    std::vector<std::string> out;
    for (size_t i = 0; i < list.size(); ++i) out.push_back(list.at(i).text());
    return out;
}

/// One tree of the file.
class TreeReader {
  public:
    TreeReader(const View& file, int64_t number, int64_t features, int64_t outputs)
        : file_(file),
          number_(number),
          features_(features),
          outputs_(outputs),
          left_(file.at("left_children").numbers()),
          right_(array("right_children")),
          conditions_(array("split_conditions")) {}

    // `weight`: of a tree in DART.
    Tree read(int32_t output, double weight) {
        Tree tree{.output = output};
        read_leaf_vectors(tree, weight);
        const Numbers& features = array("split_indices");
        const Numbers& default_left = array("default_left");
        const Numbers& covers = array("sum_hessian");
        const Numbers* const gains = has_gains() ? &array("loss_changes") : nullptr;
        read_categories(tree);
        for (size_t i = 0; i < left_.size(); ++i) {
            Node node{.cover = covers[i]};
            if (left_[i] == -1) {
                node.leaf = leaf(tree, i, weight);
            } else {
                node.gain = gains ? (*gains)[i] : 0;
                node.feature = whole(features[i], i, "feature");
                node.left = whole(left_[i], i, "left child");
                node.right = whole(right_[i], i, "right child");
                node.missing_left = default_left[i] != 0;
                split(node, i);
            }
            tree.nodes.push_back(node);
        }
        return in_order(std::move(tree), number_, features_);
    }

    [[nodiscard]] bool has_gains() const { return file_.has("loss_changes"); }

  private:
    [[nodiscard]] const Numbers& array(std::string_view name) const {
        return file_.at(name).numbers(left_.size());
    }
    [[nodiscard]] std::string place(size_t node) const {
        return fmt::format("tree {}, node {}", number_, node);
    }
    [[nodiscard]] int32_t whole(double value, size_t node, const char* what) const {
        return static_cast<int32_t>(
            whole_number(value, 0, most_index, place(node) + ": its " + what));
    }

    // multi_strategy=multi_output_tree: leaves have numbers of their own since 3.2, before that the
    // weights of all nodes held those of leaves.
    void read_leaf_vectors(Tree& tree, double weight) {
        const View parameters = file_.at("tree_param");
        const int64_t width = parameters.has("size_leaf_vector")
                                  ? parameters.at("size_leaf_vector").whole(0, most_index)
                                  : 1;
        if (width <= 1) return;
        if (width != outputs_)
            file_.refuse(fmt::format("its leaves have {} values; the model has {} outputs", width,
                                     outputs_));
        tree.width = static_cast<int32_t>(width);
        numbered_leaves_ = file_.has("leaf_weights") && !file_.at("leaf_weights").numbers().empty();
        const View values = file_.at(numbered_leaves_ ? "leaf_weights" : "base_weights");
        tree.values = values.numbers();
        if (!numbered_leaves_ && tree.values.size() / static_cast<size_t>(width) != left_.size())
            values.refuse(fmt::format("{} numbers are not {} for each of {} nodes",
                                      tree.values.size(), width, left_.size()));
        // Of inner nodes nobody reads them, and XGBoost leaves there what it likes.
        if (!numbered_leaves_)
            for (size_t i = 0; i < left_.size(); ++i)
                if (left_[i] != -1)
                    std::fill_n(tree.values.begin() + static_cast<int64_t>(i) * width, width, 0.0);
        for (double& value : tree.values) value *= weight;
    }

    int32_t leaf(Tree& tree, size_t i, double weight) const {
        if (tree.width > 1)
            return numbered_leaves_ ? whole(right_[i], i, "leaf") : static_cast<int32_t>(i);
        tree.values.push_back(conditions_[i] * weight);
        return static_cast<int32_t>(tree.values.size()) - 1;
    }

    void read_categories(Tree& tree) {
        set_of_node_.assign(left_.size(), -1);
        if (!file_.has("split_type")) return;  // before 1.3
        const Numbers& types = array("split_type");
        const Numbers& nodes = file_.at("categories_nodes").numbers();
        const Numbers& begins = file_.at("categories_segments").numbers(nodes.size());
        const Numbers& sizes = file_.at("categories_sizes").numbers(nodes.size());
        const Numbers& categories = file_.at("categories").numbers();
        for (size_t k = 0; k < nodes.size(); ++k) {
            const int64_t node =
                whole_number(nodes[k], 0, static_cast<int64_t>(left_.size()) - 1,
                             fmt::format("tree {}: a node with categories", number_));
            const std::string where = place(static_cast<size_t>(node)) + ": its categories";
            const auto all = static_cast<int64_t>(categories.size());
            const int64_t begin = whole_number(begins[k], 0, all, where);
            const int64_t size = whole_number(sizes[k], 0, all - begin, where);
            std::vector<int32_t> set;
            for (int64_t c = begin; c < begin + size; ++c)
                set.push_back(
                    static_cast<int32_t>(whole_number(categories[c], 0, most_index, where)));
            std::ranges::sort(set);
            set.erase(std::unique(set.begin(), set.end()), set.end());
            set_of_node_[node] = static_cast<int32_t>(tree.categories.size());
            tree.categories.push_back(std::move(set));
        }
        for (size_t i = 0; i < types.size(); ++i) {
            if (types[i] == 0)
                set_of_node_[i] = -1;
            else if (set_of_node_[i] < 0 && left_[i] != -1)
                file_.refuse(fmt::format("node {} splits by categories and has none", i));
        }
    }

    void split(Node& node, size_t i) const {
        if (set_of_node_[i] >= 0) {
            // The set goes right, all others (those never seen, too) left.
            node.categories = set_of_node_[i];
            std::swap(node.left, node.right);
            node.missing_left = !node.missing_left;
            return;
        }
        // x < t among float32.
        const auto threshold = static_cast<float>(conditions_[i]);
        node.threshold = std::nextafter(threshold, -std::numeric_limits<float>::infinity());
    }

    const View& file_;
    int64_t number_, features_, outputs_;
    const Numbers &left_, &right_, &conditions_;
    bool numbered_leaves_ = false;
    std::vector<int32_t> set_of_node_;
};

void read_trees(const View& booster, const Numbers* weights, EnsembleParts& parts) {
    const View model = booster.at("model");
    const View trees = model.at("trees");
    const Numbers& outputs = model.at("tree_info").numbers(trees.size());
    if (weights && weights->size() != trees.size())
        booster.refuse(fmt::format("{} weights for {} trees", weights->size(), trees.size()));
    for (size_t i = 0; i < trees.size(); ++i) {
        const int64_t output =
            whole_number(outputs[i], 0, parts.outputs - 1, fmt::format("tree {}: its output", i));
        const View tree = trees.at(i);
        TreeReader reader(tree, static_cast<int64_t>(i), parts.features, parts.outputs);
        parts.trees.push_back(
            reader.read(static_cast<int32_t>(output), weights ? (*weights)[i] : 1));
        parts.has_gains = parts.has_gains && reader.has_gains();
    }
}

// Texts lie in one run of bytes, cut at offsets; other categories are numbers.
std::vector<std::string> category_names(const View& encoded) {
    std::vector<std::string> out;
    const Numbers& values = encoded.at("values").numbers();
    if (!encoded.has("offsets")) {
        for (const double value : values) out.push_back(fmt::format("{}", value));
        return out;
    }
    std::string bytes;
    for (const double value : values)
        bytes += static_cast<char>(whole_number(value, -128, 255, encoded.where() + ".values"));
    const Numbers& offsets = encoded.at("offsets").numbers();
    for (size_t i = 1; i < offsets.size(); ++i) {
        const auto end = static_cast<int64_t>(bytes.size());
        const int64_t from = whole_number(offsets[i - 1], 0, end, encoded.where() + ".offsets");
        const int64_t to = whole_number(offsets[i], from, end, encoded.where() + ".offsets");
        out.push_back(bytes.substr(static_cast<size_t>(from), static_cast<size_t>(to - from)));
    }
    return out;
}

// Since 3.1 the categories of data frames are kept with the trees.
void read_category_names(const View& booster, EnsembleParts& parts) {
    const View model = booster.at("model");
    if (!model.has("cats")) return;
    const View encoded = model.at("cats").at("enc");
    for (size_t i = 0; i < encoded.size(); ++i)
        parts.category_names.push_back(category_names(encoded.at(i)));
}

void add_notes(const View& learner, const Objective& objective, EnsembleParts& parts) {
    if (objective.name == "multi:softmax")
        parts.notes.emplace_back(
            "multi:softmax: the probabilities are given, XGBoost's predict "
            "gives the class with the largest");
    // XGBoost's scikit-learn classes predict with the rounds up to the best one alone.
    if (!learner.has("attributes") || !learner.at("attributes").has("best_iteration")) return;
    const int64_t best = learner.at("attributes").at("best_iteration").whole(0, most_index);
    const bool vectors = !parts.trees.empty() && parts.trees[0].width > 1;
    const auto rounds = static_cast<int64_t>(parts.trees.size()) / (vectors ? 1 : parts.outputs);
    if (best + 1 < rounds)
        parts.notes.push_back(fmt::format(
            "trained with early stopping (best round {} of {}): all trees of the file are used",
            best, rounds));
}

}  // namespace

EnsembleParts read_xgboost(const View& file) {
    const View learner = file.at("learner");
    const View parameters = learner.at("learner_model_param");
    const Objective& objective = objective_of(learner);
    EnsembleParts parts{
        .has_covers = true, .has_gains = true, .link = objective.link, .format = "xgboost"};
    parts.features = parameters.at("num_feature").whole(1, most_index);
    const int64_t classes = parameters.at("num_class").whole(0, most_outputs);
    const int64_t targets =
        parameters.has("num_target") ? parameters.at("num_target").whole(0, most_outputs) : 1;
    parts.outputs = std::max<int64_t>({1, classes, targets});
    if (parts.outputs == 1 && parts.link == Link::ascending) parts.link = Link::identity;
    parts.base = base_margins(parameters.at("base_score"), objective, parts.outputs);
    if (learner.has("feature_names")) parts.feature_names = texts(learner.at("feature_names"));

    View booster = learner.at("gradient_booster");
    const std::string& kind = booster.at("name").text();
    if (kind != "gbtree" && kind != "dart")
        throw Error(ErrorKind::model, "XGBoost's booster '" + printable(kind) +
                                          "' has no trees: only gbtree and dart have");
    std::optional<View> weights;
    if (kind == "dart") {
        weights = booster.at("weight_drop");
        booster = booster.at("gbtree");
    } else if (booster.at("model").has("weight_drop")) {
        weights = booster.at("model").at("weight_drop");  // since 3.4
    }
    read_trees(booster, weights ? &weights->numbers() : nullptr, parts);
    read_category_names(booster, parts);
    add_notes(learner, objective, parts);
    return parts;
}

}  // namespace whence::trees
