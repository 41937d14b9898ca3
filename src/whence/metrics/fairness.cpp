#include "whence/metrics/fairness.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "whence/core/error.h"
#include "whence/core/parallel.h"
#include "whence/core/rng.h"
#include "whence/metrics/statistics.h"
#include "whence/metrics/varied.h"

namespace whence::metrics {
namespace {

constexpr uint32_t resample_stream = 0x67726f75, permutation_stream = 0x7065726d;
constexpr size_t most_values = 64;

void require_column(int64_t column, int64_t columns) {
    if (column < 0 || column >= columns)
        throw Error(ErrorKind::usage,
                    fmt::format("there is no column {}: the table has {}", column, columns));
}

// The rows in which both columns are there.
struct Pair {
    std::vector<double> a, b;
};

Pair present(const Tensor& rows, int64_t a, int64_t b) {
    Pair pair;
    const std::span<const double> all = rows.as<double>();
    for (int64_t row = 0; row < rows.rows(); ++row) {
        const double x = all[row * rows.row_size() + a], y = all[row * rows.row_size() + b];
        if (std::isnan(x) || std::isnan(y)) continue;
        pair.a.push_back(x);
        pair.b.push_back(y);
    }
    return pair;
}

// eta: root of the share of the numbers' variance that lies between categories.
double correlation_ratio(std::span<const double> categories, std::span<const double> numbers) {
    std::map<double, std::pair<double, double>> sums;  // of each category: sum, rows
    const double all = mean(numbers);
    double total = 0, between = 0;
    for (size_t i = 0; i < numbers.size(); ++i) {
        sums[categories[i]].first += numbers[i];
        ++sums[categories[i]].second;
        total += (numbers[i] - all) * (numbers[i] - all);
    }
    for (const auto& [category, of] : sums)
        between += of.second * std::pow(of.first / of.second - all, 2);
    return total > 0 ? std::sqrt(std::min(1.0, between / total)) : 0;
}

// V = sqrt(chi^2 / (n (min(categories) - 1))) (Cramér 1946).
double cramers_v(std::span<const double> a, std::span<const double> b) {
    std::map<double, double> of_a, of_b;
    std::map<std::pair<double, double>, double> both;
    for (size_t i = 0; i < a.size(); ++i) {
        ++of_a[a[i]];
        ++of_b[b[i]];
        ++both[{a[i], b[i]}];
    }
    const size_t least = std::min(of_a.size(), of_b.size());
    if (least < 2) return 0;
    const auto n = static_cast<double>(a.size());
    double chi = 0;
    for (const auto& [x, in_x] : of_a)
        for (const auto& [y, in_y] : of_b) {
            const double expected = in_x * in_y / n;
            const auto found = both.find({x, y});
            const double d = (found == both.end() ? 0 : found->second) - expected;
            chi += d * d / expected;
        }
    return std::sqrt(std::min(1.0, chi / (n * static_cast<double>(least - 1))));
}

void check_groups(std::span<const double> values, std::span<const int64_t> groups, int64_t draws) {
    if (values.size() != groups.size())
        throw Error(ErrorKind::input,
                    fmt::format("{} values for {} groups of rows", values.size(), groups.size()));
    if (draws < 100 || draws > 10000000)
        throw Error(ErrorKind::usage, fmt::format("{} draws; take 100 to 10000000", draws));
}

// Defined values, group by group.
std::vector<std::vector<double>> by_group(std::span<const double> values,
                                          std::span<const int64_t> groups) {
    std::vector<std::vector<double>> out;
    for (size_t i = 0; i < values.size(); ++i) {
        if (groups[i] < 0) continue;
        if (groups[i] >= std::ssize(out)) out.resize(groups[i] + 1);
        if (!std::isnan(values[i])) out[groups[i]].push_back(values[i]);
    }
    return out;
}

// Means of consecutive groups of these sizes: the largest less the smallest.
struct Extremes {
    double gap;
    size_t high, low;
};
Extremes extremes(std::span<const double> values, std::span<const size_t> sizes) {
    double high = -INFINITY, low = INFINITY;
    Extremes out{0, 0, 0};
    size_t at = 0;
    for (size_t g = 0; g < sizes.size(); ++g) {
        const double m = mean(values.subspan(at, sizes[g]));
        at += sizes[g];
        if (m > high) {
            high = m;
            out.high = g;
        }
        if (m < low) {
            low = m;
            out.low = g;
        }
    }
    out.gap = high - low;
    return out;
}

// The mean of each resample of one group.
std::vector<double> resampled_means(std::span<const double> values, int64_t group, const Run& run, int64_t resamples) {
    const size_t n = values.size();
    std::vector<double> means(n > 0 ? resamples : 0);
    parallel_for(run, std::ssize(means), 64, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) {
            Rng rng(run.seed, resample_stream, static_cast<uint64_t>(group) << 32 | static_cast<uint64_t>(r));
            double sum = 0;
            for (size_t i = 0; i < n; ++i) sum += values[rng.below(n)];
            means[r] = sum / static_cast<double>(n);
        }
    });
    return means;
}

