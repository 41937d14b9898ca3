#include "whence/core/score_card.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace whence {
namespace {

using Json = nlohmann::ordered_json;

Json number(double value) {
    return std::isfinite(value) ? Json(value) : Json(nullptr);
}

Json options_json(const std::vector<Option>& options) {
    Json out = Json::object();
    for (const Option& option : options)
        std::visit([&](const auto& value) { out[option.name] = value; }, option.value);
    return out;
}

Json estimate_json(const ScoreCard& card, const ScoreEstimate& e) {
    Json better_than = Json::array();
    for (const int64_t m : e.better_than) better_than.push_back(card.methods[m].name);
    Json out = {{"value", number(e.value)}, {"low", number(e.low)},       {"high", number(e.high)},
                {"best", e.best},           {"better_than", better_than}, {"defined", e.defined},
                {"undefined", e.undefined}};
    if (e.undefined > 0) out["undefined_because"] = e.undefined_because;
    if (e.scores.empty()) return out;
    out["scores"] = Json::array();
    for (const double score : e.scores) out["scores"].push_back(number(score));
    return out;
}

Json method_json(const ScoredMethod& m) {
    Json out = {{"name", m.name},
                {"control", m.control},
                {"given", m.given},
                {"baseline", m.baseline},
                {"scale", m.scale},
                {"explained", m.explained},
                {"failed", m.failed},
                {"evaluations", m.evaluations},
                {"gradient_evaluations", m.gradient_evaluations},
                {"seconds", m.seconds}};
    if (m.failed > 0) out["failure"] = m.failure;
    Json error = {{"stated", m.error_stated}, {"relative_stated", m.relative_error_stated}};
    if (m.error_stated == 0) {
        error["because"] = m.no_error_because;
    } else {
        error["mean_absolute"] = number(m.mean_error);
        error["median_absolute"] = number(m.median_error);
        error["largest_absolute"] = number(m.largest_error);
        error["median_relative"] = number(m.median_relative_error);
        error["largest_relative"] = number(m.largest_relative_error);
    }
    out["attribution_error"] = error;
    return out;
}

// Infinite ends of a range are null.
Json row_json(const ScoreCard& card, const ScoreCardRow& row) {
    Json out = {{"metric", row.metric},
                {"category", row.category},
                {"better", row.higher_is_better ? "higher" : "lower"},
                {"range", {number(row.low), number(row.high)}},
                {"of_data_set", row.of_data_set},
                {"options", options_json(row.options)},
                {"source", row.source},
                {"assumes", row.assumes},
                {"cannot_tell", row.cannot_tell}};
    Json of = Json::object();
    for (size_t m = 0; m < row.of.size(); ++m)
        of[card.methods[m].name] = estimate_json(card, row.of[m]);
    out["methods"] = of;
    return out;
}

Json gap_json(const QualityGap& gap) {
    Json groups = Json::array();
    for (const GroupScore& g : gap.groups)
        groups.push_back({{"group", g.group},
                          {"samples", g.samples},
                          {"value", number(g.value)},
                          {"low", number(g.low)},
                          {"high", number(g.high)}});
    return {{"column", gap.column},   {"metric", gap.metric},       {"method", gap.method},
            {"groups", groups},       {"gap", number(gap.gap)},     {"low", number(gap.low)},
            {"high", number(gap.high)}, {"higher", gap.higher},     {"lower", gap.lower},
            {"p_value", number(gap.p_value)}};
}

}  // namespace

std::string to_json(const ScoreCard& card) {
    Json out = {{"whence", 1},
                {"version", card.version},
                {"score_card",
                 {{"model", card.model},
                  {"data", card.data},
                  {"modality", card.modality},
                  {"samples", card.samples},
                  {"available", card.available},
                  {"rows", card.rows},
                  {"target", card.target},
                  {"scale", card.scale},
                  {"players", card.players},
                  {"removed", card.removed},
                  {"accuracy", card.accuracy ? number(*card.accuracy) : Json(nullptr)},
                  {"seed", card.seed},
                  {"resamples", card.resamples},
                  {"evaluations", card.evaluations},
                  {"seconds", card.seconds}}}};
    Json& inner = out["score_card"];
    for (const char* list : {"methods", "table", "agreements", "quality_by_group", "left_out", "verdict"})
        inner[list] = Json::array();
    for (const ScoredMethod& method : card.methods) inner["methods"].push_back(method_json(method));
    for (const ScoreCardRow& row : card.table) inner["table"].push_back(row_json(card, row));
    for (const Agreement& a : card.agreements)
        inner["agreements"].push_back({{"first", a.first},
                                       {"second", a.second},
                                       {"correlation", number(a.correlation)},
                                       {"low", number(a.low)},
                                       {"high", number(a.high)}});
    for (const QualityGap& gap : card.gaps) inner["quality_by_group"].push_back(gap_json(gap));
    for (const LeftOut& left : card.left_out)
        inner["left_out"].push_back({{"name", left.name}, {"because", left.because}});
    for (const Conclusion& one : card.verdict)
        inner["verdict"].push_back(
            {{"rule", one.rule}, {"caution", one.caution}, {"text", one.text}});
    return out.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace whence
