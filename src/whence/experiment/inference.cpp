#include "whence/experiment/inference.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>

#include "whence/core/error.h"
#include "whence/core/rng.h"
#include "whence/metrics/statistics.h"

namespace whence::experiment {
namespace {

constexpr uint32_t bootstrap_stream = 0x57D20001, permutation_stream = 0x57D20002;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr int64_t fewest_clusters = 5;

// Takes their mean from rows begin, begin + step, ... before end.
void centre(std::vector<double>& rows, int64_t begin, int64_t end, int64_t step) {
    double sum = 0;
    int64_t count = 0;
    for (int64_t i = begin; i < end; i += step, ++count) sum += rows[i];
    for (int64_t i = begin; i < end; i += step) rows[i] -= sum / static_cast<double>(count);
}

// Epochs [first, epochs) of the iterations in `chosen`, one after another.
std::vector<double> rows_of(const Series& series, Scope scope, std::span<const int32_t> chosen) {
    const int64_t first = scope == Scope::final_epoch ? series.epochs - 1 : 0;
    const int64_t kept = series.epochs - first;
    std::vector<double> out;
    for (const int32_t iteration : chosen)
        for (int64_t fold = 0; fold < series.folds; ++fold) {
            const double* row =
                series.values.data() + (iteration * series.folds + fold) * series.epochs;
            out.insert(out.end(), row + first, row + series.epochs);
        }
    // What rows have in common is taken out: those of an epoch, every `kept`th, or of an iteration.
    const int64_t rows = std::ssize(out);
    if (scope == Scope::within_epochs)
        for (int64_t epoch = 0; epoch < kept; ++epoch) centre(out, epoch, rows, kept);
    if (scope == Scope::within_iterations)
        for (int64_t first_row = 0; first_row < rows; first_row += series.folds * kept)
            centre(out, first_row, first_row + series.folds * kept, 1);
    return out;
}

std::vector<int32_t> in_order(int64_t count) {
    std::vector<int32_t> out(count);
    std::iota(out.begin(), out.end(), 0);
    return out;
}

double correlation(std::span<const double> a, std::span<const double> b, bool ranks) {
    for (const auto side : {a, b})
        for (const double value : side)
            if (!std::isfinite(value)) return nan;
    return ranks ? metrics::spearman(a, b) : metrics::pearson(a, b);
}

// The `share` quantile by linear interpolation (Hyndman, Fan 1996, type 7).
double quantile(const std::vector<double>& sorted, double share) {
    const double at = share * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<size_t>(at);
    const size_t above = std::min(below + 1, sorted.size() - 1);
    return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

struct Interval {
    double low = nan, high = nan;
};

// Percentiles of statistic(chosen iterations); none where it does not exist in many resamples.
template <class Statistic>
Interval bootstrap(int64_t iterations, int64_t resamples, const Run& run, Statistic&& statistic) {
    if (iterations < fewest_clusters) return {};
    std::vector<double> values;
    std::vector<int32_t> chosen(iterations);
    for (int64_t b = 0; b < resamples; ++b) {
        run.check();
        Rng rng(run.seed, bootstrap_stream, b);
        for (int32_t& one : chosen) one = static_cast<int32_t>(rng.below(iterations));
        const double value = statistic(chosen);
        if (std::isfinite(value)) values.push_back(value);
    }
    if (values.empty() || std::ssize(values) < resamples * 95 / 100) return {};
    std::ranges::sort(values);
    return {quantile(values, 0.025), quantile(values, 0.975)};
}

// Whole trainings change places: iterations among themselves, folds within them.
Series trainings_moved(const Series& from, Rng& rng) {
    Series out = from;
    std::vector<int32_t> iterations = in_order(from.iterations);
    rng.shuffle(iterations);
    for (int64_t i = 0; i < from.iterations; ++i) {
        std::vector<int32_t> folds = in_order(from.folds);
        rng.shuffle(folds);
        for (int64_t f = 0; f < from.folds; ++f)
            std::copy_n(from.values.begin() + (iterations[i] * from.folds + folds[f]) * from.epochs,
                        from.epochs, out.values.begin() + (i * from.folds + f) * from.epochs);
    }
    return out;
}

// Epochs change places, in all folds of an iteration alike.
Series epochs_moved(const Series& from, Rng& rng) {
    Series out = from;
    for (int64_t i = 0; i < from.iterations; ++i) {
        std::vector<int32_t> epochs = in_order(from.epochs);
        rng.shuffle(epochs);
        for (int64_t f = 0; f < from.folds; ++f) {
            const int64_t row = (i * from.folds + f) * from.epochs;
            for (int64_t e = 0; e < from.epochs; ++e)
                out.values[row + e] = from.values[row + epochs[e]];
        }
    }
    return out;
}

double p_value(const Series& a, const Series& b, Scope scope, double value,
               const Inference& options, const Run& run) {
    const std::vector<int32_t> all = in_order(a.iterations);
    const std::vector<double> fixed = rows_of(a, scope, all);
    int64_t as_large = 0;
    for (int64_t i = 0; i < options.permutations; ++i) {
        run.check();
        Rng rng(run.seed, permutation_stream, i);
        const Series moved = scope == Scope::all_epochs || scope == Scope::within_iterations
                                 ? epochs_moved(b, rng)
                                 : trainings_moved(b, rng);
        const double other = correlation(fixed, rows_of(moved, scope, all), options.ranks);
        // Rounding must not make the identity smaller than itself.
        as_large += std::abs(other) >= std::abs(value) - 1e-12;
    }
    return static_cast<double>(as_large + 1) / static_cast<double>(options.permutations + 1);
}

void require_same(const Series& a, const Series& b) {
    const int64_t size = a.iterations * a.folds * a.epochs;
    if (a.iterations != b.iterations || a.folds != b.folds || a.epochs != b.epochs ||
        std::ssize(a.values) != size || std::ssize(b.values) != size || size == 0)
        throw Error(ErrorKind::internal, "series of other trainings");
}

}  // namespace

const char* name(Scope scope) {
    switch (scope) {
        case Scope::all_epochs:
            return "all epochs";
        case Scope::within_epochs:
            return "within epochs";
        case Scope::within_iterations:
            return "within iterations";
        case Scope::final_epoch:
            return "final models";
    }
    throw Error(ErrorKind::internal, "a scope that is none");
}

Correlation correlate(const Series& a, const Series& b, Scope scope, const Inference& options,
                      const Run& run) {
    require_same(a, b);
    const auto of = [&](std::span<const int32_t> chosen) {
        return correlation(rows_of(a, scope, chosen), rows_of(b, scope, chosen), options.ranks);
    };
    Correlation out{.value = of(in_order(a.iterations)), .low = nan, .high = nan, .p = nan};
    out.rows = a.iterations * a.folds * (scope == Scope::final_epoch ? 1 : a.epochs);
    if (!std::isfinite(out.value)) return out;
    const Interval interval = bootstrap(a.iterations, options.resamples, run, of);
    out.low = interval.low;
    out.high = interval.high;
    if (options.permutations > 0) out.p = p_value(a, b, scope, out.value, options, run);
    return out;
}

Mean mean_of(const Series& series, Scope scope, int64_t resamples, const Run& run) {
    require_same(series, series);
    const auto of = [&](std::span<const int32_t> chosen) {
        return metrics::mean(rows_of(series, scope, chosen));
    };
    const std::vector<int32_t> all = in_order(series.iterations);
    Mean out{.value = of(all)};
    const Interval interval = bootstrap(series.iterations, resamples, run, of);
    out.low = interval.low;
    out.high = interval.high;
    const std::vector<double> rows = rows_of(series, scope, all);
    double squares = 0;
    for (const double value : rows) squares += (value - out.value) * (value - out.value);
    out.deviation =
        rows.size() > 1 ? std::sqrt(squares / static_cast<double>(rows.size() - 1)) : nan;
    return out;
}

}  // namespace whence::experiment
