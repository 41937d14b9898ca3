// LightGBM's text format, versions 2 to 4 (LightGBM, src/io/tree.cpp and
// src/boosting/gbdt_model_text.cpp).

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>

#include "whence/core/error.h"
#include "whence/trees/formats.h"
#include "whence/trees/in_order.h"

namespace whence::trees {
namespace {

/// "key=value" lines of the head or of one tree.
class Section {
  public:
    explicit Section(std::string where) : where_(std::move(where)) {}

    void add(std::string_view line) {
        const size_t equals = std::min(line.find('='), line.size());
        values_[std::string(line.substr(0, equals))] =
            equals < line.size() ? line.substr(equals + 1) : std::string_view();
    }
    [[nodiscard]] bool has(const char* key) const { return values_.contains(key); }
    [[nodiscard]] std::string_view text(const char* key) const {
        const auto found = values_.find(key);
        if (found == values_.end()) refuse(fmt::format("it has no '{}'", key));
        return found->second;
    }
    [[nodiscard]] std::vector<std::string_view> words(const char* key) const {
        std::vector<std::string_view> out;
        std::string_view rest = text(key);
        while (!rest.empty()) {
            const size_t blank = std::min(rest.find(' '), rest.size());
            if (blank > 0) out.push_back(rest.substr(0, blank));
            rest.remove_prefix(std::min(blank + 1, rest.size()));
        }
        return out;
    }
    [[nodiscard]] std::vector<double> numbers(const char* key) const {
        std::vector<double> out;
        for (const std::string_view word : words(key)) {
            double value = 0;
            const auto [end, error] =
                std::from_chars(word.data(), word.data() + word.size(), value);
            if (error != std::errc() || end != word.data() + word.size())
                refuse(fmt::format("'{}' in '{}' is no number", printable(word, 40), key));
            out.push_back(value);
        }
        return out;
    }
    [[nodiscard]] std::vector<double> numbers(const char* key, size_t count) const {
        std::vector<double> out = numbers(key);
        if (out.size() != count)
            refuse(fmt::format("'{}' has {} numbers where there should be {}", key, out.size(),
                               count));
        return out;
    }
    [[nodiscard]] int64_t whole(const char* key, int64_t least, int64_t most) const {
        return whole_number(numbers(key, 1)[0], least, most,
                            fmt::format("{}: its '{}'", where_, key));
    }
    [[noreturn]] void refuse(const std::string& why) const {
        throw Error(ErrorKind::model, where_ + ": " + why);
    }
    [[nodiscard]] const std::string& where() const { return where_; }

