#include "whence/core/global_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "whence/core/error.h"

namespace whence {
namespace {

using Json = nlohmann::ordered_json;

Json number(double value) {
    return std::isfinite(value) ? Json(value) : Json(nullptr);
}
Json numbers(const std::vector<double>& values) {
    Json out = Json::array();
    for (const double value : values) out.push_back(number(value));
    return out;
}
Json matrix(const std::vector<std::vector<double>>& rows) {
    Json out = Json::array();
    for (const std::vector<double>& row : rows) out.push_back(numbers(row));
    return out;
}
Json optional(const std::optional<double>& value) {
    return value ? number(*value) : Json(nullptr);
}

Json condition_json(const Condition& condition, const Schema& schema) {
    const Feature& feature = schema[condition.feature];
    Json out = {{"feature", feature.name}};
    if (feature.categorical()) {
        Json names = Json::array();
        for (const int64_t code : condition.categories) names.push_back(feature.categories[code]);
        out["categories"] = names;
    } else {
        out["known"] = condition.low < std::numeric_limits<double>::infinity();
        out["above"] = number(condition.low);
        out["at_most"] = number(condition.high);
    }
    out["missing"] = condition.missing;
    return out;
}

Json fidelity_json(const Fidelity& fidelity) {
    return {{"r2", optional(fidelity.r2)},
            {"agreement", optional(fidelity.agreement)},
            {"rows", fidelity.rows},
            {"held_out", fidelity.held_out}};
}

struct ResultJson {
    const Schema& schema;

