#include "whence/evaluate/estimates.h"

#include <algorithm>
#include <cmath>

#include "whence/core/rng.h"

namespace whence::evaluate {
namespace {

constexpr uint32_t resample_stream = 0x72657361;

}  // namespace

Statistic mean_of(std::vector<double> scores) {
    return [scores = std::move(scores)](std::span<const int64_t> samples) {
        double sum = 0;
        int64_t defined = 0;
        for (const int64_t i : samples)
            if (!std::isnan(scores[i])) sum += scores[i], ++defined;
        return defined > 0 ? sum / static_cast<double>(defined) : std::nan("");
    };
}

Resamples::Resamples(int64_t samples, int64_t count, uint64_t seed)
    : samples_(samples), count_(count), positions_(samples * count) {
    for (int64_t r = 0; r < count; ++r) {
        Rng rng(seed, resample_stream, static_cast<uint64_t>(r));
        for (int64_t i = 0; i < samples; ++i)
            positions_[r * samples + i] =
                static_cast<int64_t>(rng.below(static_cast<uint64_t>(samples)));
    }
}

std::span<const int64_t> Resamples::operator[](int64_t resample) const {
    return std::span(positions_).subspan(resample * samples_, samples_);
}

std::vector<double> resampled(const Statistic& statistic, const Resamples& resamples,
                              const Run& run) {
    std::vector<double> out;
    for (int64_t r = 0; r < resamples.count(); ++r) {
        if (r % 64 == 0) run.check();
        out.push_back(statistic(resamples[r]));
    }
    return out;
}

std::optional<Interval> percentiles(std::vector<double> values, double outside) {
    const size_t all = values.size();
    std::erase_if(values, [](double value) { return !std::isfinite(value); });
    if (values.empty() || 2 * values.size() < all) return std::nullopt;
    std::ranges::sort(values);
    const auto at = [&](double share) {
        const double place = share * static_cast<double>(values.size() - 1);
        const auto below = static_cast<size_t>(place);
        const double above = values[std::min(below + 1, values.size() - 1)];
        return values[below] + (place - static_cast<double>(below)) * (above - values[below]);
    };
    return Interval{at(outside / 2), at(1 - outside / 2)};
}

bool distinguishably_better(const Competitor& a, const Competitor& b, bool higher_is_better,
                            const Resamples& resamples, double outside, const Run& run) {
    const double sign = higher_is_better ? 1 : -1;
    if (!(sign * (a.value - b.value) > 0)) return false;
    std::vector<double> differences;
    int64_t pairs = resamples.samples();
    if (!a.scores.empty()) {
        std::vector<double> apart;
        for (size_t i = 0; i < a.scores.size(); ++i) apart.push_back(a.scores[i] - b.scores[i]);
        pairs = std::ranges::count_if(apart, [](double value) { return !std::isnan(value); });
        differences = resampled(mean_of(std::move(apart)), resamples, run);
    } else {
        for (size_t r = 0; r < a.again.size(); ++r) differences.push_back(a.again[r] - b.again[r]);
    }
    if (pairs < fewest_pairs) return false;
    for (double& difference : differences) difference *= sign;
    const auto interval = percentiles(std::move(differences), outside);
    return interval && interval->low > 0;
}

std::vector<std::vector<int64_t>> comparisons(std::span<const Competitor> all,
                                              bool higher_is_better, const Resamples& resamples,
                                              const Run& run) {
    std::vector<std::vector<int64_t>> out(all.size());
    const auto defined =
        std::ranges::count_if(all, [](const Competitor& one) { return !std::isnan(one.value); });
    if (defined < 2) return out;
    const double outside = 0.05 / static_cast<double>(defined - 1);
    for (size_t a = 0; a < all.size(); ++a)
        for (size_t b = 0; b < all.size(); ++b)
            if (a != b &&
                distinguishably_better(all[a], all[b], higher_is_better, resamples, outside, run))
                out[a].push_back(static_cast<int64_t>(b));
    return out;
}

}  // namespace whence::evaluate
