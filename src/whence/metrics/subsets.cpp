#include "whence/metrics/subsets.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "whence/core/error.h"
#include "whence/core/rng.h"
#include "whence/metrics/statistics.h"

namespace whence::metrics {
namespace {

constexpr uint32_t size_stream = 0x696e6669;  // sizes of infidelity's subsets

// What was said and what was asked of some subsets of one explanation.
struct Samples {
    std::vector<double> said;  // a
    std::vector<Ticket> asked;

    void add(Questions& questions, int64_t i, Order order, int64_t size) {
        double sum = 0;
        for (const int32_t player : questions.players_of(order).first(size))
            sum += questions.explained(i).values[player];
        said.push_back(sum);
        asked.push_back(questions.without(order, 0, size));
    }

    [[nodiscard]] std::vector<double> worth(const Questions& answers, Ticket whole) const {
        std::vector<double> out;
        for (const Ticket ticket : asked)
            out.push_back(answers.answer(whole) - answers.answer(ticket));
        return out;
    }
};

void require(bool holds, const char* what, int64_t least, int64_t given) {
    if (!holds)
        throw Error(ErrorKind::usage,
                    fmt::format("{} needs at least {} subsets, not {}", what, least, given));
}

// Some players and never all: of one player there is no such subset.
int64_t size_of(double fraction, int64_t n) {
    if (!(fraction > 0 && fraction < 1))
        throw Error(
            ErrorKind::usage,
            fmt::format("subsets of {} of the players; take a fraction in (0, 1)", fraction));
    return std::clamp<int64_t>(std::llround(fraction * static_cast<double>(n)), 1,
                               std::max<int64_t>(1, n - 1));
}

Samples given_subsets(Questions& questions, int64_t i,
                      const std::vector<std::vector<int32_t>>& subsets) {
    Samples samples;
    for (const std::vector<int32_t>& subset : subsets)
        samples.add(questions, i, questions.given(i, subset), std::ssize(subset));
    return samples;
}

Samples random_subsets(Questions& questions, int64_t i, int64_t count, int64_t size,
                       uint64_t seed) {
    Samples samples;
    for (int64_t r = 0; r < count; ++r)
        samples.add(questions, i, questions.random(i, r, seed), size);
    return samples;
}

constexpr const char* no_correlation =
    "over these subsets the values, or what the players are worth, do not vary";

// Of a correlation r of m pairs; exact for normal pairs without correlation (Fisher 1915).
double error_of_correlation(double r, size_t m) {
    return std::sqrt((1 - r * r) / static_cast<double>(m - 2));
}

}  // namespace

Pending SensitivityN::plan(Questions& questions, int64_t i, const Run& run) const {
    require(options_.samples >= 3, "sensitivity-n", 3, options_.samples);
    const int64_t n = questions.players(i);
    std::vector<int64_t> sizes;
    for (const double fraction : options_.fractions) sizes.push_back(size_of(fraction, n));
    std::ranges::sort(sizes);
    sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
    if (sizes.empty()) throw Error(ErrorKind::usage, "sensitivity-n needs a size of subsets");
    std::vector<Samples> samples;
    for (const int64_t size : sizes)
        samples.push_back(random_subsets(questions, i, options_.samples, size, run.seed));
    return [sizes = std::move(sizes), samples = std::move(samples),
            whole = questions.whole(i)](const Questions& answers) {
        Score score;
        std::vector<double> defined;
        for (size_t s = 0; s < sizes.size(); ++s) {
            const double r = pearson(samples[s].said, samples[s].worth(answers, whole));
            score.x.push_back(static_cast<double>(sizes[s]));
            score.curve.push_back(r);
            if (!std::isnan(r)) defined.push_back(r);
        }
        score.value = mean(defined);
        if (defined.empty()) score.undefined_because = no_correlation;
        return score;
    };
}

Pending FaithfulnessCorrelation::plan(Questions& questions, int64_t i, const Run& run) const {
    const bool given = !options_.subsets.empty();
    const int64_t count = given ? std::ssize(options_.subsets) : options_.samples;
    require(count >= 3, "faithfulness-correlation", 3, count);
    Samples samples =
        given ? given_subsets(questions, i, options_.subsets)
              : random_subsets(questions, i, count,
                               size_of(options_.fraction, questions.players(i)), run.seed);
    return [samples = std::move(samples), whole = questions.whole(i),
            given](const Questions& answers) {
        Score score{.value = pearson(samples.said, samples.worth(answers, whole))};
        if (std::isnan(score.value))
            score.undefined_because = no_correlation;
        else if (!given)
            score.standard_error = error_of_correlation(score.value, samples.said.size());
        return score;
    };
}

Pending Infidelity::plan(Questions& questions, int64_t i, const Run& run) const {
    const bool given = !options_.subsets.empty();
    const int64_t count = given ? std::ssize(options_.subsets) : options_.samples;
    require(count >= 2, "infidelity", 2, count);
    Samples samples;
    if (given) samples = given_subsets(questions, i, options_.subsets);
    for (int64_t r = 0; !given && r < count; ++r) {
        Rng rng(run.seed, size_stream,
                static_cast<uint64_t>(questions.game(i)) << 32 | static_cast<uint64_t>(r));
        const auto size = static_cast<int64_t>(1 + rng.below(questions.players(i)));
        samples.add(questions, i, questions.random(i, r, run.seed), size);
    }
    return [samples = std::move(samples), whole = questions.whole(i), given,
            scaled = options_.scaled](const Questions& answers) {
        const std::vector<double>& a = samples.said;
        const std::vector<double> b = samples.worth(answers, whole);
        double ab = 0, aa = 0;
        for (size_t r = 0; r < a.size(); ++r) {
            ab += a[r] * b[r];
            aa += a[r] * a[r];
        }
        const double beta = scaled && aa > 0 ? ab / aa : 1;
        std::vector<double> squares;
        for (size_t r = 0; r < a.size(); ++r)
            squares.push_back((beta * a[r] - b[r]) * (beta * a[r] - b[r]));
        Score score{.value = mean(squares)};
        if (given) return score;
        double spread = 0;
        for (const double s : squares) spread += (s - score.value) * (s - score.value);
        const auto m = static_cast<double>(squares.size());
        score.standard_error = std::sqrt(spread / (m - 1) / m);
        return score;
    };
}

}  // namespace whence::metrics
