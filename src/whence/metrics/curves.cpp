#include "whence/metrics/curves.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "whence/core/error.h"
#include "whence/metrics/linear_imputer.h"
#include "whence/metrics/statistics.h"

namespace whence::metrics {
namespace {

// 0, step, 2 step, ..., n.
std::vector<int64_t> counts(int64_t n, const StepOptions& options) {
    if (options.step < 0)
        throw Error(ErrorKind::usage,
                    fmt::format("a step of {} players; take 1 or more", options.step));
    const int64_t step = options.step > 0 ? options.step : (n + 99) / 100;
    std::vector<int64_t> all;
    for (int64_t k = 0; k < n; k += step) all.push_back(k);
    all.push_back(n);
    return all;
}

std::vector<int64_t> counts(int64_t n, const std::vector<double>& fractions) {
    if (fractions.empty()) throw Error(ErrorKind::usage, "no fraction of the players is given");
    std::vector<int64_t> all;
    for (const double fraction : fractions) {
        if (!(fraction > 0 && fraction <= 1))
            throw Error(
                ErrorKind::usage,
                fmt::format("a fraction of {} of the players; take one in (0, 1]", fraction));
        all.push_back(std::max<int64_t>(1, std::llround(fraction * static_cast<double>(n))));
    }
    return all;
}

std::vector<double> shares(const std::vector<int64_t>& counts, int64_t n) {
    std::vector<double> out;
    for (const int64_t k : counts) out.push_back(static_cast<double>(k) / static_cast<double>(n));
    return out;
}

std::vector<Ticket> without_largest(Questions& questions, int64_t i,
                                    const std::vector<int64_t>& counts) {
    std::vector<Ticket> tickets;
    for (const int64_t k : counts) tickets.push_back(questions.without(questions.ranked(i), 0, k));
    return tickets;
}

std::vector<Ticket> only_largest(Questions& questions, int64_t i,
                                 const std::vector<int64_t>& counts) {
    std::vector<Ticket> tickets;
    for (const int64_t k : counts)
        tickets.push_back(questions.without(questions.ranked(i), k, questions.players(i)));
    return tickets;
}

std::vector<double> read(const Questions& answers, const std::vector<Ticket>& tickets) {
    std::vector<double> out;
    for (const Ticket ticket : tickets) out.push_back(answers.answer(ticket));
    return out;
}

Pending area(std::vector<double> x, std::vector<Ticket> tickets) {
    return [x = std::move(x), tickets = std::move(tickets)](const Questions& answers) {
        Score score{.x = x, .curve = read(answers, tickets)};
        score.value = area_under(score.x, score.curve);
        return score;
    };
}

Pending mean_loss(std::vector<double> x, Ticket whole, std::vector<Ticket> tickets) {
    return [x = std::move(x), whole, tickets = std::move(tickets)](const Questions& answers) {
        Score score{.x = x, .curve = read(answers, tickets)};
        for (double& value : score.curve) value = answers.answer(whole) - value;
        score.value = mean(score.curve);
        return score;
    };
}

}  // namespace

Pending Deletion::plan(Questions& questions, int64_t i, const Run&) const {
    const int64_t n = questions.players(i);
    const std::vector<int64_t> k = counts(n, options_);
    return area(shares(k, n), without_largest(questions, i, k));
}

Pending Insertion::plan(Questions& questions, int64_t i, const Run&) const {
    const int64_t n = questions.players(i);
    const std::vector<int64_t> k = counts(n, options_);
    return area(shares(k, n), only_largest(questions, i, k));
}

Pending PixelFlipping::plan(Questions& questions, int64_t i, const Run&) const {
    const int64_t n = questions.players(i);
    std::vector<int64_t> k = counts(n, options_);
    k.erase(k.begin());
    return
        [x = shares(k, n), tickets = without_largest(questions, i, k)](const Questions& answers) {
            Score score{.x = x, .curve = read(answers, tickets)};
            score.value = mean(score.curve);
            return score;
        };
}

Pending RegionPerturbation::plan(Questions& questions, int64_t i, const Run&) const {
    if (options_.regions < 1)
        throw Error(ErrorKind::usage,
                    fmt::format("{} regions are removed; take 1 or more", options_.regions));
    const int64_t n = questions.players(i);
    std::vector<int64_t> k;
    for (int64_t removed = 0; removed <= std::min(options_.regions, n); ++removed)
        k.push_back(removed);
    return mean_loss(shares(k, n), questions.whole(i), without_largest(questions, i, k));
}

Pending Monotonicity::plan(Questions& questions, int64_t i, const Run&) const {
    const int64_t n = questions.players(i);
    std::vector<int64_t> k = counts(n, options_);
    k.erase(k.begin());
    std::vector<int64_t> still_missing;
    for (const int64_t present : k) still_missing.push_back(n - present);
    return [x = shares(k, n),
            tickets = without_largest(questions, i, still_missing)](const Questions& answers) {
        Score score{.x = x, .curve = read(answers, tickets)};
        score.value = std::ranges::is_sorted(score.curve) ? 1 : 0;
        return score;
    };
}

Pending Sufficiency::plan(Questions& questions, int64_t i, const Run&) const {
    const int64_t n = questions.players(i);
    const std::vector<int64_t> k = counts(n, options_.fractions);
    return mean_loss(shares(k, n), questions.whole(i), only_largest(questions, i, k));
}

Pending Comprehensiveness::plan(Questions& questions, int64_t i, const Run&) const {
    const int64_t n = questions.players(i);
    const std::vector<int64_t> k = counts(n, options_.fractions);
    return mean_loss(shares(k, n), questions.whole(i), without_largest(questions, i, k));
}

Pending Irof::plan(Questions& questions, int64_t i, const Run&) const {
    const int64_t n = questions.players(i);
    const std::vector<int64_t> k = counts(n, StepOptions{.step = 1});
    return
        [x = shares(k, n), tickets = without_largest(questions, i, k)](const Questions& answers) {
            Score score{.x = x, .curve = read(answers, tickets)};
            const double whole = score.curve[0];
            if (whole == 0) {
                score.value = std::nan("");
                score.undefined_because = "f(x) is 0: nothing can be said relative to it";
                return score;
            }
            for (double& value : score.curve) value /= whole;
            score.value = 1 - area_under(score.x, score.curve);
            return score;
        };
}

Pending Road::plan(Questions& questions, int64_t i, const Run&) const {
    const int64_t n = questions.players(i);
    if (!dynamic_cast<const LinearImputer*>(questions.explained(i).masker))
        throw Error(ErrorKind::unsupported,
                    "road fills missing pixels in from their neighbours: it needs an image, its "
                    "pixels as players and a LinearImputer as their masker");
    std::vector<int64_t> k = counts(n, options_.fractions);
    // Nothing can be imputed from no pixel at all.
    for (int64_t& removed : k) removed = std::min(removed, n - 1);
    std::vector<Ticket> without_smallest;
    for (const int64_t removed : k)
        without_smallest.push_back(questions.without(questions.ranked(i), n - removed, n));
    return [x = shares(k, n), smallest = std::move(without_smallest),
            largest = without_largest(questions, i, k)](const Questions& answers) {
        Score score{.x = x, .curve = read(answers, smallest)};
        const std::vector<double> most = read(answers, largest);
        for (size_t q = 0; q < most.size(); ++q) score.curve[q] = (score.curve[q] - most[q]) / 2;
        score.value = mean(score.curve);
        return score;
    };
}

std::vector<double> pooled(std::span<const double> values, std::span<const int32_t> labels,
                           Pool pool) {
    if (values.size() != labels.size())
        throw Error(ErrorKind::input,
                    fmt::format("{} values for {} elements", values.size(), labels.size()));
    const int32_t largest = labels.empty() ? -1 : *std::ranges::max_element(labels);
    std::vector<double> sums(largest + 1), elements(largest + 1);
    for (size_t i = 0; i < labels.size(); ++i)
        if (labels[i] >= 0) {
            sums[labels[i]] += values[i];
            ++elements[labels[i]];
        }
    for (size_t player = 0; player < sums.size(); ++player) {
        if (elements[player] == 0)
            throw Error(ErrorKind::input, fmt::format("player {} has no element", player));
        if (pool == Pool::mean) sums[player] /= elements[player];
    }
    return sums;
}

}  // namespace whence::metrics
