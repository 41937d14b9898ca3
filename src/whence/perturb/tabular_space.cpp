#include "whence/perturb/tabular_space.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

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
    const double mean = mean_of(members);
    // lime's floor: a bin whose members are all equal still has a width.
    return bin(low, high, level.frequency, mean, std::sqrt(variance_about(members, mean)) + 1e-11);
}

Level Level::bin(double low, double high, double frequency, double mean, double deviation) {
    Level level{.frequency = frequency, .low = low, .high = high, .mean = mean, .deviation = deviation};
    level.cdf_low = normal_cdf((low - level.mean) / level.deviation);
    level.cdf_width = normal_cdf((high - level.mean) / level.deviation) - level.cdf_low;
    return level;
}

double Level::quantile(double u) const {
    if (low == high) return low;
    return std::clamp(mean + deviation * normal_quantile(inside(cdf_low + u * cdf_width)), low,
                      high);
}

double Column::Part::code(double value) const {
    if (edges.empty()) return value;
    return static_cast<double>(std::ranges::lower_bound(edges, value) - edges.begin());
}

int64_t Column::level_of(std::span<const double> row) const {
    if (!parts.empty()) {
        std::vector<double> wanted;
        for (size_t i = 0; i < parts.size(); ++i) wanted.push_back(parts[i].code(row[columns[i]]));
        const auto found = std::ranges::find(combinations, wanted);
        return found == combinations.end() ? -1 : found - combinations.begin();
    }
    const double value = row[columns[0]];
    if (!edges.empty()) return std::ranges::lower_bound(edges, value) - edges.begin();
    const auto found = std::ranges::find(levels, value, &Level::low);
    return found == levels.end() ? -1 : found - levels.begin();
}

void Column::place(int64_t level, double u, std::span<double> row) const {
    if (parts.empty()) {
        row[columns[0]] = levels[level].quantile(u);
        return;
    }
    const auto& rows = examples[level];
    const auto at = static_cast<size_t>(u * static_cast<double>(rows.size()));
    const std::vector<double>& values = rows[std::min(at, rows.size() - 1)];
    for (size_t i = 0; i < columns.size(); ++i) row[columns[i]] = values[i];
}

namespace {

// The group of each column; none: -1.
std::vector<int64_t> groups_of(const Schema& schema, const std::vector<ColumnGroup>& groups) {
    std::vector<int64_t> out(schema.size(), -1);
    for (size_t g = 0; g < groups.size(); ++g) {
        if (groups[g].columns.empty())
            throw Error(ErrorKind::usage,
                        "group '" + printable(groups[g].name) + "' has no columns");
        for (const int64_t column : groups[g].columns) {
            if (column < 0 || column >= std::ssize(schema))
                throw Error(ErrorKind::usage, fmt::format("group '{}': there is no column {}",
                                                          printable(groups[g].name), column));
            if (out[column] >= 0)
                throw Error(ErrorKind::usage, fmt::format("column '{}' stands in two groups",
                                                          printable(schema[column].name)));
            out[column] = static_cast<int64_t>(g);
        }
    }
    return out;
}

}  // namespace

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
    const std::vector<int64_t> group_of = groups_of(schema_, options.groups);
    std::vector<bool> done(options.groups.size());
    for (int64_t column = 0; column < std::ssize(schema_); ++column) {
        const int64_t group = group_of[column];
        if (group < 0)
            add_column(column, background, options);
        else if (!done[group])
            add_group(options.groups[group], background, options);
        if (group >= 0) done[group] = true;
    }
}

TabularSpace::TabularSpace(Schema schema, const TrainingStats& stats) : schema_(std::move(schema)) {
    if (stats.columns.size() != schema_.size())
        refuse(fmt::format("the training data's statistics are of {} columns, the row has {}",
                           stats.columns.size(), schema_.size()));
    for (size_t c = 0; c < schema_.size(); ++c) {
        const ColumnStats& of = stats.columns[c];
        Column column{.columns = {static_cast<int64_t>(c)}, .edges = of.bins};
        if (schema_[c].categorical() != of.bins.empty())
            refuse(fmt::format("column '{}' {} bins in the training data's statistics, and it holds {}",
                               printable(schema_[c].name), of.bins.empty() ? "has no" : "has",
                               of.bins.empty() ? "numbers" : "categories"));
        if (of.bins.empty())
            for (size_t i = 0; i < of.values.size(); ++i)
                column.levels.push_back(Level::point(of.values[i], of.frequencies[i]));
        else
            for (size_t bin = 0; bin <= of.bins.size(); ++bin) {
                const auto at = std::ranges::find(of.values, static_cast<double>(bin)) - of.values.begin();
                const double frequency = at == std::ssize(of.values) ? 0 : of.frequencies[at];
                column.levels.push_back(Level::bin(of.mins[bin], of.maxs[bin], frequency, of.means[bin],
                                                   std::max(of.stds[bin], 1e-11)));
            }
        columns_.push_back(std::move(column));
        names_.push_back(schema_[c].name);
    }
}