  private:
    std::string where_;
    std::map<std::string, std::string_view> values_;
};

struct File {
    Section head{"the head of the file"};
    std::vector<Section> trees;
    std::string_view pandas;  ///< JSON of the categories of a data frame; empty: none
};

File sections(std::string_view text) {
    File file;
    bool ended = false;
    while (!text.empty()) {
        const size_t newline = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, newline);
        text.remove_prefix(std::min(newline + 1, text.size()));
        if (line.ends_with('\r')) line.remove_suffix(1);
        constexpr std::string_view pandas = "pandas_categorical:";
        if (line.starts_with(pandas)) file.pandas = line.substr(pandas.size());
        if (line.starts_with("end of trees") || line.starts_with("feature importances"))
            ended = true;
        if (ended || line.empty()) continue;
        if (line.starts_with("Tree="))
            file.trees.emplace_back(fmt::format("tree {}", file.trees.size()));
        (file.trees.empty() ? file.head : file.trees.back()).add(line);
    }
    return file;
}

struct Objective {
    std::string_view name;
    Link link;
};
// What is not here returns its margins (regression, ranking, none).
constexpr Objective objectives[] = {
    {"binary", Link::logistic},        {"multiclass", Link::softmax},
    {"multiclassova", Link::logistic}, {"cross_entropy", Link::logistic},
    {"xentropy", Link::logistic},      {"cross_entropy_lambda", Link::softplus},
    {"xentlambda", Link::softplus},    {"poisson", Link::exponential},
    {"gamma", Link::exponential},      {"tweedie", Link::exponential},
    {"regression", Link::identity},    {"regression_l1", Link::identity},
    {"huber", Link::identity},         {"fair", Link::identity},
    {"quantile", Link::identity},      {"mape", Link::identity},
    {"lambdarank", Link::identity},    {"rank_xendcg", Link::identity},
    {"custom", Link::identity},
};

/// "binary sigmoid:1": how margins become predictions.
struct Meaning {
    Link link = Link::identity;
    double sigmoid = 1;  ///< margins are multiplied by it before the logistic function
};

Meaning meaning_of(const Section& head) {
    if (!head.has("objective")) return {};
    const std::vector<std::string_view> words = head.words("objective");
    if (words.empty()) return {};
    const auto* found = std::ranges::find(objectives, words[0], &Objective::name);
    if (found == std::end(objectives))
        head.refuse("the objective '" + printable(words[0]) +
                    "' is not known, and with it what margins mean");
    Meaning out{.link = found->link};
    constexpr std::string_view sigmoid = "sigmoid:";
    for (const std::string_view word : words) {
        if (word == "sqrt") out.link = Link::signed_square;
        if (!word.starts_with(sigmoid) || out.link != Link::logistic) continue;
        const char* end = word.data() + word.size();
        if (std::from_chars(word.data() + sigmoid.size(), end, out.sigmoid).ptr != end ||
            !(out.sigmoid > 0 && std::isfinite(out.sigmoid)))
            head.refuse(fmt::format("'{}' is no factor", printable(word)));
    }
    return out;
}

// Bits of decision_type.
constexpr int categorical = 1, default_left = 2;
enum class Missing { none = 0, zero = 1, nan = 2 };

/// What becomes of zeros of a feature: nodes must agree.
enum class Zeros : uint8_t { unknown, numbers, missing };

/// One tree of the file. Its splits are numbered from 0, its leaves stand behind them here.
class TreeReader {
  public:
    TreeReader(const Section& file, int64_t number, int64_t features, std::vector<Zeros>& zeros)
        : file_(file), number_(number), features_(features), zeros_(zeros) {}

    Tree read(int32_t output, double factor) {
        if (file_.has("is_linear") && file_.whole("is_linear", 0, 1) == 1)
            file_.refuse(
                "its leaves are linear models (linear_tree=true), which are no numbers to "
                "add up; train without linear_tree");
        const int64_t leaves = file_.whole("num_leaves", 1, most_index / 2);
        splits_ = leaves - 1;
        Tree tree{.output = output};
        tree.values = file_.numbers("leaf_value", static_cast<size_t>(leaves));
        for (double& value : tree.values) value *= factor;
        read_splits(tree);
        const bool counted = has_covers();
        const std::vector<double> counts =
            counted ? file_.numbers("leaf_count") : std::vector<double>(tree.values.size(), 0.0);
        if (counts.size() != tree.values.size())
            file_.refuse("'leaf_count' is no count for each leaf");
        for (int32_t leaf = 0; leaf < leaves; ++leaf)
            tree.nodes.push_back({.cover = counts[leaf], .leaf = leaf});
        return in_order(std::move(tree), number_, features_);
    }

    // Old files do not count where nothing is split.
    [[nodiscard]] bool has_covers() const {
        return file_.has("leaf_count") && (splits_ == 0 || file_.has("internal_count")) &&
               !file_.words("leaf_count").empty();
    }
    [[nodiscard]] bool has_gains() const {
        return splits_ == 0 ||
               (file_.has("split_gain") && std::ssize(file_.words("split_gain")) == splits_);
    }
    [[nodiscard]] bool has_splits() const { return splits_ > 0; }

