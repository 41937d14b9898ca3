#include "whence/render/global_parts.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "whence/render/number.h"

namespace whence::render {
namespace {

struct Words {
    std::string_view view, title, axis;
};
constexpr Words words[] = {{"importance", "Permutation importance", ""},
                           {"dependence", "Partial dependence", "mean prediction"},
                           {"ice", "Individual conditional expectation", "prediction"},
                           {"ale", "Accumulated local effects", "effect"},
                           {"interaction", "Interactions", ""},
                           {"surrogate-tree", "Surrogate tree", ""},
                           {"rules", "Surrogate rules", ""},
                           {"surrogate-linear", "Linear surrogate", ""},
                           {"tree-importance", "Importance in the trees", ""}};

const Words* words_of(const GlobalView& view) {
    const auto found = std::ranges::find(words, view.view, &Words::view);
    return found == std::end(words) ? nullptr : found;
}

std::string feature_name(const GlobalView& view, int64_t feature) {
    return clean(view.schema[feature].name);
}

// The largest `top`. What is left out is counted in the title and not summed: losses of shuffles
// one at a time, or standard deviations, have no sum.
Bars ranked(std::string title, std::vector<Weight> weights, int64_t top) {
    std::ranges::stable_sort(weights, std::greater<>{}, [](const Weight& weight) {
        return std::isfinite(weight.value) ? std::abs(weight.value) : -1;
    });
    const int64_t all = std::ssize(weights);
    if (all > top) {
        weights.resize(static_cast<size_t>(top));
        title += "; the largest " + count(top) + " of " + count(all);
    }
    Bars out{.title = std::move(title)};
    for (const Weight& weight : weights) {
        if (std::isfinite(weight.value))
            out.ranking.largest = std::max(out.ranking.largest, std::abs(weight.value));
        else
            ++out.ranking.not_numbers;
    }
    out.ranking.top = std::move(weights);
    return out;
}

// What the numbers are, by what Importance::loss says.
std::string unit_of(const GlobalView& view, const std::string& loss) {
    if (view.view == "tree-importance") {
        constexpr std::pair<std::string_view, std::string_view> of_trees[] = {
            {"log-loss", "mean decrease of the log loss"},
            {"squared-error", "mean decrease of the squared error"},
            {"gain", "mean gain of a split"},
            {"total-gain", "gain of all splits"},
            {"cover", "mean cover of a split"},
            {"total-cover", "cover of all splits"},
            {"splits", "number of splits"}};
        for (const auto& [name, unit] : of_trees)
            if (name == loss) return std::string(unit);
        return "mean |SHAP value|, " + scale_name(view.target);
    }
    if (loss == "prediction-change")
        return "mean change of the prediction, " + scale_name(view.target);
    if (loss == "log-loss") return "increase of the log loss";
    return loss == "error-rate" ? "increase of the error rate" : "increase of the squared error";
}

std::vector<Bars> importance_bars(const GlobalView& view, const Importance& importance,
                                  int64_t top) {
    std::vector<Weight> weights;
    for (size_t i = 0; i < importance.features.size(); ++i) {
        Weight weight{.index = importance.features[i],
                      .name = feature_name(view, importance.features[i]),
                      .value = importance.values[i]};
        if (std::isfinite(importance.standard_errors[i]))
            weight.standard_error = importance.standard_errors[i];
        weights.push_back(weight);
    }
    return {ranked(unit_of(view, importance.loss), std::move(weights), top)};
}

std::vector<Bars> interaction_bars(const GlobalView& view, const InteractionStrengths& found,
                                   int64_t top) {
    std::vector<Weight> totals, pairs;
    const auto weight = [](std::string name, const InteractionStrengths::Strength& strength) {
        return Weight{.name = std::move(name),
                      .display = "H " + number(strength.h, 2),
                      .value = strength.strength};
    };
    for (size_t i = 0; i < found.features.size(); ++i)
        totals.push_back(weight(feature_name(view, found.features[i]), found.totals[i]));
    for (const InteractionStrengths::Pair& pair : found.pairs)
        pairs.push_back(
            weight(feature_name(view, pair.first) + " with " + feature_name(view, pair.second),
                   pair.interaction));
    std::vector<Bars> out = {
        ranked("each feature with all others: standard deviation of the interaction, " +
                   scale_name(view.target),
               std::move(totals), top)};
    if (!pairs.empty()) out.push_back(ranked("pairs", std::move(pairs), top));
    return out;
}

std::vector<Bars> linear_bars(const GlobalView& view, const LinearSurrogate& linear, int64_t top) {
    std::vector<Weight> weights;
    for (const LinearSurrogate::Term& term : linear.terms) {
        std::string name = feature_name(view, term.feature);
        if (term.category)
            name += " = " + clean(view.schema[term.feature].categories[*term.category]);
        weights.push_back({.index = term.feature,
                           .name = name,
                           .display = "x " + number(term.weight, 4),
                           .value = term.effect});
    }
    return {ranked("effect of one standard deviation, " + scale_name(view.target),
                   std::move(weights), top)};
}

// "0.91 (23 % of the rows)".
std::string answer(double value, double share) {
    return number(value) + "  (" + percent(share) + " of the rows)";
}

void outline(const GlobalView& view, const SurrogateTree& tree, int64_t at,
             const std::string& indent, std::vector<std::string>& out) {
    const SurrogateTree::Node& node = tree.nodes[at];
    const auto branch = [&](const std::string& test, int64_t child) {
        const SurrogateTree::Node& below = tree.nodes[child];
        out.push_back(indent + test +
                      (below.leaf() ? ":  " + answer(below.value, below.share) : ""));
        if (!below.leaf()) outline(view, tree, child, indent + "  ", out);
    };
    branch(clean(to_text(node.left_if, view.schema), 400), node.left);
    branch("else", node.right);
}

std::vector<std::string> outline(const GlobalView& view, const RuleList& list) {
    std::vector<std::string> out;
    for (const RuleList::Rule& rule : list.rules) {
        std::string conditions;
        for (const Condition& condition : rule.conditions)
            conditions += (conditions.empty() ? "if " : " and ") +
                          clean(to_text(condition, view.schema), 400);
        if (conditions.empty()) conditions = out.empty() ? "always" : "otherwise";
        out.push_back(conditions + ":  " + answer(rule.value, rule.share));
    }
    return out;
}

const Fidelity* fidelity_of(const GlobalView& view) {
    if (const auto* tree = std::get_if<SurrogateTree>(&view.result)) return &tree->fidelity;
    if (const auto* rules = std::get_if<RuleList>(&view.result)) return &rules->fidelity;
    if (const auto* linear = std::get_if<LinearSurrogate>(&view.result)) return &linear->fidelity;
    return nullptr;
}

std::string fidelity_text(const Fidelity& fidelity) {
    std::string out =
        fidelity.r2 ? "R2 " + number(*fidelity.r2) : "the model's answers are all the same";
    if (fidelity.agreement) out += ", same side of 1/2 in " + percent(*fidelity.agreement);
    return out + " (" + count(fidelity.rows) + " rows" +
           (fidelity.held_out ? " held out)" : ", those learned from)");
}

}  // namespace

std::string title_of(const GlobalView& view) {
    const Words* found = words_of(view);
    return (found ? std::string(found->title) : method_title(view.view)) + ": " +
           short_target(view.target);
}

std::vector<Fact> facts(const GlobalView& view) {
    std::vector<Fact> out = {{"target", target_name(view.target) + ", " + scale_name(view.target)},
                             {"rows", count(view.rows)}};
    if (const auto* importance = std::get_if<Importance>(&view.result))
        if (importance->loss != "prediction-change" && std::isfinite(importance->reference))
            out.push_back({"loss", method_title(importance->loss) + " " +
                                       number(importance->reference, 4) +
                                       (view.view == "tree-importance"
                                            ? " with all features there"
                                            : " before anything is shuffled")});
    if (const Fidelity* fidelity = fidelity_of(view))
        out.push_back({"fidelity", fidelity_text(*fidelity)});
    if (const auto* linear = std::get_if<LinearSurrogate>(&view.result))
        out.push_back({"intercept", number(linear->intercept, 4)});
    out.push_back({"cost", cost(view.provenance)});
    return out;
}

std::vector<std::string> remarks_of(const GlobalView& view) {
    std::vector<std::string> out;
    if (const Fidelity* fidelity = fidelity_of(view);
        fidelity && fidelity->r2 && *fidelity->r2 < 0.5)
        out.emplace_back(
            "The surrogate explains less than half of what the model says: do not read it as the "
            "model.");
    for (const std::string& note : view.notes) {
        std::string text = clean(note, 400);
        if (!text.empty() && text[0] >= 'a' && text[0] <= 'z' && text.find(':') != 0)
            text[0] = static_cast<char>(text[0] - 'a' + 'A');
        out.push_back(text + ".");
    }
    return out;
}

std::vector<Bars> bars_of(const GlobalView& view, int64_t top) {
    if (const auto* found = std::get_if<Importance>(&view.result))
        return importance_bars(view, *found, top);
    if (const auto* found = std::get_if<InteractionStrengths>(&view.result))
        return interaction_bars(view, *found, top);
    if (const auto* found = std::get_if<LinearSurrogate>(&view.result))
        return linear_bars(view, *found, top);
    return {};
}

std::vector<std::string> outline_of(const GlobalView& view) {
    if (const auto* list = std::get_if<RuleList>(&view.result)) return outline(view, *list);
    const auto* tree = std::get_if<SurrogateTree>(&view.result);
    if (!tree) return {};
    std::vector<std::string> out;
    if (tree->nodes[0].leaf())
        out.push_back("always:  " + answer(tree->nodes[0].value, 1));
    else
        outline(view, *tree, 0, "", out);
    return out;
}

std::vector<const Curve*> shown_curves(const GlobalView& view, int64_t top) {
    const auto* curves = std::get_if<Curves>(&view.result);
    if (!curves) return {};
    std::vector<const Curve*> out;
    for (const Curve& curve : curves->curves) out.push_back(&curve);
    std::ranges::stable_sort(out, std::greater<>{}, [](const Curve* curve) {
        const auto [low, high] = std::ranges::minmax_element(curve->values);
        const double range = curve->values.empty() ? 0 : *high - *low;
        return std::isfinite(range) ? range : -1;
    });
    out.resize(std::min(out.size(), static_cast<size_t>(std::max<int64_t>(1, top))));
    std::ranges::sort(out);
    return out;
}

std::string point_name(const GlobalView& view, const Curve& curve, size_t point) {
    const Feature& feature = view.schema[curve.feature];
    return feature.categorical() ? clean(display(feature, curve.grid[point]), 60)
                                 : number(curve.grid[point], 4);
}

std::string curve_axis(const GlobalView& view) {
    const Words* found = words_of(view);
    const auto* curves = std::get_if<Curves>(&view.result);
    return std::string(found ? found->axis : "") + ", " + scale_name(view.target) +
           (curves && curves->centered ? ", from 0 at the first point" : "");
}

}  // namespace whence::render
