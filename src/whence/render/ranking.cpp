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
    if (weight.display.empty()) return weight.name;
    return names_feature(weight) ? weight.display : weight.name + " = " + weight.display;
}

bool displays_name_features(const Ranking& ranking) {
    return !ranking.top.empty() && std::ranges::all_of(ranking.top, names_feature);
}

Ranking rank(const Explanation& explanation, int64_t top) {
    const bool cells = !explanation.attribution.layer.empty() && kind(explanation) == Kind::pixels;
    const Map map = cells ? map_of(explanation) : Map{};
    const std::vector<double> values =
        cells ? map.values : explanation.attribution.values.to_doubles();
    std::vector<int64_t> order(values.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, std::greater{}, [&](int64_t index) {
        return order_key(values[static_cast<size_t>(index)]);
    });
    const char* noun = kind(explanation) == Kind::segments ? "segment" : "feature";
    Ranking out;
    for (size_t place = 0; place < order.size(); ++place) {
        const double value = values[static_cast<size_t>(order[place])];
        if (!std::isfinite(value)) ++out.not_numbers;
        if (static_cast<int64_t>(place) < top) {
            out.top.push_back(weight_at(explanation, order[place], value, noun));
            if (cells) out.top.back().name = place_of_cell(map, order[place]);
        } else {
            ++out.rest;
            if (std::isfinite(value)) out.rest_sum += value;
        }
    }
    if (!order.empty())
        out.largest = std::max(0.0, order_key(values[static_cast<size_t>(order[0])]));
    return out;
}

}  // namespace whence::render
