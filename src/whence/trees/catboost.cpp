// CatBoost's JSON (catboost.ai, "Applying the model: JSON"; catboost/libs/model/model_export).

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "whence/core/error.h"
#include "whence/trees/formats.h"
#include "whence/trees/in_order.h"

namespace whence::trees {
namespace {

/// Which column of the data a feature of the file is.
struct FloatFeature {
    int32_t column = 0;
    bool missing_left = true;
};
struct CategoricalFeature {
    int32_t column = 0;
    std::map<int64_t, int32_t> code_of_hash;
};
struct Features {
    std::vector<FloatFeature> floats;
    std::vector<CategoricalFeature> categorical;
};

int64_t hash_of(const View& value) {
    // Signed in one place, unsigned in another.
    return value.whole(-(int64_t{1} << 31), (int64_t{1} << 32) - 1) & 0xFFFFFFFFLL;
}

void refuse_texts(const View& features) {
    for (const char* kind : {"text_features", "embedding_features"})
        if (features.has(kind) && features.at(kind).size() > 0)
            throw Error(
                ErrorKind::model,
                fmt::format("the CatBoost model has {}, which only CatBoost computes", kind));
}

class FeatureReader {
  public:
    FeatureReader(const View& file, EnsembleParts& parts)
        : info_(file.at("features_info")), parts_(parts) {}

    Features read() {
        refuse_texts(info_);
        Features out;
        each("float_features", [&](const View& feature, int32_t column) {
            const bool right = feature.has("nan_value_treatment") &&
                               feature.at("nan_value_treatment").text() == "AsTrue";
            out.floats.push_back({.column = column, .missing_left = !right});
        });
        read_hashes();
        each("categorical_features", [&](const View& feature, int32_t column) {
            out.categorical.push_back({.column = column});
            read_categories(feature, out.categorical.back());
        });
        finish(out);
        return out;
    }

  private:
    template <class Work>
    void each(const char* kind, const Work& work) {
        if (!info_.has(kind)) return;
        const View list = info_.at(kind);
        for (size_t i = 0; i < list.size(); ++i) {
            const View feature = list.at(i);
            const auto column =
                static_cast<int32_t>(feature.at("flat_feature_index").whole(0, most_index - 1));
            const std::string name =
                feature.has("feature_id") ? feature.at("feature_id").text() : "";
            if (!names_.emplace(column, name).second)
                feature.refuse("another feature is the same column");
            work(feature, column);
        }
    }

    // Texts of hashes are there where the model was saved with `pool`.
    void read_hashes() {
        if (!info_.has("cat_features_hash")) return;
        const View list = info_.at("cat_features_hash");
        for (size_t i = 0; i < list.size(); ++i)
            text_of_hash_[hash_of(list.at(i).at("hash"))] = list.at(i).at("value").text();
    }

    // The categories that splits ask for come first, in the file's order.
    void read_categories(const View& feature, CategoricalFeature& out) {
        std::vector<std::string>& names = categories_[out.column];
        if (!feature.has("values")) return;  // no split asks for one
        const Numbers& values = feature.at("values").numbers();
        for (const double value : values) {
            const int64_t hash = whole_number(value, -(int64_t{1} << 31), (int64_t{1} << 32) - 1,
                                              feature.where() + ".values") &
                                 0xFFFFFFFFLL;
            const auto code = static_cast<int32_t>(out.code_of_hash.size());
            if (!out.code_of_hash.emplace(hash, code).second) continue;
            const auto text = text_of_hash_.find(hash);
            if (text != text_of_hash_.end()) names.push_back(text->second);
        }
        if (names.size() != out.code_of_hash.size()) unnamed_ = true;
    }

    void finish(const Features& features) {
        parts_.features = static_cast<int64_t>(names_.size());
        if (names_.empty() || names_.rbegin()->first + 1 != parts_.features)
            info_.refuse("its features are not the columns 0, 1, 2, ...");
        const bool named =
            std::ranges::none_of(names_, [](const auto& entry) { return entry.second.empty(); });
        for (const auto& [column, name] : names_)
            if (named) parts_.feature_names.push_back(name);
        if (features.categorical.empty()) return;
        if (unnamed_) {
            parts_.notes.emplace_back(
                "the file has no texts of its categories (save it with pool=): a category "
                "is its place in the file's list of values, any other number an unknown one");
            return;
        }
        parts_.category_names.resize(names_.size());
        for (auto& [column, names] : categories_) {
            add_others(names);
            parts_.category_names[column] = std::move(names);
        }
    }