  private:
    void read_splits(Tree& tree) {
        if (splits_ == 0) return;
        const auto count = static_cast<size_t>(splits_);
        const std::vector<double> features = file_.numbers("split_feature", count);
        const std::vector<double> thresholds = file_.numbers("threshold", count);
        const std::vector<double> types = file_.numbers("decision_type", count);
        const std::vector<double> left = file_.numbers("left_child", count);
        const std::vector<double> right = file_.numbers("right_child", count);
        const std::vector<double> covers =
            has_covers() ? file_.numbers("internal_count", count) : std::vector<double>(count, 0.0);
        const std::vector<double> gains =
            has_gains() ? file_.numbers("split_gain", count) : std::vector<double>(count, 0.0);
        if (file_.whole("num_cat", 0, most_index) > 0) read_sets(tree);
        for (size_t i = 0; i < count; ++i) {
            Node node{.threshold = thresholds[i], .cover = covers[i], .gain = gains[i]};
            node.feature = static_cast<int32_t>(whole(features[i], 0, most_index, i, "feature"));
            node.left = child(left[i], i);
            node.right = child(right[i], i);
            decide(node, static_cast<int>(whole(types[i], 0, 15, i, "decision type")), i, tree);
            tree.nodes.push_back(node);
        }
    }

    [[nodiscard]] int64_t whole(double value, int64_t least, int64_t most, size_t node,
                                const char* what) const {
        return whole_number(value, least, most,
                            fmt::format("tree {}, node {}: its {}", number_, node, what));
    }
    // Leaf k is written as -k - 1.
    [[nodiscard]] int32_t child(double value, size_t node) const {
        const int64_t number = whole(value, -splits_ - 1, splits_ - 1, node, "child");
        return static_cast<int32_t>(number >= 0 ? number : splits_ - number - 1);
    }

    void decide(Node& node, int type, size_t i, const Tree& tree) {
        if (type & categorical) {
            // NaN and categories that are not in the set go right.
            node.categories = static_cast<int32_t>(
                whole(node.threshold, 0, static_cast<int64_t>(tree.categories.size()) - 1, i,
                      "set of categories"));
            node.threshold = 0;
            return;
        }
        const auto missing = static_cast<Missing>(type >> 2);
        if (missing != Missing::none && missing != Missing::zero && missing != Missing::nan)
            file_.refuse(fmt::format("node {}: decision type {} is not known", i, type));
        // Without missing values NaN counts as zero.
        node.missing_left =
            missing == Missing::none ? 0 <= node.threshold : (type & default_left) != 0;
        if (node.feature >= features_) return;  // in_order says so
        Zeros& zeros = zeros_[node.feature];
        const Zeros here = missing == Missing::zero ? Zeros::missing : Zeros::numbers;
        if (zeros != Zeros::unknown && zeros != here)
            file_.refuse(
                fmt::format("node {}: zeros of feature {} are missing values here, and "
                            "numbers elsewhere",
                            i, node.feature));
        zeros = here;
    }

    // Sets of bits: 32 categories in each number.
    void read_sets(Tree& tree) const {
        const std::vector<double> bounds = file_.numbers("cat_boundaries");
        const std::vector<double> words = file_.numbers("cat_threshold");
        const auto all = static_cast<int64_t>(words.size());
        for (size_t k = 1; k < bounds.size(); ++k) {
            const std::string where = file_.where() + ": its cat_boundaries";
            const int64_t begin = whole_number(bounds[k - 1], 0, all, where);
            const int64_t end = whole_number(bounds[k], begin, all, where);
            std::vector<int32_t> set;
            for (int64_t w = begin; w < end; ++w) {
                const auto bits = static_cast<uint32_t>(
                    whole_number(words[w], 0, 0xFFFFFFFFLL, file_.where() + ": its cat_threshold"));
                for (int bit = 0; bit < 32; ++bit)
                    if (bits >> bit & 1U)
                        set.push_back(static_cast<int32_t>((w - begin) * 32 + bit));
            }
            tree.categories.push_back(std::move(set));
        }
    }

