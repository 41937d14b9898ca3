#include "whence/perturb/training_stats.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "whence/core/error.h"
#include "whence/core/nesting.h"

namespace whence::perturb {
namespace {

using Json = nlohmann::ordered_json;

struct Key {
    const char* name;
    std::vector<double> ColumnStats::*member;
    bool of_bins;  ///< only columns of numbers have it
};
const Key keys[] = {{"bins", &ColumnStats::bins, true},
                    {"means", &ColumnStats::means, true},
                    {"stds", &ColumnStats::stds, true},
                    {"mins", &ColumnStats::mins, true},
                    {"maxs", &ColumnStats::maxs, true},
                    {"feature_values", &ColumnStats::values, false},
                    {"feature_frequencies", &ColumnStats::frequencies, false}};

[[noreturn]] void refuse(const std::string& why) {
    throw Error(ErrorKind::input, "training_data_stats: " + why);
}

std::vector<double> numbers(const Json& list, const std::string& where) {
    std::vector<double> out;
    if (!list.is_array()) refuse(where + " is no list of numbers");
    for (const Json& one : list) {
        if (!one.is_number() || !std::isfinite(one.get<double>()))
            refuse(where + " holds what is no number");
        out.push_back(one.get<double>());
    }
    return out;
}

// By number, or else by name.
const Json& list_of(const Json& lists, size_t column, const Schema& schema, const char* key) {
    const auto by_number = lists.find(std::to_string(column));
    if (by_number != lists.end()) return *by_number;
    const auto by_name = lists.find(schema[column].name);
    if (by_name == lists.end())
        refuse(fmt::format("'{}' says nothing of column {}, '{}'", key, column,
                           printable(schema[column].name)));
    return *by_name;
}

void check(ColumnStats& column, const std::string& name) {
    const size_t bins = column.bins.empty() ? 0 : column.bins.size() + 1;
    for (const Key& key : keys)
        if (key.of_bins && key.member != &ColumnStats::bins && (column.*key.member).size() != bins)
            refuse(fmt::format("'{}' of column '{}' has {} numbers for {} bins", key.name, name,
                               (column.*key.member).size(), bins));
    if (!std::ranges::is_sorted(column.bins)) refuse("the bins of column '" + name + "' are not in order");
    for (size_t bin = 0; bin < bins; ++bin)
        if (column.stds[bin] < 0 || column.mins[bin] > column.maxs[bin])
            refuse(fmt::format("bin {} of column '{}' has a negative deviation, or ends before it begins",
                               bin, name));
    if (column.values.empty() || column.values.size() != column.frequencies.size())
        refuse(fmt::format("column '{}' has {} feature_values and {} feature_frequencies", name,
                           column.values.size(), column.frequencies.size()));
    for (const double value : column.values)
        if (bins > 0 && !(value >= 0 && value < static_cast<double>(bins) && value == std::floor(value)))
            refuse(fmt::format("column '{}' has no bin {}", name, value));
    const double sum = std::accumulate(column.frequencies.begin(), column.frequencies.end(), 0.0);
    if (!(sum > 0) || std::ranges::any_of(column.frequencies, [](double f) { return f < 0; }))
        refuse("the frequencies of column '" + name + "' are no frequencies");
    if (std::abs(sum - 1) > 1e-12)  // counts
        for (double& frequency : column.frequencies) frequency /= sum;
}

}  // namespace

TrainingStats parse_training_stats(std::string_view text, const Schema& schema) {
    if (nested_too_deeply(text)) refuse("its lists are nested too deeply");
    const Json json = Json::parse(text, nullptr, false);
    if (!json.is_object()) refuse("this is no JSON object");
    TrainingStats stats{std::vector<ColumnStats>(schema.size())};
    for (const Key& key : keys) {
        const auto lists = json.find(key.name);
        if (lists == json.end() || !lists->is_object())
            refuse(fmt::format("'{}' is missing: an object with a list for each column", key.name));
        for (size_t c = 0; c < schema.size(); ++c)
            if (!key.of_bins || !schema[c].categorical())
                stats.columns[c].*key.member =
                    numbers(list_of(*lists, c, schema, key.name),
                            fmt::format("'{}' of column '{}'", key.name, printable(schema[c].name)));
    }
    for (size_t c = 0; c < schema.size(); ++c) check(stats.columns[c], printable(schema[c].name));
    return stats;
}

std::string to_json(const TrainingStats& stats) {
    Json json;
    for (const Key& key : keys) {
        json[key.name] = Json::object();
        for (size_t c = 0; c < stats.columns.size(); ++c)
            if (!key.of_bins || !stats.columns[c].bins.empty())
                json[key.name][std::to_string(c)] = stats.columns[c].*key.member;
    }
    return json.dump();
}

}  // namespace whence::perturb