    // Splits tell none of the others apart; the file does not say whose they are, so each column
    // may hold them all. Where that is too much, they are unknown words.
    void add_others(std::vector<std::string>& names) const {
        constexpr size_t most_names = 1000000;
        if (text_of_hash_.size() > most_names / categories_.size()) return;
        const std::set<std::string> own(names.begin(), names.end());
        for (const auto& [hash, text] : text_of_hash_)
            if (!own.contains(text)) names.push_back(text);
    }

    View info_;
    EnsembleParts& parts_;
    std::map<int32_t, std::string> names_;
    std::map<int64_t, std::string> text_of_hash_;
    std::map<int32_t, std::vector<std::string>> categories_;
    bool unnamed_ = false;
};

/// Makes nodes of splits. A split that holds is the second child.
class Splits {
  public:
    explicit Splits(const Features& features) : features_(features) {}

    Node node(const View& split, int32_t otherwise, int32_t holds, Tree& tree) const {
        const std::string& type = split.at("split_type").text();
        if (type == "FloatFeature") {
            const FloatFeature& feature =
                features_.floats[index(split, "float_feature_index", features_.floats.size())];
            return {.feature = feature.column,
                    .left = otherwise,
                    .right = holds,
                    .threshold = static_cast<float>(split.at("border").number()),
                    .missing_left = feature.missing_left};
        }
        if (type == "OneHotFeature") {
            const CategoricalFeature& feature =
                features_
                    .categorical[index(split, "cat_feature_index", features_.categorical.size())];
            const auto code = feature.code_of_hash.find(hash_of(split.at("value")));
            if (code == feature.code_of_hash.end())
                split.refuse("its value is not among its feature's values");
            tree.categories.push_back({code->second});
            return {.feature = feature.column,
                    .left = holds,
                    .right = otherwise,
                    .categories = static_cast<int32_t>(tree.categories.size()) - 1};
        }
        if (type == "OnlineCtr")
            throw Error(ErrorKind::model,
                        split.where() +
                            ": it splits by a counter of categories (CTR), which is a table and no "
                            "feature; train with one_hot_max_size above the number of categories");
        split.refuse("split type '" + printable(type) + "' is not known");
    }