TrainingStats TabularSpace::stats() const {
    TrainingStats out;
    for (const Column& column : columns_) {
        ColumnStats& of = out.columns.emplace_back();
        if (!column.discrete() || !column.parts.empty())
            throw Error(ErrorKind::usage,
                        "training_data_stats are of bins and categories: choose a discretizer, and no "
                        "groups");
        of.bins = column.edges;
        for (size_t i = 0; i < column.levels.size(); ++i) {
            const Level& level = column.levels[i];
            if (!of.bins.empty()) {
                of.means.push_back(level.mean);
                of.stds.push_back(level.deviation);
                of.mins.push_back(level.low);
                of.maxs.push_back(level.high);
            }
            if (level.frequency == 0) continue;
            of.values.push_back(of.bins.empty() ? level.low : static_cast<double>(i));
            of.frequencies.push_back(level.frequency);
        }
    }
    return out;
}

void TabularSpace::add_column(int64_t column, const Tensor& background,
                              const LimeTabularOptions& options) {
    const std::vector<double> values = column_of(background, column);
    if (schema_[column].categorical())
        columns_.push_back(categories(values));
    else if (options.discretizer == Discretizer::none)
        columns_.push_back(numbers(values));
    else
        columns_.push_back(
            bins(values, bin_edges(options.discretizer, values, options.background_labels)));
    columns_.back().columns = {column};
    names_.push_back(schema_[column].name);
}

void TabularSpace::add_group(const ColumnGroup& group, const Tensor& background,
                             const LimeTabularOptions& options) {
    // The 0 and 1 of a one-hot block are told apart by value: quartiles may see only one of them.
    constexpr size_t few = 2;
    Column out{.columns = group.columns};
    std::vector<std::vector<double>> values;
    for (const int64_t column : group.columns) {
        values.push_back(column_of(background, column));
        const std::set<double> distinct(values.back().begin(), values.back().end());
        const bool by_value = schema_[column].categorical() || distinct.size() <= few;
        if (!by_value && options.discretizer == Discretizer::none)
            throw Error(ErrorKind::usage,
                        fmt::format("group '{}': column '{}' holds numbers, which LIME compares by "
                                    "their bins: choose a discretizer",
                                    printable(group.name), printable(schema_[column].name)));
        out.parts.push_back({by_value ? std::vector<double>{}
                                      : bin_edges(options.discretizer, values.back(),
                                                  options.background_labels)});
    }
    std::map<std::vector<double>, std::vector<std::vector<double>>> rows_of;
    for (int64_t row = 0; row < background.rows(); ++row) {
        std::vector<double> codes, example;
        for (size_t i = 0; i < values.size(); ++i) {
            example.push_back(values[i][row]);
            codes.push_back(out.parts[i].code(example.back()));
        }
        rows_of[codes].push_back(example);
    }
    for (auto& [codes, rows] : rows_of) {
        out.levels.push_back({.frequency = static_cast<double>(rows.size()) /
                                           static_cast<double>(background.rows())});
        out.combinations.push_back(codes);
        out.examples.push_back(std::move(rows));
    }
    columns_.push_back(std::move(out));
    names_.push_back(group.name);
}

std::string TabularSpace::describe(int64_t feature, std::span<const double> row) const {
    const Column& column = columns_[feature];
    const std::string& name = names_[feature];
    if (!column.parts.empty() || schema_[column.columns[0]].categorical())
        return name + "=" + display(feature, row);
    const std::vector<double>& edges = column.edges;
    if (edges.empty()) return name;
    const size_t bin = column.level_of(row);
    const std::string unit = unit_after(schema_[column.columns[0]]);
    if (bin == 0) return fmt::format("{} <= {:.2f}{}", name, edges[0], unit);
    if (bin == edges.size()) return fmt::format("{} > {:.2f}{}", name, edges.back(), unit);
    return fmt::format("{:.2f} < {} <= {:.2f}{}", edges[bin - 1], name, edges[bin], unit);
}

std::string TabularSpace::display(int64_t feature, std::span<const double> row) const {
    const Column& column = columns_[feature];
    std::string all, on;
    int64_t count = 0;
    bool block = column.columns.size() > 1;
    for (const int64_t c : column.columns) {
        all += (all.empty() ? "" : ", ") + whence::display(schema_[c], row[c]);
        block = block && !schema_[c].categorical() && (row[c] == 0 || row[c] == 1);
        if (row[c] == 0) continue;
        on = schema_[c].name;
        ++count;
    }
    return block && count == 1 ? on : all;
}

}  // namespace whence::perturb
