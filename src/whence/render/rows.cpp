#include "whence/render/rows.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <numeric>

#include "whence/core/error.h"
#include "whence/render/facts.h"
#include "whence/render/map.h"
#include "whence/render/ranking.h"

namespace whence::render {
namespace {

// A number, and perhaps its unit: see display.
double number_in(const std::string& text) {
    constexpr std::string_view before_unit = "\u00a0";
    double value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    const std::string_view rest(stop, static_cast<size_t>(end - stop));
    const bool whole = rest.empty() || rest.starts_with(before_unit);
    return error == std::errc{} && whole ? value : std::nan("");
}

double finite_or_zero(double value) {
    return std::isfinite(value) ? value : 0;
}

// Every name once, in the order in which they come.
std::vector<std::string> names_of(const std::vector<std::vector<Weight>>& all) {
    std::map<std::string, size_t> seen;
    std::vector<std::string> out;
    for (const std::vector<Weight>& row : all)
        for (const Weight& weight : row)
            if (seen.emplace(weight.name, out.size()).second) out.push_back(weight.name);
    return out;
}

void check(const std::vector<Explanation>& explanations) {
    if (explanations.empty()) throw Error(ErrorKind::usage, "there is no explanation to draw");
    for (const Explanation& e : explanations)
        if (kind(e) != Kind::table || e.attribution.values.size() == 0)
            throw Error(ErrorKind::usage,
                        "this plot is for attributions of columns; " +
                            method_title(e.provenance.method) + " of '" +
                            clean(e.provenance.input_path) + "' is none");
}

}  // namespace

ExplainedRows explained_rows(const std::vector<Explanation>& explanations) {
    check(explanations);
    std::vector<std::vector<Weight>> all;
    for (const Explanation& e : explanations) {
        all.push_back(rank(e, e.attribution.values.size()).top);
        std::ranges::sort(all.back(), {}, &Weight::index);
        // LIME's names are conditions of one row; rows meet by what the conditions are about.
        if (!e.attribution.columns.empty())
            for (Weight& weight : all.back())
                weight.name = clean(column_of(e.attribution, weight.index));
    }
    const std::vector<std::string> names = names_of(all);
    std::vector<double> importance(names.size(), 0.0);
    std::map<std::string, size_t> place;
    for (size_t i = 0; i < names.size(); ++i) place[names[i]] = i;
    for (const auto& row : all)
        for (const Weight& weight : row)
            importance[place[weight.name]] +=
                std::abs(finite_or_zero(weight.value)) / static_cast<double>(all.size());
    std::vector<size_t> order(names.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::ranges::stable_sort(order, std::greater{}, [&](size_t i) { return importance[i]; });

    ExplainedRows out{.scale = scale_name(explanations[0]),
                      .target = short_target(explanations[0].target)};
    for (size_t i = 0; i < order.size(); ++i) {
        out.names.push_back(names[order[i]]);
        out.importance.push_back(importance[order[i]]);
        place[names[order[i]]] = i;
    }
    const size_t n = names.size();
    out.weights.assign(all.size() * n, 0);
    out.values.assign(all.size() * n, std::nan(""));
    out.displays.resize(all.size() * n);
    for (size_t row = 0; row < all.size(); ++row) {
        for (const Weight& weight : all[row]) {
            const size_t at = row * n + place[weight.name];
            out.weights[at] = finite_or_zero(weight.value);
            out.values[at] = number_in(weight.display);
            out.displays[at] = weight.display;
        }
        out.predictions.push_back(explanations[row].target.value);
        out.baselines.push_back(explanations[row].target.baseline_value.value_or(std::nan("")));
    }
    return out;
}

std::vector<double> value_ranks(const ExplainedRows& rows, size_t feature) {
    std::vector<double> sorted;
    for (size_t row = 0; row < rows.rows(); ++row)
        if (std::isfinite(rows.value(row, feature))) sorted.push_back(rows.value(row, feature));
    std::ranges::sort(sorted);
    std::vector<double> out(rows.rows(), std::nan(""));
    for (size_t row = 0; row < rows.rows(); ++row) {
        const double value = rows.value(row, feature);
        if (!std::isfinite(value)) continue;
        const auto [low, high] = std::ranges::equal_range(sorted, value);
        const auto middle = static_cast<double>((low - sorted.begin()) + (high - sorted.begin()) - 1);
        out[row] = sorted.size() > 1 ? middle / 2 / static_cast<double>(sorted.size() - 1) : 0.5;
    }
    return out;
}

}  // namespace whence::render