    [[nodiscard]] Json names(const std::vector<int64_t>& features) const {
        Json out = Json::array();
        for (const int64_t feature : features) out.push_back(schema[feature].name);
        return out;
    }
    Json operator()(const Importance& importance) const {
        return {{"loss", importance.loss},
                {"reference", number(importance.reference)},
                {"features", names(importance.features)},
                {"values", numbers(importance.values)},
                {"standard_errors", numbers(importance.standard_errors)},
                {"repeats", matrix(importance.repeats)}};
    }
    Json operator()(const Curves& curves) const {
        Json all = Json::array();
        for (const Curve& curve : curves.curves) {
            const Feature& feature = schema[curve.feature];
            Json one = {{"feature", feature.name}};
            if (feature.categorical()) {
                Json categories = Json::array();
                for (const double code : curve.grid)
                    categories.push_back(feature.categories[static_cast<size_t>(code)]);
                one["categories"] = categories;
            } else {
                one["grid"] = numbers(curve.grid);
                one["deciles"] = numbers(curve.deciles);
            }
            one["values"] = numbers(curve.values);
            one["standard_errors"] = numbers(curve.standard_errors);
            if (!curve.counts.empty()) one["counts"] = curve.counts;
            if (!curve.lines.empty()) {
                one["rows"] = curve.rows;
                one["lines"] = matrix(curve.lines);
            }
            all.push_back(one);
        }
        return {{"centered", curves.centered}, {"curves", all}};
    }
    Json operator()(const InteractionStrengths& strengths) const {
        Json totals = Json::array(), pairs = Json::array();
        for (size_t i = 0; i < strengths.features.size(); ++i)
            totals.push_back({{"feature", schema[strengths.features[i]].name},
                              {"h", number(strengths.totals[i].h)},
                              {"strength", number(strengths.totals[i].strength)}});
        for (const InteractionStrengths::Pair& pair : strengths.pairs)
            pairs.push_back({{"features", {schema[pair.first].name, schema[pair.second].name}},
                             {"h", number(pair.interaction.h)},
                             {"strength", number(pair.interaction.strength)}});
        return {{"totals", totals}, {"pairs", pairs}};
    }
    Json operator()(const SurrogateTree& tree) const {
        Json nodes = Json::array();
        for (const SurrogateTree::Node& node : tree.nodes) {
            Json one = {{"value", number(node.value)}, {"share", number(node.share)}};
            if (!node.leaf()) {
                one["left_if"] = condition_json(node.left_if, schema);
                one["left"] = node.left;
                one["right"] = node.right;
            }
            nodes.push_back(one);
        }
        return {{"fidelity", fidelity_json(tree.fidelity)}, {"nodes", nodes}};
    }
    Json operator()(const RuleList& list) const {
        Json rules = Json::array();
        for (const RuleList::Rule& rule : list.rules) {
            Json conditions = Json::array();
            for (const Condition& condition : rule.conditions)
                conditions.push_back(condition_json(condition, schema));
            rules.push_back(
                {{"if", conditions}, {"value", number(rule.value)}, {"share", number(rule.share)}});
        }
        return {{"fidelity", fidelity_json(list.fidelity)}, {"rules", rules}};
    }
    Json operator()(const LinearSurrogate& linear) const {
        Json terms = Json::array();
        for (const LinearSurrogate::Term& term : linear.terms) {
            Json one = {{"feature", schema[term.feature].name}};
            if (term.category) one["category"] = schema[term.feature].categories[*term.category];
            one["weight"] = number(term.weight);
            one["effect"] = number(term.effect);
            if (!term.category) one["missing"] = number(term.missing);
            terms.push_back(one);
        }
        return {{"fidelity", fidelity_json(linear.fidelity)},
                {"intercept", number(linear.intercept)},
                {"terms", terms}};
    }
};

Json options_json(const std::vector<Option>& options) {
    Json out = Json::object();
    for (const Option& option : options)
        std::visit([&](const auto& value) { out[option.name] = value; }, option.value);
    return out;
}

}  // namespace

bool Condition::holds(double value, bool categorical) const {
    if (std::isnan(value)) return missing;
    if (!categorical) return low < value && value <= high;
    return std::ranges::binary_search(categories, static_cast<int64_t>(value));
}

std::string to_text(const Condition& condition, const Schema& schema) {
    const Feature& feature = schema[condition.feature];
    const std::string name = printable(feature.name);
    std::string out;
    if (feature.categorical()) {
        for (const int64_t code : condition.categories)
            out += (out.empty() ? "" : ", ") + printable(feature.categories[code], 60);
        out = condition.categories.size() == 1 ? fmt::format("{} = {}", name, out)
              : out.empty()                    ? ""
                                               : fmt::format("{} in {{{}}}", name, out);
    } else {
        const bool below = std::isfinite(condition.high), above = std::isfinite(condition.low);
        out = below && above
                  ? fmt::format("{:.6g} < {} <= {:.6g}", condition.low, name, condition.high)
              : below             ? fmt::format("{} <= {:.6g}", name, condition.high)
              : above             ? fmt::format("{} > {:.6g}", name, condition.low)
              : condition.low < 0 ? fmt::format("{} is known", name)
                                  : "";  // above infinity: nothing that is known
    }
    if (!condition.missing || !feature.allows_missing) return out;
    return out.empty() ? name + " is missing" : out + " or missing";
}

std::string to_json(const GlobalView& view) {
    const ResolvedTarget& target = view.target.resolved;
    const Provenance& p = view.provenance;
    Json json = {{"whence", p.version},
                 {"view", view.view},
                 {"target",
                  {{"output", target.output},
                   {"index", target.index},
                   {"minus", target.minus ? Json(*target.minus) : Json(nullptr)},
                   {"label", view.target.label},
                   {"scale", name(target.scale)}}},
                 {"rows", view.rows},
                 {"result", std::visit(ResultJson{view.schema}, view.result)},
                 {"notes", view.notes},
                 {"options", options_json(p.options)},
                 {"seed", p.seed},
                 {"evaluations", p.evaluations},
                 {"seconds", number(p.seconds)},
                 {"model", {{"path", p.model_path}, {"sha256", p.model_sha256}}},
                 {"input", {{"path", p.input_path}, {"sha256", p.input_sha256}}}};
    // Text from files may be no UTF-8: what cannot be written is replaced.
    return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace whence