    const Section& file_;
    int64_t number_, features_, splits_ = 0;
    std::vector<Zeros>& zeros_;
};

// One list for each column of the data frame that held categories, in the order of the columns.
// feature_infos tells which those were: numbers have a range, "[0:5]", and unused ones "none".
void read_pandas(std::string_view json, const Section& head, EnsembleParts& parts) {
    if (json.empty() || json == "null") return;
    const Value value = parse_json(json);
    const View lists(value, "pandas_categorical");
    if (lists.size() == 0) return;
    std::vector<size_t> columns;
    const std::vector<std::string_view> infos = head.words("feature_infos");
    for (size_t i = 0; i < infos.size(); ++i)
        if (!infos[i].starts_with('[') && infos[i] != "none") columns.push_back(i);
    if (columns.size() != lists.size() || infos.size() != static_cast<size_t>(parts.features)) {
        parts.notes.emplace_back(
            "the file names categories of columns that the trees do not use: "
            "categories are read as the codes that pandas gave them");
        return;
    }
    parts.category_names.resize(infos.size());
    for (size_t k = 0; k < columns.size(); ++k) {
        const View list = lists.at(k);
        std::vector<std::string>& names = parts.category_names[columns[k]];
        for (size_t i = 0; i < list.size(); ++i)
            names.push_back(list.is_numbers() ? fmt::format("{}", list.numbers()[i])
                                              : list.at(i).text());
    }
}

// "Column_0", "Column_1", ... are what LightGBM calls columns that had no names.
bool has_own_names(const std::vector<std::string>& names) {
    for (size_t i = 0; i < names.size(); ++i)
        if (names[i] != fmt::format("Column_{}", i)) return true;
    return false;
}

}  // namespace

EnsembleParts read_lightgbm(std::string_view text) {
    const File file = sections(text);
    const Section& head = file.head;
    EnsembleParts parts{
        .float_inputs = false, .has_covers = true, .has_gains = true, .format = "lightgbm"};
    for (const std::string_view name : head.words("feature_names"))
        parts.feature_names.emplace_back(name);
    parts.features = head.whole("max_feature_idx", 0, most_index - 1) + 1;
    if (static_cast<size_t>(parts.features) != parts.feature_names.size())
        head.refuse(fmt::format("{} feature names for {} features", parts.feature_names.size(),
                                parts.features));
    if (!has_own_names(parts.feature_names)) parts.feature_names.clear();
    parts.outputs = head.whole("num_tree_per_iteration", 1, most_outputs);
    const auto per_round = static_cast<size_t>(parts.outputs);
    if (file.trees.size() % per_round != 0)
        head.refuse(
            fmt::format("{} trees are no whole rounds of {}", file.trees.size(), per_round));
    parts.base.assign(per_round, 0.0);
    const Meaning meaning = meaning_of(head);
    parts.link = meaning.link;
    if (meaning.sigmoid != 1)
        parts.notes.push_back(fmt::format(
            "margins are log-odds: LightGBM's raw scores times the objective's sigmoid, {}",
            meaning.sigmoid));
    if (head.has("average_output") && !file.trees.empty())
        parts.divisor = static_cast<double>(file.trees.size() / per_round);

    std::vector<Zeros> zeros(static_cast<size_t>(parts.features), Zeros::unknown);
    for (size_t i = 0; i < file.trees.size(); ++i) {
        TreeReader reader(file.trees[i], static_cast<int64_t>(i), parts.features, zeros);
        parts.trees.push_back(reader.read(static_cast<int32_t>(i % per_round), meaning.sigmoid));
        parts.has_gains = parts.has_gains && reader.has_gains();
        parts.has_covers = parts.has_covers && (reader.has_covers() || !reader.has_splits());
    }
    if (std::ranges::find(zeros, Zeros::missing) != zeros.end())
        for (const Zeros kind : zeros) parts.zero_is_missing.push_back(kind == Zeros::missing);
    read_pandas(file.pandas, head, parts);
    return parts;
}

}  // namespace whence::trees