// 95 % of the resamples lie between these.
std::pair<double, double> ends(std::vector<double> again) {
    std::ranges::sort(again);
    const auto count = static_cast<double>(again.size());
    return {again[static_cast<size_t>(0.025 * count)], again[static_cast<size_t>(0.975 * (count - 1))]};
}

std::vector<double> different(std::span<const double> values, int64_t column) {
    std::set<double> seen;
    for (const double value : values)
        if (!std::isnan(value)) seen.insert(value);
    if (seen.size() > most_values)
        throw Error(ErrorKind::input,
                    fmt::format("column {} has {} different values; a flip test takes at most {}: "
                                "make groups of them first",
                                column, seen.size(), most_values));
    return {seen.begin(), seen.end()};
}

// What the model answers: the target and the class.
struct Answers {
    std::vector<double> target;
    std::vector<int64_t> classes;
};

void ask(const Model& model, const ResolvedTarget& target, const Batch& rows, const Run& run,
         Answers& answers) {
    const Batch outputs = model.predict(rows, run);
    for (const double value : target_values(target, outputs)) {
        if (!std::isfinite(value))
            throw Error(ErrorKind::model, "the model returned a number that is not finite");
        answers.target.push_back(value);
    }
    for (const std::vector<double>& scores : rows_of(outputs.at(target.output)))
        answers.classes.push_back(predicted_class(scores, target.output_scale));
}

}  // namespace

double association(const Tensor& rows, const Schema& schema, int64_t a, int64_t b) {
    if (rows.type() != ElementType::float64 || rows.row_size() != std::ssize(schema))
        throw Error(ErrorKind::input, fmt::format("rows of {} numbers for {} columns",
                                                  rows.row_size(), schema.size()));
    require_column(a, rows.row_size());
    require_column(b, rows.row_size());
    const Pair pair = present(rows, a, b);
    if (pair.a.size() < 2) return 0;
    const bool of_a = schema[a].categorical(), of_b = schema[b].categorical();
    if (of_a && of_b) return cramers_v(pair.a, pair.b);
    if (of_a) return correlation_ratio(pair.a, pair.b);
    if (of_b) return correlation_ratio(pair.b, pair.a);
    const double r = spearman(pair.a, pair.b);
    return std::isnan(r) ? 0 : std::abs(r);
}

std::vector<Proxy> find_proxies(const Tensor& rows, const Schema& schema,
                                std::span<const int64_t> protected_columns, double threshold) {
    if (!(threshold > 0 && threshold <= 1))
        throw Error(ErrorKind::usage,
                    fmt::format("a proxy's association of {}; take one in (0, 1]", threshold));
    for (const int64_t column : protected_columns) require_column(column, std::ssize(schema));
    std::vector<Proxy> found;
    for (int64_t column = 0; column < std::ssize(schema); ++column) {
        if (std::ranges::count(protected_columns, column) != 0) continue;
        Proxy best{.column = column, .association = -1};
        for (const int64_t of : protected_columns)
            if (const double v = association(rows, schema, column, of); v > best.association) {
                best.protected_column = of;
                best.association = v;
            }
        if (best.association >= threshold) found.push_back(best);
    }
    std::ranges::stable_sort(found, std::greater(), &Proxy::association);
    return found;
}

std::vector<double> attribution_share(std::span<const std::vector<double>> values,
                                      std::span<const int64_t> columns) {
    std::vector<double> shares;
    for (const std::vector<double>& row : values) {
        require_finite(row, "an explanation");
        double all = 0, theirs = 0;
        for (const double value : row) all += std::abs(value);
        for (const int64_t column : std::set<int64_t>(columns.begin(), columns.end())) {
            require_column(column, std::ssize(row));
            theirs += std::abs(row[column]);
        }
        shares.push_back(all > 0 ? theirs / all : std::nan(""));
    }
    return shares;
}

