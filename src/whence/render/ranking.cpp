#include "whence/render/ranking.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "whence/render/facts.h"
#include "whence/render/map.h"

namespace whence::render {
namespace {

// Its number; of a layer's features with several axes one number for each: "[3, 17]".
std::string place_of(const Attribution& attribution, int64_t index) {
    const Shape& shape = attribution.values.shape();
    if (attribution.layer.empty() || shape.size() < 3) return std::to_string(index);
    std::string out;
    for (size_t axis = shape.size(); axis-- > 1; index /= shape[axis])
        out = std::to_string(index % shape[axis]) + (out.empty() ? "" : ", ") + out;
    return "[" + out + "]";
}

// Strings and errors may be fewer than the values: files are not to be trusted.
Weight weight_at(const Explanation& explanation, int64_t index, double value, const char* noun) {
    const Attribution& attribution = explanation.attribution;
    const auto at = static_cast<size_t>(index);
    Weight out{.index = index, .name = {}, .display = {}, .value = value, .standard_error = {}};
    if (at < attribution.names.size()) out.name = clean(attribution.names[at]);
    if (out.name.empty()) out.name = std::string(noun) + " " + place_of(attribution, index);
    if (at < attribution.displays.size()) out.display = clean(attribution.displays[at]);
    if (at < attribution.standard_errors.size() && std::isfinite(attribution.standard_errors[at]))
        out.standard_error = std::abs(attribution.standard_errors[at]);
    return out;
}

double order_key(double value) {
    return std::isfinite(value) ? std::abs(value) : -1;
}

std::string place_of_cell(const Map& map, int64_t cell) {
    return "row " + std::to_string(cell / map.width + 1) + " of " + std::to_string(map.height) +
           ", column " + std::to_string(cell % map.width + 1) + " of " + std::to_string(map.width);
}

bool names_feature(const Weight& weight) {
    return !weight.display.empty() && weight.display.find(weight.name) != std::string::npos;
}

}  // namespace

std::string label_of(const Weight& weight) {
    if (weight.display.empty() || weight.name.ends_with("=" + weight.display)) return weight.name;
    // LIME's conditions are names: "27.00 < age <= 37.00".
    if (weight.name.find_first_of("<>") != std::string::npos)
        return weight.name + " (" + weight.display + ")";
    return names_feature(weight) ? weight.display : weight.name + " = " + weight.display;
}

bool displays_name_features(const Ranking& ranking) {
    return !ranking.top.empty() && std::ranges::all_of(ranking.top, names_feature);
}

namespace {

// The places of `values` in the order of their magnitude; what is no number comes last.
std::vector<size_t> by_magnitude(const std::vector<double>& values) {
    std::vector<size_t> order(values.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::ranges::stable_sort(order, std::greater{},
                             [&](size_t place) { return order_key(values[place]); });
    return order;
}

// The first `top` of them as weights made by `weight_of(place)`, the rest added up.
template <class WeightOf>
Ranking ranking_of(const std::vector<double>& values, int64_t top, WeightOf weight_of) {
    const std::vector<size_t> order = by_magnitude(values);
    Ranking out;
    for (const size_t place : order) {
        const double value = values[place];
        if (!std::isfinite(value)) ++out.not_numbers;
        if (std::ssize(out.top) < top) {
            out.top.push_back(weight_of(place));
        } else {
            ++out.rest;
            if (std::isfinite(value)) out.rest_sum += value;
        }
    }
    if (!order.empty()) out.largest = std::max(0.0, order_key(values[order[0]]));
    return out;
}

const char* noun_of(const Explanation& explanation) {
    return kind(explanation) == Kind::segments ? "segment" : "feature";
}

}  // namespace

Ranking rank(const Explanation& explanation, int64_t top) {
    const bool cells = !explanation.attribution.layer.empty() && kind(explanation) == Kind::pixels;
    const Map map = cells ? map_of(explanation) : Map{};
    const std::vector<double> values =
        cells ? map.values : explanation.attribution.values.to_doubles();
    const char* noun = noun_of(explanation);
    return ranking_of(values, top, [&](size_t place) {
        Weight weight = weight_at(explanation, static_cast<int64_t>(place), values[place], noun);
        if (cells) weight.name = place_of_cell(map, static_cast<int64_t>(place));
        return weight;
    });
}

Ranking rank_pairs(const Explanation& explanation, int64_t top) {
    if (!explanation.interactions) return {};
    const Interactions& pairs = *explanation.interactions;
    const int64_t features = pairs.values.shape()[0];
    const std::vector<double> matrix = pairs.values.to_doubles();
    std::vector<double> values;
    std::vector<std::pair<int64_t, int64_t>> places;
    for (int64_t i = 0; i < features; ++i)
        for (int64_t j = 0; j < i; ++j) {
            values.push_back(matrix[i * features + j] + matrix[j * features + i]);
            places.emplace_back(j, i);
        }
    const char* noun = noun_of(explanation);
    return ranking_of(values, top, [&](size_t place) {
        const auto [i, j] = places[place];
        Weight weight{.index = i * features + j, .value = values[place]};
        weight.name = weight_at(explanation, i, 0, noun).name + " \u00d7 " +
                      weight_at(explanation, j, 0, noun).name;
        // (i, j) and (j, i) are one number written twice, so their errors add up.
        if (const auto& errors = pairs.standard_errors; std::ssize(errors) == features * features)
            weight.standard_error = 2 * std::abs(errors[i * features + j]);
        return weight;
    });
}

}  // namespace whence::render
