#include "whence/shapley/permutation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "whence/core/error.h"
#include "whence/core/rng.h"
#include "whence/shapley/questions.h"
#include "whence/shapley/spread.h"

namespace whence {
namespace {

using shapley::Questions;

constexpr uint32_t order_stream = 0x5045524d;
// Orders before the spread of the orders is worth a decision; and how many are asked at once.
constexpr int64_t least_orders = 8;

class Walk {
  public:
    Walk(Questions& questions, bool both_ways)
        : questions_(questions),
          players_(questions.players()),
          both_ways_(both_ways),
          spread_(players_) {}

    // Coalitions that one order asks.
    [[nodiscard]] int64_t cost() const { return (both_ways_ ? 2 : 1) * (players_ - 1); }

    // Walks `count` more orders; those that the time cut short are left out.
    void walk(int64_t count, const Estimate& ends) {
        const int64_t first = spread_.count();
        std::vector<std::vector<int32_t>> orders, ranks;
        for (int64_t k = 0; k < count; ++k) {
            orders.push_back(order(first + k));
            std::vector<int32_t> rank(players_);
            for (int64_t i = 0; i < players_; ++i)
                rank[orders[k][i]] = static_cast<int32_t>(i);
            ranks.push_back(std::move(rank));
        }
        // Coalition s of an order: the first s + 1 of it; then, backwards, all but these.
        const std::vector<double> values =
            questions_.ask(count * cost(), [&](int64_t i, std::span<uint8_t> row) {
                const std::vector<int32_t>& rank = ranks[i / cost()];
                const int64_t step = i % cost();
                const bool backwards = step >= players_ - 1;
                const int64_t size = step % (players_ - 1) + 1;
                for (int64_t j = 0; j < players_; ++j)
                    row[j] = (rank[j] < size) != backwards;
            });
        for (int64_t k = 0; (k + 1) * cost() <= static_cast<int64_t>(values.size()); ++k)
            add(orders[k], {values.data() + k * cost(), static_cast<size_t>(cost())}, ends);
    }

    [[nodiscard]] const shapley::Spread& spread() const { return spread_; }

  private:
    std::vector<int32_t> order(int64_t k) const {
        std::vector<int32_t> players(players_);
        std::iota(players.begin(), players.end(), 0);
        Rng(questions_.run().seed, order_stream, static_cast<uint64_t>(k)).shuffle(players);
        return players;
    }

    void add(const std::vector<int32_t>& order, std::span<const double> values,
             const Estimate& ends) {
        std::vector<double> brought(players_);
        const int64_t inner = players_ - 1;
        const auto with = [&](int64_t size, int64_t way) {
            if (size == 0) return way == 0 ? ends.nobody : ends.everyone;
            if (size == players_) return way == 0 ? ends.everyone : ends.nobody;
            return values[way * inner + size - 1];
        };
        for (int64_t i = 0; i < players_; ++i) {
            brought[order[i]] = with(i + 1, 0) - with(i, 0);
            if (both_ways_)
                brought[order[i]] = (brought[order[i]] + with(i, 1) - with(i + 1, 1)) / 2;
        }
        spread_.add(brought);
    }

    Questions& questions_;
    int64_t players_;
    bool both_ways_;
    shapley::Spread spread_;
};

void take(const Walk& walk, Estimate& out) {
    out.values = walk.spread().means();
    out.standard_errors = walk.spread().standard_errors();
}

Estimate by_orders(const Game& game, const Budget& budget, bool both_ways, const Run& run) {
    Questions questions(game, budget, run);
    Estimate out;
    questions.ask_ends(out);
    const int64_t players = questions.players();
    if (players < 2) {
        out.values.assign(players, out.everyone - out.nobody);
        out.standard_errors.assign(players, 0.0);
        out.exact = true;
        out.coalitions = questions.asked();
        return out;
    }
    Walk walk(questions, both_ways);
    const int64_t coalitions =
        budget.coalitions > 0 ? budget.coalitions
                              : std::max(2 * players + 2048, 4 * walk.cost());
    const int64_t orders = coalitions / walk.cost();
    if (orders < 2)
        throw Error(ErrorKind::usage,
                    fmt::format("a budget of {} coalitions is less than two orders of {} players; "
                                "they take {}",
                                coalitions, players, 2 * walk.cost()));
    questions.expect(orders * walk.cost() + 2);
    if (budget.tolerance > 0) out.converged = false;
    while (walk.spread().count() < orders && !questions.over()) {
        const int64_t done = walk.spread().count();
        walk.walk(std::min(orders - done, std::max(least_orders, done / 2)), out);
        if (walk.spread().count() == 0) break;
        take(walk, out);
        questions.tell(out);
        if (budget.tolerance == 0 || walk.spread().count() < std::min(orders, least_orders))
            continue;
        out.converged = shapley::within_tolerance(out, budget.tolerance);
        if (*out.converged) break;
    }
    const int64_t done = walk.spread().count();
    if (done == 0)
        questions.give_up(fmt::format("the first order of {} players was walked", players));
    out.coalitions = questions.asked();
    out.notes.push_back(fmt::format("{} random orders{}, {} coalitions", done,
                                    both_ways ? ", each also backwards" : "", out.coalitions));
    if (!out.converged.value_or(false)) questions.state_early_end(out);
    return out;
}

}  // namespace

Estimate estimate(const Game& game, const PermutationShap& options, const Run& run) {
    return by_orders(game, options.budget, true, run);
}

Estimate estimate(const Game& game, const SamplingShap& options, const Run& run) {
    return by_orders(game, options.budget, false, run);
}

}  // namespace whence