FlipTest flip_test(const Model& model, const ResolvedTarget& target, const Batch& inputs,
                   int64_t column, const Run& run, std::span<const double> values) {
    if (inputs.size() != 1 || inputs.rows() < 1)
        throw Error(ErrorKind::input, "a flip test needs the rows of one table");
    require_column(column, inputs[0].value.row_size());
    const std::vector<std::vector<double>> rows = rows_of(inputs[0].value);
    std::vector<double> there;
    for (const std::vector<double>& row : rows) there.push_back(row[column]);
    FlipTest test{.tried =
                      different(values.empty() ? std::span<const double>(there) : values, column)};
    // Row, then value: each row as it is first.
    std::vector<std::pair<int64_t, double>> changes;
    for (int64_t row = 0; row < std::ssize(rows); ++row) {
        changes.emplace_back(row, rows[row][column]);
        for (const double value : test.tried)
            if (value != rows[row][column]) changes.emplace_back(row, value);
    }
    const int64_t limit = std::max<int64_t>(1, model.preferred_batch());
    Answers answers;
    for (size_t first = 0; first < changes.size(); first += static_cast<size_t>(limit)) {
        run.check();
        const size_t count = std::min(static_cast<size_t>(limit), changes.size() - first);
        Batch batch = inputs.slice_rows(0, 1).repeat_row(static_cast<int64_t>(count));
        for (size_t i = 0; i < count; ++i) {
            std::vector<double> row = rows[changes[first + i].first];
            row[column] = changes[first + i].second;
            write_row(row, varied(batch, inputs[0].name), static_cast<int64_t>(i));
        }
        ask(model, target, batch, run, answers);
        run.report("flip test", static_cast<int64_t>(first + count), std::ssize(changes));
    }
    test.evaluations = std::ssize(changes);
    for (size_t i = 0; i < changes.size();) {
        const size_t own = i++;
        double flips = 0, tried = 0, largest = 0;
        for (; i < changes.size() && changes[i].first == changes[own].first; ++i, ++tried) {
            flips += answers.classes[i] != answers.classes[own];
            const double change = answers.target[i] - answers.target[own];
            if (std::abs(change) > std::abs(largest)) largest = change;
        }
        const bool has_class = answers.classes[own] >= 0;
        test.flipped.push_back(tried > 0 && has_class ? flips / tried : std::nan(""));
        test.change.push_back(largest);
    }
    return test;
}

std::vector<GroupMean> means_by_group(std::span<const double> values,
                                      std::span<const int64_t> groups, const Run& run,
                                      int64_t resamples) {
    check_groups(values, groups, resamples);
    const std::vector<std::vector<double>> of = by_group(values, groups);
    std::vector<GroupMean> out;
    for (size_t g = 0; g < of.size(); ++g) {
        GroupMean row{.group = static_cast<int64_t>(g), .rows = std::ssize(of[g])};
        row.mean = row.low = row.high = mean(of[g]);
        if (row.rows > 0) std::tie(row.low, row.high) = ends(resampled_means(of[g], row.group, run, resamples));
        out.push_back(row);
    }
    return out;
}

GroupGap gap_between_groups(std::span<const double> values, std::span<const int64_t> groups,
                            const Run& run, int64_t permutations, int64_t resamples) {
    check_groups(values, groups, permutations);
    check_groups(values, groups, resamples);
    std::vector<double> all;
    std::vector<size_t> sizes;
    std::vector<int64_t> names;
    const std::vector<std::vector<double>> of = by_group(values, groups);
    for (size_t g = 0; g < of.size(); ++g) {
        if (of[g].size() < 2) continue;
        all.insert(all.end(), of[g].begin(), of[g].end());
        sizes.push_back(of[g].size());
        names.push_back(static_cast<int64_t>(g));
    }
    if (sizes.size() < 2)
        return {.gap = std::nan(""), .low = std::nan(""), .high = std::nan(""), .p_value = std::nan("")};
    const Extremes found = extremes(all, sizes);
    const int64_t higher = names[found.high], lower = names[found.low];
    std::vector<double> apart = resampled_means(of[higher], higher, run, resamples);
    const std::vector<double> below = resampled_means(of[lower], lower, run, resamples);
    for (size_t r = 0; r < apart.size(); ++r) apart[r] -= below[r];
    const auto [low, high] = ends(std::move(apart));
    // A permutation that only rounds otherwise is as large.
    const double as_large = found.gap * (1 - 1e-12);
    std::vector<uint8_t> larger(permutations);
    parallel_for(run, permutations, 64, [&](int64_t begin, int64_t end) {
        std::vector<int32_t> order(all.size());
        std::vector<double> mixed(all.size());
        for (int64_t r = begin; r < end; ++r) {
            for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int32_t>(i);
            Rng(run.seed, permutation_stream, static_cast<uint64_t>(r)).shuffle(order);
            for (size_t i = 0; i < order.size(); ++i) mixed[i] = all[order[i]];
            larger[r] = extremes(mixed, sizes).gap >= as_large;
        }
    });
    return {.gap = found.gap,
            .low = low,
            .high = high,
            .higher = higher,
            .lower = lower,
            .p_value = (1 + static_cast<double>(std::ranges::count(larger, 1))) /
                       (1 + static_cast<double>(permutations))};
}

}  // namespace whence::metrics
