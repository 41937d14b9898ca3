#include "whence/perturb/tabular_space.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "whence/core/error.h"
#include "whence/core/rng.h"
#include "whence/perturb/discretize.h"

namespace whence::perturb {
namespace {

[[noreturn]] void refuse(const std::string& message) {
    throw Error(ErrorKind::input, message);
}

void check_background(const Schema& schema, const Tensor& background) {
    if (schema.empty()) refuse("the table has no columns");
    if (background.type() != ElementType::float64 || background.rank() != 2 ||
        background.shape()[1] != static_cast<int64_t>(schema.size()))
        refuse(fmt::format("the background must be float64 [rows, {}], not {} {}", schema.size(),
                           whence::name(background.type()), to_string(background.shape())));
    if (background.rows() < 1) refuse("the background has no rows");
    const std::span<const double> values = background.as<double>();
    const auto bad = std::ranges::find_if(values, [](double v) { return !std::isfinite(v); });
    if (bad == values.end()) return;
    const auto at = static_cast<size_t>(bad - values.begin());
    refuse(
        fmt::format("background row {}, column '{}' holds {}: LIME cannot draw from missing values",
                    at / schema.size(), printable(schema[at % schema.size()].name),
                    std::isnan(*bad) ? "NaN" : "infinity"));
}

double mean_of(std::span<const double> values) {
    double sum = 0;
    for (const double value : values) sum += value;
    return sum / static_cast<double>(values.size());
}

double variance_about(std::span<const double> values, double mean) {
    double sum = 0;
    for (const double value : values) sum += (value - mean) * (value - mean);
    return sum / static_cast<double>(values.size());
}

Column categories(std::span<const double> values) {
    std::map<double, int64_t> counts;
    for (const double value : values) ++counts[value];
    Column column;
    for (const auto& [value, count] : counts)
        column.levels.push_back(
            Level::point(value, static_cast<double>(count) / static_cast<double>(values.size())));
    return column;
}

Column bins(std::span<const double> values, std::vector<double> edges) {
    Column column{.edges = std::move(edges)};
    std::vector<std::vector<double>> members(column.edges.size() + 1);
    for (const double value : values)
        members[std::ranges::lower_bound(column.edges, value) - column.edges.begin()].push_back(
            value);
    for (size_t bin = 0; bin < members.size(); ++bin) {
        const double low = bin == 0 ? std::ranges::min(values) : column.edges[bin - 1];
        const double high =
            bin + 1 == members.size() ? std::ranges::max(values) : column.edges[bin];
        column.levels.push_back(
            Level::bin(low, high, members[bin], static_cast<int64_t>(values.size())));
    }
    return column;
}

// Scale 1 where the values differ by rounding only, as scikit-learn's StandardScaler decides it.
Column numbers(std::span<const double> values) {
    const double mean = mean_of(values), variance = variance_about(values, mean);
    const auto count = static_cast<double>(values.size());
    const double epsilon = std::numeric_limits<double>::epsilon();
    const double noise = count * epsilon * variance + std::pow(count * mean * epsilon, 2);
    return {.mean = mean, .scale = variance <= noise ? 1 : std::sqrt(variance)};
}

std::vector<double> column_of(const Tensor& background, size_t column) {
    const std::span<const double> all = background.as<double>();
    std::vector<double> values(background.rows());
    for (size_t row = 0; row < values.size(); ++row)
        values[row] = all[row * background.row_size() + column];
    return values;
}

}  // namespace

Level Level::point(double value, double frequency) {
    return {.frequency = frequency, .low = value, .high = value, .mean = value};
}

Level Level::bin(double low, double high, std::span<const double> members, int64_t all) {
    Level level{.frequency = static_cast<double>(members.size()) / static_cast<double>(all),
                .low = low,
                .high = high};
    if (members.empty()) return level;
    level.mean = mean_of(members);
    // lime's floor: a bin whose members are all equal still has a width.
    level.deviation = std::sqrt(variance_about(members, level.mean)) + 1e-11;
    level.cdf_low = normal_cdf((low - level.mean) / level.deviation);
    level.cdf_width = normal_cdf((high - level.mean) / level.deviation) - level.cdf_low;
    return level;
}

double Level::quantile(double u) const {
    if (low == high) return low;
    // Members lie between low and high, so neither end is far out in the other's tail.
    const double p = std::clamp(cdf_low + u * cdf_width, 1e-300, 1 - 0x1p-53);
    return std::clamp(mean + deviation * normal_quantile(p), low, high);
}

int64_t Column::level_of(double value) const {
    if (!edges.empty()) return std::ranges::lower_bound(edges, value) - edges.begin();
    const auto found = std::ranges::find(levels, value, &Level::low);
    return found == levels.end() ? -1 : found - levels.begin();
}

TabularSpace::TabularSpace(Schema schema, const Tensor& background,
                           const LimeTabularOptions& options)
    : schema_(std::move(schema)) {
    check_background(schema_, background);
    if (options.discretizer == Discretizer::entropy &&
        static_cast<int64_t>(options.background_labels.size()) != background.rows())
        throw Error(
            ErrorKind::usage,
            fmt::format("the entropy discretizer needs the class of each background row: {} "
                        "labels for {} rows",
                        options.background_labels.size(), background.rows()));
    for (size_t column = 0; column < schema_.size(); ++column) {
        const std::vector<double> values = column_of(background, column);
        if (schema_[column].categorical())
            columns_.push_back(categories(values));
        else if (options.discretizer == Discretizer::none)
            columns_.push_back(numbers(values));
        else
            columns_.push_back(
                bins(values, bin_edges(options.discretizer, values, options.background_labels)));
    }
}

std::string TabularSpace::describe(int64_t column, double value) const {
    const Feature& feature = schema_[column];
    if (feature.categorical()) return feature.name + "=" + display(feature, value);
    const std::vector<double>& edges = columns_[column].edges;
    if (edges.empty()) return feature.name;
    const size_t bin = columns_[column].level_of(value);
    const std::string unit = unit_after(feature);
    if (bin == 0) return fmt::format("{} <= {:.2f}{}", feature.name, edges[0], unit);
    if (bin == edges.size()) return fmt::format("{} > {:.2f}{}", feature.name, edges.back(), unit);
    return fmt::format("{:.2f} < {} <= {:.2f}{}", edges[bin - 1], feature.name, edges[bin], unit);
}

}  // namespace whence::perturb
