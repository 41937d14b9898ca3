#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "whence/core/error.h"
#include "whence/core/parallel.h"
#include "whence/counterfactual/features.h"

namespace whence::counterfactual {
namespace {

constexpr int64_t rows_per_block = 8192;

bool holds_missing(std::span<const double> values) {
    bool missing = false;
    for (const double value : values) missing |= std::isnan(value);
    return missing;
}

[[noreturn]] void refuse(const std::string& message) {
    throw Error(ErrorKind::usage, message);
}

}  // namespace

Limits::Limits(const Features& features, const Constraints& constraints, const State& input)
    : features_(features),
      input_(input),
      fixed_(features.size()),
      low_(features.size()),
      high_(features.size()),
      allowed_(features.size()) {
    for (size_t f = 0; f < features.size(); ++f) {
        const FeatureInfo& feature = features[f];
        const bool data = feature.low <= feature.high;
        low_[f] =
            data ? std::fmin(feature.low, input[f]) : -std::numeric_limits<double>::infinity();
        high_[f] =
            data ? std::fmax(feature.high, input[f]) : std::numeric_limits<double>::infinity();
    }
    for (const Constraints::Range& range : constraints.ranges) {
        const size_t f = features.of_column(range.feature);
        const FeatureInfo& feature = features[f];
        const std::string here = printable(features.display(f, input[f]));
        if (feature.kind == FeatureInfo::Kind::number) {
            if (!range.categories.empty() || std::isnan(range.low) || !(range.low <= range.high))
                refuse(fmt::format("'{}' is a number: its range is LOW:HIGH",
                                   printable(feature.name)));
            if (input[f] < range.low || input[f] > range.high)
                refuse(fmt::format("{} is {} in this row, outside the range that is allowed",
                                   printable(feature.name), here));
            low_[f] = range.low;
            high_[f] = range.high;
            continue;
        }
        if (range.categories.empty())
            refuse(
                fmt::format("'{}' is a category: its range names the categories it may become, as "
                            "in NAME=ONE|OTHER",
                            printable(feature.name)));
        allowed_[f].assign(feature.levels.size(), 0);
        for (const std::string& category : range.categories) {
            const auto level = std::ranges::find(feature.levels, category);
            if (level == feature.levels.end())
                refuse(fmt::format("'{}' has no category '{}'", printable(feature.name),
                                   printable(category)));
            allowed_[f][level - feature.levels.begin()] = 1;
        }
    }
    const auto one_way = [&](const std::vector<std::string>& names, std::vector<double>& end) {
        for (const std::string& name : names) {
            const size_t f = features.of_column(name);
            if (features[f].kind != FeatureInfo::Kind::number)
                refuse(fmt::format("'{}' is a category: it cannot grow or fall", printable(name)));
            // A missing number has no direction.
            if (std::isnan(input[f])) fixed_[f] = 1;
            end[f] = input[f];
        }
    };
    one_way(constraints.increasing, low_);
    one_way(constraints.decreasing, high_);
    for (const std::string& name : constraints.fixed) fixed_[features.of_column(name)] = 1;
}

bool Limits::allows(size_t feature, double value) const {
    const double here = input_[feature];
    if (value == here || (std::isnan(value) && std::isnan(here))) return true;
    // To become unknown is no change that anyone could make.
    if (fixed(feature) || std::isnan(value)) return false;
    if (features_[feature].kind == FeatureInfo::Kind::number)
        return value >= low_[feature] && value <= high_[feature];
    const auto& allowed = allowed_[feature];
    return value >= 0 && value < static_cast<double>(features_[feature].levels.size()) &&
           (allowed.empty() || allowed[static_cast<size_t>(value)]);
}

double Limits::nearest(size_t feature, double value) const {
    if (allows(feature, value)) return value;
    const bool cut = features_[feature].kind == FeatureInfo::Kind::number && !fixed(feature) &&
                     !std::isnan(value);
    return cut ? std::clamp(value, low_[feature], high_[feature]) : input_[feature];
}

double Limits::on_step(size_t feature, double value) const {
    const double here = input_[feature], step = features_[feature].step;
    value = nearest(feature, value);
    if (step == 0 || value == here || features_[feature].kind != FeatureInfo::Kind::number)
        return value;
    // Division by the whole number 1 / step gives the double nearest to the decimal number.
    const double per_unit = std::round(1 / step), steps = value * per_unit;
    const double whole = std::round(steps);
    const bool there = std::abs(steps - whole) < 1e-6;
    const bool up = !(value < here);
    const double away = (there ? whole : up ? std::ceil(steps) : std::floor(steps)) / per_unit;
    if (allows(feature, away)) return away;
    const double back = (up ? std::floor(steps) : std::ceil(steps)) / per_unit;
    const bool between = up ? back > here : back < here;
    return between && allows(feature, back) ? back : here;
}

std::vector<double> Limits::tries(size_t feature) const {
    std::vector<double> out;
    if (fixed(feature)) return out;
    const FeatureInfo& info = features_[feature];
    const auto add = [&](double value) {
        value = on_step(feature, value);
        if (std::isfinite(value) && value != input_[feature] && allows(feature, value))
            out.push_back(value);
    };
    if (info.kind == FeatureInfo::Kind::number) {
        for (const double value : info.grid) add(value);
        add(low_[feature]);
        add(high_[feature]);
    } else {
        for (size_t level = 0; level < info.levels.size(); ++level) add(static_cast<double>(level));
    }
    std::ranges::sort(out);
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

// Whether every value in the data is allowed, but for missing ones.
bool Limits::takes_all(size_t feature) const {
    const FeatureInfo& info = features_[feature];
    return info.kind == FeatureInfo::Kind::number
               ? low_[feature] <= info.low && info.high <= high_[feature]
               : allowed_[feature].empty();
}

std::vector<double> Limits::distances(const Run& run) const {
    std::vector<double> out(static_cast<size_t>(features_.examples()));
    parallel_for(run, features_.examples(), rows_per_block, [&](int64_t begin, int64_t end) {
        const auto first = static_cast<size_t>(begin), count = static_cast<size_t>(end - begin);
        std::vector<double> moved(count);
        for (size_t f = 0; f < features_.size(); ++f) {
            if (fixed(f)) continue;
            const std::span<const double> values = features_.values(f).subspan(first, count);
            const std::span<double> sums = std::span(out).subspan(first, count);
            if (takes_all(f) && !holds_missing(values)) {
                features_.add_distances(f, input_[f], values, sums);
                continue;
            }
            for (size_t i = 0; i < count; ++i) moved[i] = nearest(f, values[i]);
            features_.add_distances(f, input_[f], moved, sums);
        }
    });
    return out;
}

}  // namespace whence::counterfactual
