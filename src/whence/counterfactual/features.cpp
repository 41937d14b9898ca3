#include "whence/counterfactual/features.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "whence/core/error.h"
#include "whence/core/parallel.h"
#include "whence/core/vector_clones.h"

namespace whence::counterfactual {
namespace {

constexpr size_t most_tries = 16, enough_values = 2048;
constexpr int most_decimals = 6;
constexpr int64_t rows_per_block = 8192;

// numpy's median: the mean of the two middle values where their number is even.
double median(std::vector<double> values) {
    const size_t half = values.size() / 2;
    const auto middle = values.begin() + static_cast<int64_t>(half);
    std::nth_element(values.begin(), middle, values.end());
    if (values.size() % 2 == 1) return *middle;
    return (*std::max_element(values.begin(), middle) + *middle) / 2;
}

double median_absolute_deviation(const std::vector<double>& values) {
    const double centre = median(values);
    std::vector<double> deviations(values.size());
    std::ranges::transform(values, deviations.begin(),
                           [&](double v) { return std::abs(v - centre); });
    return median(std::move(deviations));
}

// The largest power of ten (at most 1) that all values are multiples of; 0 beyond six decimals.
double step_of(std::span<const double> values) {
    int decimals = 0;
    double power = 1;
    for (const double value : values)
        while (decimals <= most_decimals && std::abs(value) < 1e9 &&
               std::round(value * power) / power != value) {
            ++decimals;
            power *= 10;
        }
    return decimals > most_decimals ? 0 : 1 / power;
}

// Of many values every so many-th will do: they are only tried.
std::vector<double> grid_of(const std::vector<double>& values) {
    std::vector<double> some;
    const size_t stride = std::max<size_t>(1, values.size() / enough_values);
    for (size_t i = 0; i < values.size(); i += stride) some.push_back(values[i]);
    std::ranges::sort(some);
    std::vector<double> different = some;
    different.erase(std::unique(different.begin(), different.end()), different.end());
    if (different.size() <= most_tries) return different;
    std::vector<double> out;
    for (size_t i = 0; i < most_tries; ++i)
        out.push_back(some[i * (some.size() - 1) / (most_tries - 1)]);
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

void check(const Schema& schema, const Tensor& data) {
    if (schema.empty()) throw Error(ErrorKind::input, "the table has no columns");
    if (data.type() != ElementType::float64 || data.rank() != 2 ||
        data.shape()[1] != static_cast<int64_t>(schema.size()))
        throw Error(ErrorKind::input,
                    fmt::format("the background must be float64 [rows, {}], not {} {}",
                                schema.size(), name(data.type()), to_string(data.shape())));
    const std::span<const double> values = data.as<double>();
    const auto bad = std::ranges::find_if(values, [](double v) { return std::isinf(v); });
    if (bad == values.end()) return;
    const auto at = static_cast<size_t>(bad - values.begin());
    throw Error(ErrorKind::input,
                fmt::format("background row {}, column '{}' holds infinity", at / schema.size(),
                            printable(schema[at % schema.size()].name)));
}

std::string stem(const std::vector<std::string>& block) {
    std::string common = block[0];
    for (const std::string& name : block) {
        const auto differs = std::ranges::mismatch(common, name).in1;
        common.erase(differs, common.end());
    }
    while (!common.empty() && std::string("_=: ").find(common.back()) != std::string::npos)
        common.pop_back();
    return common.empty() ? block[0] : common;
}

}  // namespace

Features::Features(Schema schema, const Tensor& data,
                   const std::vector<std::vector<std::string>>& one_hot)
    : schema_(std::move(schema)),
      feature_of_column_(schema_.size(), SIZE_MAX),
      examples_(data.rows()) {
    check(schema_, data);
    std::vector<const std::vector<std::string>*> block_of(schema_.size(), nullptr);
    for (const auto& block : one_hot)
        for (const std::string& name : block) {
            const auto column = std::ranges::find(schema_, name, &Feature::name);
            if (column == schema_.end() || column->categorical() ||
                block_of[column - schema_.begin()])
                throw Error(ErrorKind::usage,
                            fmt::format("'{}' is no column of numbers, or in two one-hot blocks",
                                        printable(name)));
            block_of[column - schema_.begin()] = &block;
        }
    std::map<const std::vector<std::string>*, size_t> feature_of_block;
    for (size_t c = 0; c < schema_.size(); ++c) {
        const auto* block = block_of[c];
        size_t feature = all_.size();
        if (block) feature = feature_of_block.emplace(block, feature).first->second;
        if (feature == all_.size())
            all_.push_back({.kind = block                      ? FeatureInfo::Kind::one_hot
                                    : schema_[c].categorical() ? FeatureInfo::Kind::category
                                                               : FeatureInfo::Kind::number,
                            .name = block ? stem(*block) : schema_[c].name,
                            .columns = {},
                            .levels = schema_[c].categories,
                            .grid = {}});
        feature_of_column_[c] = feature;
        all_[feature].columns.push_back(static_cast<int64_t>(c));
        if (block) all_[feature].levels.push_back(schema_[c].name);
    }
    data_.resize(all_.size() * static_cast<size_t>(examples_));
    const std::span<const double> cells = data.as<double>();
    for (size_t f = 0; f < all_.size(); ++f)
        for (size_t row = 0; row < static_cast<size_t>(examples_); ++row)
            data_[f * static_cast<size_t>(examples_) + row] =
                encode(f, cells.subspan(row * schema_.size(), schema_.size()));
    for (size_t f = 0; f < all_.size(); ++f)
        if (all_[f].kind == FeatureInfo::Kind::number) describe_number(all_[f], values(f));
}

void Features::describe_number(FeatureInfo& feature, std::span<const double> values) const {
    std::vector<double> known;
    std::ranges::copy_if(values, std::back_inserter(known),
                         [](double v) { return !std::isnan(v); });
    feature.low = 1;
    if (known.empty()) return;
    const double deviation = median_absolute_deviation(known);
    feature.step = step_of(known);
    const auto [low, high] = std::ranges::minmax(known);
    feature.low = low;
    feature.high = high;
    const double range = feature.high - feature.low;
    feature.scale = deviation > 0 ? deviation : range > 0 ? range : 1;
    feature.grid = grid_of(known);
}

size_t Features::of_column(const std::string& name) const {
    const auto column = std::ranges::find(schema_, name, &Feature::name);
    if (column == schema_.end())
        throw Error(ErrorKind::usage, fmt::format("there is no column '{}'", printable(name)));
    return feature_of_column_[column - schema_.begin()];
}

double Features::encode(size_t f, std::span<const double> row) const {
    const FeatureInfo& feature = all_[f];
    if (feature.kind != FeatureInfo::Kind::one_hot) return row[feature.columns[0]];
    size_t ones = 0, zeros = 0, level = 0;
    for (size_t i = 0; i < feature.columns.size(); ++i) {
        const double value = row[feature.columns[i]];
        zeros += value == 0;
        if (value != 1) continue;
        ++ones;
        level = i;
    }
    if (ones != 1 || ones + zeros != feature.columns.size())
        throw Error(
            ErrorKind::input,
            fmt::format("the one-hot block '{}' has a row without exactly one 1 among zeros",
                        printable(feature.name)));
    return static_cast<double>(level);
}

State Features::encode(std::span<const double> row) const {
    State state(all_.size());
    for (size_t f = 0; f < all_.size(); ++f) state[f] = encode(f, row);
    return state;
}

void Features::decode(size_t feature, double value, std::span<double> row) const {
    const FeatureInfo& info = all_[feature];
    if (info.kind != FeatureInfo::Kind::one_hot) {
        row[info.columns[0]] = value;
        return;
    }
    for (size_t i = 0; i < info.columns.size(); ++i)
        row[info.columns[i]] = static_cast<double>(i) == value ? 1 : 0;
}

std::string Features::display(size_t feature, double value) const {
    const FeatureInfo& info = all_[feature];
    if (info.kind != FeatureInfo::Kind::one_hot)
        return whence::display(schema_[info.columns[0]], value);
    const std::string& level = info.levels[static_cast<size_t>(value)];
    return level.starts_with(info.name) && level.size() > info.name.size() + 1
               ? level.substr(info.name.size() + 1)
               : level;
}

double Features::distance(size_t feature, double a, double b) const {
    if (a == b) return 0;
    if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b) ? 0 : 1;
    return all_[feature].kind == FeatureInfo::Kind::number ? std::abs(a - b) / all_[feature].scale
                                                           : 1;
}

double Features::distance(const State& a, const State& b) const {
    double sum = 0;
    for (size_t f = 0; f < all_.size(); ++f) sum += distance(f, a[f], b[f]);
    return sum;
}

State Features::example(int64_t row) const {
    State state(all_.size());
    for (size_t f = 0; f < all_.size(); ++f) state[f] = values(f)[static_cast<size_t>(row)];
    return state;
}

namespace {

// A missing number is as far as two can be told apart.
WHENCE_VECTOR_CLONES
void add_number_distances(double a, double scale, const double* values, int64_t count,
                          double* __restrict sums) {
    for (int64_t i = 0; i < count; ++i) {
        const double difference = std::abs(a - values[i]) / scale;
        sums[i] += difference != difference ? 1 : difference;
    }
}

}  // namespace

// distance() of each value, as loops that compilers vectorise: tables have many rows.
void Features::add_distances(size_t feature, double a, std::span<const double> values,
                             std::span<double> sums) const {
    if (std::isnan(a))
        for (size_t i = 0; i < values.size(); ++i) sums[i] += std::isnan(values[i]) ? 0 : 1;
    else if (all_[feature].kind == FeatureInfo::Kind::number)
        add_number_distances(a, all_[feature].scale, values.data(), std::ssize(values),
                             sums.data());
    else
        for (size_t i = 0; i < values.size(); ++i) sums[i] += values[i] == a ? 0 : 1;
}

std::vector<double> Features::distances(const State& state, const Run& run) const {
    std::vector<double> out(static_cast<size_t>(examples_));
    parallel_for(run, examples_, rows_per_block, [&](int64_t begin, int64_t end) {
        const auto first = static_cast<size_t>(begin), count = static_cast<size_t>(end - begin);
        for (size_t f = 0; f < all_.size(); ++f)
            add_distances(f, state[f], values(f).subspan(first, count),
                          std::span(out).subspan(first, count));
    });
    return out;
}

}  // namespace whence::counterfactual