  private:
    static size_t index(const View& split, const char* key, size_t count) {
        return static_cast<size_t>(split.at(key).whole(0, static_cast<int64_t>(count) - 1));
    }
    const Features& features_;
};

// Level by level: bit k of a leaf's number answers split k, the root asks the last one, as
// CatBoost's own values do. The answer "yes" is bit 1.
Tree oblivious_tree(const View& file, const Splits& splits, int64_t outputs) {
    const View questions = file.at("splits");
    const size_t depth = questions.size();
    if (depth > 24) questions.refuse(fmt::format("{} splits", depth));
    const size_t leaves = size_t{1} << depth;
    Tree tree{.width = static_cast<int32_t>(outputs)};
    tree.values = file.at("leaf_values").numbers(leaves * static_cast<size_t>(outputs));
    tree.nodes.reserve(2 * leaves - 1);
    for (size_t level = 0; level < depth; ++level) {
        const View split = questions.at(depth - 1 - level);
        const Node asked = splits.node(split, 1, 2, tree);
        for (size_t k = 0; k < size_t{1} << level; ++k) {
            const auto i = static_cast<int32_t>(tree.nodes.size());
            tree.nodes.push_back(asked);
            tree.nodes.back().left = 2 * i + asked.left;
            tree.nodes.back().right = 2 * i + asked.right;
        }
    }
    for (size_t k = 0; k < leaves; ++k) tree.nodes.push_back({.leaf = static_cast<int32_t>(k)});
    if (!file.has("leaf_weights")) return tree;
    const Numbers& weights = file.at("leaf_weights").numbers(leaves);
    for (size_t k = 0; k < leaves; ++k) tree.nodes[leaves - 1 + k].cover = weights[k];
    for (size_t i = leaves - 1; i-- > 0;)
        tree.nodes[i].cover = tree.nodes[2 * i + 1].cover + tree.nodes[2 * i + 2].cover;
    return tree;
}

// grow_policy Depthwise and Lossguide: objects within objects.
Tree nested_tree(const View& file, const Splits& splits, int64_t outputs) {
    Tree tree{.width = static_cast<int32_t>(outputs)};
    std::vector<View> waiting = {file};
    tree.nodes.emplace_back();
    for (size_t i = 0; i < waiting.size(); ++i) {
        const View here = waiting[i];
        if (here.has("split")) {
            const auto first = static_cast<int32_t>(tree.nodes.size());
            tree.nodes[i] = splits.node(here.at("split"), first, first + 1, tree);
            for (const char* side : {"left", "right"}) {
                waiting.push_back(here.at(side));
                tree.nodes.emplace_back();
            }
            continue;
        }
        const View value = here.at("value");
        tree.nodes[i].leaf =
            static_cast<int32_t>(tree.values.size() / static_cast<size_t>(outputs));
        if (value.is_numbers())
            for (const double number : value.numbers(static_cast<size_t>(outputs)))
                tree.values.push_back(number);
        else if (outputs == 1)
            tree.values.push_back(value.number());
        else
            value.refuse(fmt::format("it should be {} numbers", outputs));
        tree.nodes[i].cover = here.at("weight").number();
    }
    for (size_t i = tree.nodes.size(); i-- > 0;)
        if (Node& node = tree.nodes[i]; !node.is_leaf())
            node.cover = tree.nodes[node.left].cover + tree.nodes[node.right].cover;
    return tree;
}

struct Loss {
    std::string_view name;
    Link link;
};
constexpr Loss losses[] = {
    {"Logloss", Link::logistic},      {"CrossEntropy", Link::logistic},
    {"MultiClass", Link::softmax},    {"MultiClassOneVsAll", Link::logistic},
    {"MultiLogloss", Link::logistic}, {"MultiCrossEntropy", Link::logistic},
    {"Poisson", Link::exponential},   {"Tweedie", Link::exponential},
};

// "params" is an object, in files of before 2020 a text with one. Losses that are not listed return
// what the trees add up to.
void read_info(const View& file, EnsembleParts& parts) {
    if (!file.has("model_info")) return;
    const View info = file.at("model_info");
    std::string loss;
    const auto read_loss = [&](const View& params) {
        if (params.has("loss_function") && params.at("loss_function").has("type"))
            loss = params.at("loss_function").at("type").text();
    };
    if (info.has("params") && info.at("params").is_text()) {
        const Value params = parse_json(info.at("params").text());
        read_loss(View(params, "params"));
    } else if (info.has("params")) {
        read_loss(info.at("params"));
    }
    const auto* found = std::ranges::find(losses, loss, &Loss::name);
    if (found != std::end(losses)) parts.link = found->link;

    if (!info.has("class_params") || !info.at("class_params").has("class_names")) return;
    const View classes = info.at("class_params").at("class_names");
    const bool both = parts.outputs == 1 && parts.link == Link::logistic && classes.size() == 2;
    if (!both && static_cast<int64_t>(classes.size()) != parts.outputs) return;
    for (size_t i = 0; i < classes.size(); ++i)
        parts.output_names.push_back(classes.is_numbers() ? fmt::format("{}", classes.numbers()[i])
                                                          : classes.at(i).text());
}

// The first tree tells: old files do not say it.
int64_t outputs_of(const View& trees, bool oblivious) {
    if (trees.size() == 0) return 1;
    View first = trees.at(0);
    if (oblivious) {
        const size_t depth = std::min<size_t>(first.at("splits").size(), 62);
        return static_cast<int64_t>(first.at("leaf_values").numbers().size() >> depth);
    }
    while (first.has("split")) first = first.at("left");
    const View value = first.at("value");
    return value.is_numbers() ? static_cast<int64_t>(value.numbers().size()) : 1;
}

// [scale, bias] or [scale, [bias of each output]]; nothing before 2020. Leaves take the scale.
void read_scale(const View& file, EnsembleParts& parts) {
    const auto outputs = static_cast<size_t>(parts.outputs);
    parts.base.assign(outputs, 0.0);
    if (!file.has("scale_and_bias")) return;
    const View pair = file.at("scale_and_bias");
    double scale = 1;
    if (pair.is_numbers()) {
        scale = pair.numbers(2)[0];
        parts.base.assign(outputs, pair.numbers()[1]);
    } else {
        scale = pair.at(0).number();
        parts.base = pair.at(1).numbers(outputs);
    }
    for (Tree& tree : parts.trees)
        for (double& value : tree.values) value *= scale;
}

}  // namespace

EnsembleParts read_catboost(const View& file) {
    EnsembleParts parts{.format = "catboost"};
    const bool oblivious = file.has("oblivious_trees");
    const View trees = file.at(oblivious ? "oblivious_trees" : "trees");
    const Features features = FeatureReader(file, parts).read();
    const Splits splits(features);
    parts.outputs = outputs_of(trees, oblivious);
    if (parts.outputs < 1 || parts.outputs > most_outputs)
        trees.refuse("its first tree has no number for each leaf");
    parts.has_covers = true;
    for (size_t i = 0; i < trees.size(); ++i) {
        const View tree = trees.at(i);
        Tree read = oblivious ? oblivious_tree(tree, splits, parts.outputs)
                              : nested_tree(tree, splits, parts.outputs);
        if (oblivious) parts.has_covers = parts.has_covers && tree.has("leaf_weights");
        parts.trees.push_back(in_order(std::move(read), static_cast<int64_t>(i), parts.features));
    }
    read_scale(file, parts);
    read_info(file, parts);
    return parts;
}

}  // namespace whence::trees
