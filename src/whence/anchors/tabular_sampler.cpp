#include "whence/anchors/tabular_sampler.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>

#include "whence/core/error.h"
#include "whence/core/parallel.h"
#include "whence/core/rng.h"
#include "whence/perturb/discretize.h"

namespace whence::anchors {
namespace {

constexpr uint32_t row_stream = 0xA2C40001, value_stream = 0xA2C40002;
constexpr int64_t rows_per_task = 256;

[[noreturn]] void refuse(const std::string& message) {
    throw Error(ErrorKind::input, message);
}

void check_rows(const Schema& schema, const Tensor& rows) {
    if (schema.empty()) refuse("the table has no columns");
    const auto columns = static_cast<int64_t>(schema.size());
    if (rows.type() != ElementType::float64 || rows.rank() != 2 || rows.shape()[1] != columns)
        refuse(fmt::format("the background must be float64 [rows, {}], not {} {}", columns,
                           name(rows.type()), to_string(rows.shape())));
    if (rows.rows() < 1) refuse("the background has no rows");
    if (rows.rows() > std::numeric_limits<int32_t>::max())
        throw Error(ErrorKind::limit, "the background has more than 2^31 rows");
    const std::span<const double> values = rows.as<double>();
    for (size_t i = 0; i < values.size(); ++i) {
        const Feature& feature = schema[i % schema.size()];
        if (std::isfinite(values[i]) || (std::isnan(values[i]) && feature.allows_missing)) continue;
        refuse(fmt::format("background row {}, column '{}' holds {}", i / schema.size(),
                           printable(feature.name), std::isnan(values[i]) ? "NaN" : "infinity"));
    }
}

// The shortest number that parts the background's values exactly as the edge does.
std::string edge_text(double edge, const std::vector<double>& sorted) {
    const auto above = std::ranges::upper_bound(sorted, edge);
    for (int digits = 3; digits < 17; ++digits) {
        const std::string text = fmt::format("{:.{}g}", edge, digits);
        double shown = 0;
        std::from_chars(text.data(), text.data() + text.size(), shown);
        const bool below = above == sorted.begin() || *(above - 1) <= shown;
        if (below && (above == sorted.end() || shown < *above)) return fmt::format("{}", shown);
    }
    return fmt::format("{}", edge);
}

}  // namespace

BackgroundTable::BackgroundTable(Schema schema, Tensor rows, Discretizer discretizer,
                                 std::span<const int64_t> labels)
    : schema_(std::move(schema)), rows_(std::move(rows)) {
    check_rows(schema_, rows_);
    if (discretizer == Discretizer::none)
        throw Error(ErrorKind::usage,
                    "anchors need bins: take the discretizer quartile, decile or entropy");
    const bool entropy = discretizer == Discretizer::entropy;
    if (entropy && static_cast<int64_t>(labels.size()) != rows_.rows())
        throw Error(ErrorKind::usage,
                    fmt::format("the entropy discretizer needs the class of each background row: "
                                "{} labels for {} rows",
                                labels.size(), rows_.rows()));
    edges_.resize(schema_.size());
    sorted_.resize(schema_.size());
    for (int64_t column = 0; column < columns(); ++column) {
        if (schema_[column].categorical()) continue;
        std::vector<double>& values = sorted_[column];
        std::vector<int64_t> classes;
        for (int64_t r = 0; r < rows_.rows(); ++r) {
            const double value = row(r)[column];
            if (std::isnan(value)) continue;
            values.push_back(value);
            if (entropy) classes.push_back(labels[r]);
        }
        if (values.empty()) continue;
        if (entropy) edges_[column] = perturb::bin_edges(discretizer, values, classes);
        std::ranges::sort(values);
        if (!entropy) edges_[column] = perturb::bin_edges(discretizer, values, {});
    }
}

bool Condition::holds(double v) const {
    if (exact) return v == value || (std::isnan(v) && std::isnan(value));
    return v > low && v <= high;  // missing: neither
}

TabularSampler::TabularSampler(const BackgroundTable& table, std::vector<double> row,
                               int64_t coverage_samples, uint64_t seed)
    : table_(table), row_(std::move(row)), seed_(seed) {
    for (int64_t column = 0; column < table_.columns(); ++column) add_predicates(column);
    check_predicates(predicates());
    measure_coverage(coverage_samples);
}

void TabularSampler::add_predicates(int64_t column) {
    const double value = row_[column];
    if (table_.schema()[column].categorical() || std::isnan(value)) {
        add({.column = column, .exact = true, .value = value});
        return;
    }
    for (const double edge : table_.edges(column)) {
        if (value <= edge)
            add({.column = column, .high = edge});
        else
            add({.column = column, .low = edge});
    }
}

void TabularSampler::add(const Condition& predicate) {
    for (int64_t r = 0; r < table_.rows(); ++r)
        if (!predicate.holds(table_.row(r)[predicate.column])) {
            predicates_.push_back(predicate);
            return;
        }
}

void TabularSampler::measure_coverage(int64_t samples) {
    const bool all = table_.rows() <= samples;
    coverage_rows_ = all ? table_.rows() : samples;
    covered_.assign(predicates_.size(), Bits(words_for(coverage_rows_)));
    for (int64_t i = 0; i < coverage_rows_; ++i) {
        const std::span<const double> values = table_.row(all ? i : base_row(i));
        for (size_t p = 0; p < predicates_.size(); ++p)
            if (predicates_[p].holds(values[predicates_[p].column]))
                covered_[p][i / 64] |= uint64_t{1} << (i % 64);
    }
}

int64_t TabularSampler::base_row(int64_t index) const {
    return static_cast<int64_t>(
        Rng(seed_, row_stream, index).below(static_cast<uint64_t>(table_.rows())));
}

std::vector<Condition> TabularSampler::merged(std::span<const int32_t> anchor) const {
    // Predicates stand in the order of their columns, and an anchor's numbers rise.
    std::vector<Condition> out;
    for (const int32_t p : anchor) {
        const Condition& predicate = predicates_[p];
        if (out.empty() || out.back().column != predicate.column) {
            out.push_back(predicate);
            continue;
        }
        out.back().low = std::max(out.back().low, predicate.low);
        out.back().high = std::min(out.back().high, predicate.high);
    }
    return out;
}

bool TabularSampler::implied(std::span<const int32_t> anchor, int32_t predicate) const {
    const Condition& wanted = predicates_[predicate];
    for (const Condition& given : merged(anchor))
        if (given.column == wanted.column)
            return wanted.exact || (wanted.low <= given.low && wanted.high >= given.high);
    return false;
}

double TabularSampler::replacement(const Condition& condition, int64_t index) const {
    if (condition.exact) return condition.value;
    Rng rng(seed_, value_stream,
            static_cast<uint64_t>(index * table_.columns() + condition.column));
    const std::vector<double>& sorted = table_.sorted(condition.column);
    const auto first = std::ranges::upper_bound(sorted, condition.low),
               last = std::ranges::upper_bound(sorted, condition.high);
    if (first < last) return *(first + static_cast<int64_t>(rng.below(last - first)));
    const double own = row_[condition.column];
    const double low = std::max(condition.low, std::min(sorted.front(), own)),
                 high = std::min(condition.high, std::max(sorted.back(), own));
    // The upper end belongs to the range, the lower does not.
    return high - rng.uniform() * (high - low);
}

void TabularSampler::sample(std::span<const Condition> conditions, int64_t index,
                            std::span<double> values) const {
    const bool known = index < static_cast<int64_t>(base_rows_.size());
    std::ranges::copy(table_.row(known ? base_rows_[index] : base_row(index)), values.begin());
    for (const Condition& condition : conditions)
        if (!condition.holds(values[condition.column]))
            values[condition.column] = replacement(condition, index);
}

void TabularSampler::draw(std::span<const Draw> draws, Batch& rows, const Run& run) const {
    Tensor& out = rows[0].value;
    const bool doubles = out.type() == ElementType::float64;
    const int64_t columns = table_.columns();
    parallel_for(run, out.rows(), rows_per_task, [&](int64_t begin, int64_t end) {
        std::vector<double> values(columns);
        std::vector<Condition> conditions;
        for (int64_t row = begin; row < end; ++row) {
            // Samples of one anchor mostly follow each other.
            if (row == begin || draws[row].anchor.data() != draws[row - 1].anchor.data() ||
                draws[row].anchor.size() != draws[row - 1].anchor.size())
                conditions = merged(draws[row].anchor);
            sample(conditions, draws[row].index, values);
            if (doubles)
                std::ranges::copy(values, out.as<double>().begin() + row * columns);
            else
                std::ranges::transform(values, out.as<float>().begin() + row * columns,
                                       [](double v) { return static_cast<float>(v); });
        }
    });
}

void TabularSampler::know_base_rows(int64_t samples) const {
    for (auto index = static_cast<int64_t>(base_rows_.size()); index < samples; ++index)
        base_rows_.push_back(static_cast<int32_t>(base_row(index)));
}

// A base row that satisfies all that is asked of this column keeps its value under both anchors,
// and in the other columns they do not differ.
uint64_t TabularSampler::kept(std::span<const int32_t> anchor, int32_t predicate,
                              int64_t word) const {
    know_base_rows(64 * (word + 1));
    held_.resize(predicates_.size());
    const auto held = [&](int32_t p) {
        Bits& bits = held_[p];
        for (auto next = static_cast<int64_t>(bits.size()); next <= word; ++next) {
            bits.push_back(0);
            for (int64_t i = 0; i < 64; ++i)
                if (predicates_[p].holds(
                        table_.row(base_rows_[64 * next + i])[predicates_[p].column]))
                    bits.back() |= uint64_t{1} << i;
        }
        return bits[word];
    };
    uint64_t bits = held(predicate);
    for (const int32_t p : anchor)
        if (predicates_[p].column == predicates_[predicate].column) bits &= held(p);
    return bits;
}

double TabularSampler::coverage(std::span<const int32_t> anchor) const {
    int64_t count = 0;
    for (int64_t word = 0; word < words_for(coverage_rows_); ++word) {
        uint64_t all = mask_of(word, 0, coverage_rows_);
        for (const int32_t p : anchor) all &= covered_[p][word];
        count += std::popcount(all);
    }
    return static_cast<double>(count) / static_cast<double>(coverage_rows_);
}

std::string TabularSampler::text(const Condition& condition) const {
    const Feature& feature = table_.schema()[condition.column];
    const std::vector<double>& sorted = table_.sorted(condition.column);
    if (condition.exact)
        return std::isnan(condition.value)
                   ? feature.name + std::string(Rule::Condition::is_missing)
                   : feature.name + " = " + display(feature, condition.value);
    const std::string unit = unit_after(feature);
    if (std::isinf(condition.low))
        return feature.name + " <= " + edge_text(condition.high, sorted) + unit;
    if (std::isinf(condition.high))
        return feature.name + " > " + edge_text(condition.low, sorted) + unit;
    return edge_text(condition.low, sorted) + " < " + feature.name +
           " <= " + edge_text(condition.high, sorted) + unit;
}

std::vector<Rule::Condition> TabularSampler::conditions(std::span<const int32_t> anchor) const {
    std::vector<Rule::Condition> out;
    for (const Condition& condition : merged(anchor))
        out.push_back({condition.column, text(condition)});
    return out;
}

}  // namespace whence::anchors
