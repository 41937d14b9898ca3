#include "whence/shapley/questions.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "whence/core/error.h"

namespace whence {

void check(const Budget& budget) {
    if (budget.coalitions < 0)
        throw Error(ErrorKind::usage, fmt::format("budget is {}; it must not be negative (0: the "
                                                  "method's own)",
                                                  budget.coalitions));
    if (!(budget.tolerance >= 0) || !std::isfinite(budget.tolerance))
        throw Error(ErrorKind::usage,
                    fmt::format("tolerance is {}; it must not be negative", budget.tolerance));
}

namespace shapley {
namespace {

// One question to the game: its masks in this many bytes, and the model's rows, where somebody
// watches the progress, in this many (a batch of most models).
constexpr int64_t block_bytes = 1 << 22, block_rows = 1 << 18, watched_rows = 1 << 10;

}  // namespace

Questions::Questions(const Game& game, const Budget& budget, const Run& run)
    : game_(game), run_(run), players_(game.players()) {
    check(budget);
}

void Questions::ask_ends(Estimate& estimate) {
    const std::vector<double> ends = ask_all(
        2, "the input itself was explained",
        [](int64_t i, std::span<uint8_t> row) { std::ranges::fill(row, static_cast<uint8_t>(i)); });
    estimate.nobody = ends[0];
    estimate.everyone = ends[1];
}

std::vector<double> Questions::ask(int64_t count, const FillCoalition& fill) {
    std::vector<double> values;
    values.reserve(count);
    std::vector<uint8_t> rows;
    while (static_cast<int64_t>(values.size()) < count && !over()) {
        const auto first = static_cast<int64_t>(values.size());
        const int64_t size = std::min(count - first, block());
        rows.assign(size * players_, 0);
        for (int64_t i = 0; i < size; ++i)
            fill(first + i,
                 {rows.data() + i * players_, static_cast<size_t>(players_)});
        std::vector<double> part;
        try {
            part = game_.values({rows.data(), size, players_}, run_);
        } catch (const OutOfReach& why) {
            cut_ = why;
            part = why.answered();
        }
        for (const double value : part)
            if (!std::isfinite(value))
                throw Error(ErrorKind::model,
                            fmt::format("the model answered {} where some features are missing; "
                                        "Shapley values cannot be taken of that",
                                        std::isnan(value) ? "NaN" : "infinity"));
        values.insert(values.end(), part.begin(), part.end());
        asked_ += static_cast<int64_t>(part.size());
        run_.report("coalitions", asked_, std::max(asked_, expected_));
    }
    return values;
}

std::vector<double> Questions::ask_all(int64_t count, const std::string& before,
                                       const FillCoalition& fill) {
    std::vector<double> values = ask(count, fill);
    if (static_cast<int64_t>(values.size()) < count) give_up(before);
    return values;
}

bool Questions::over() const {
    if (!cut_ && run_.late()) cut_ = OutOfReach(ErrorKind::limit, "the time limit was reached");
    return cut_.has_value();
}

void Questions::give_up(const std::string& before) const {
    static_cast<void>(over());  // says why
    throw OutOfReach(cut_.value().kind(), fmt::format("{} (before {})", cut_->what(), before));
}

void Questions::state_early_end(Estimate& estimate) const {
    if (!over()) return;
    estimate.converged = false;
    estimate.notes.push_back(fmt::format(
        "stopped early, after {} coalitions: {}{}", asked_, cut_->what(),
        cut_->kind() == ErrorKind::limit ? "; another machine, or the same one, may get further"
                                         : ""));
}

int64_t Questions::block() const {
    const int64_t rows = run_.progress ? watched_rows : block_rows;
    return std::max<int64_t>(1, std::min(block_bytes / std::max<int64_t>(1, players_),
                                         rows / std::max<int64_t>(1, game_.rows_per_value())));
}

bool within_tolerance(const Estimate& estimate, double tolerance) {
    if (estimate.standard_errors.empty()) return false;
    const auto [low, high] = std::ranges::minmax(estimate.values);
    return std::ranges::max(estimate.standard_errors) <= tolerance * (high - low);
}

}  // namespace shapley
}  // namespace whence
