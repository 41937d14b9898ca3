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
    for (const auto& [name, value] :
         {std::pair{"tolerance", budget.tolerance}, std::pair{"seconds", budget.seconds}})
        if (!(value >= 0) || !std::isfinite(value))
            throw Error(ErrorKind::usage,
                        fmt::format("{} is {}; it must not be negative", name, value));
}

namespace shapley {
namespace {

using Clock = std::chrono::steady_clock;

// One question to the game: its masks in this many bytes, and the model's rows, where somebody
// watches the progress, in this many (a batch of most models).
constexpr int64_t block_bytes = 1 << 22, block_rows = 1 << 18, watched_rows = 1 << 10;

}  // namespace

Questions::Questions(const Game& game, const Budget& budget, const Run& run)
    : game_(game),
      run_(run),
      players_(game.players()),
      seconds_(budget.seconds),
      start_(Clock::now()) {
    check(budget);
}

void Questions::ask_ends(Estimate& estimate) {
    const std::vector<double> ends = ask(2, [](int64_t i, std::span<uint8_t> row) {
        std::ranges::fill(row, static_cast<uint8_t>(i));
    });
    if (ends.size() < 2)
        throw Error(ErrorKind::limit, "the seconds were over before the input itself was explained");
    estimate.nobody = ends[0];
    estimate.everyone = ends[1];
}

std::vector<double> Questions::ask(int64_t count, const FillCoalition& fill) {
    std::vector<double> values;
    values.reserve(count);
    std::vector<uint8_t> rows;
    for (int64_t first = 0; first < count;) {
        if (late()) return values;
        const int64_t size = std::min(count - first, block());
        rows.assign(size * players_, 0);
        for (int64_t i = 0; i < size; ++i)
            fill(first + i,
                 {rows.data() + i * players_, static_cast<size_t>(players_)});
        const auto before = Clock::now();
        const std::vector<double> part = game_.values({rows.data(), size, players_}, run_);
        for (const double value : part)
            if (!std::isfinite(value))
                throw Error(ErrorKind::model,
                            fmt::format("the model answered {} where some features are missing; "
                                        "Shapley values cannot be taken of that",
                                        std::isnan(value) ? "NaN" : "infinity"));
        // A block takes no more than some hundredths of the time there is.
        if (std::chrono::duration<double>(Clock::now() - before).count() < 0.02 * seconds_)
            timed_block_ *= 2;
        values.insert(values.end(), part.begin(), part.end());
        first += size;
        asked_ += size;
        run_.report("coalitions", asked_, std::max(asked_, expected_));
    }
    return values;
}

bool Questions::late() const {
    return seconds_ > 0 &&
           std::chrono::duration<double>(Clock::now() - start_).count() >= seconds_;
}

void Questions::state_late(Estimate& estimate) const {
    if (!late()) return;
    estimate.converged = false;
    estimate.notes.push_back(
        fmt::format("stopped by --seconds {:g} after {} coalitions: another machine, or the same "
                    "one, may get further",
                    seconds_, asked_));
}

int64_t Questions::block() const {
    const int64_t rows = run_.progress ? watched_rows : block_rows;
    int64_t size = std::min(block_bytes / std::max<int64_t>(1, players_),
                            rows / std::max<int64_t>(1, game_.rows_per_value()));
    if (seconds_ > 0) size = std::min(size, timed_block_);
    return std::max<int64_t>(1, size);
}

bool within_tolerance(const Estimate& estimate, double tolerance) {
    if (estimate.standard_errors.empty()) return false;
    const auto [low, high] = std::ranges::minmax(estimate.values);
    return std::ranges::max(estimate.standard_errors) <= tolerance * (high - low);
}

}  // namespace shapley
}  // namespace whence
