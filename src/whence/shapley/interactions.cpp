#include "whence/shapley/interactions.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <numeric>

#include "whence/core/error.h"
#include "whence/core/rng.h"
#include "whence/shapley/exact.h"
#include "whence/shapley/questions.h"
#include "whence/shapley/spread.h"

namespace whence {
namespace {

using shapley::Questions;

constexpr uint32_t label_stream = 0x53494932;
constexpr int64_t most_players = 1024, least_rounds = 8;

// Pairs are at (i, j) with i > j of a square matrix, values in its diagonal.
std::vector<double> exact_pairs(const std::vector<double>& table, int64_t players) {
    std::vector<double> weight(players), out(players * players);
    for (int64_t s = 0; s + 2 <= players; ++s)  // s! (M - s - 2)! / (M - 1)!
        weight[s] = s == 0 ? 1.0 / static_cast<double>(players - 1)
                           : weight[s - 1] * static_cast<double>(s) /
                                 static_cast<double>(players - s - 1);
    for (size_t code = 0; code < table.size(); ++code)
        for (int64_t i = 0; i < players; ++i)
            for (int64_t j = 0; j < i; ++j) {
                const size_t a = size_t{1} << i, b = size_t{1} << j;
                if (code & (a | b)) continue;
                out[i * players + j] += weight[std::popcount(code)] *
                                        (table[code | a | b] - table[code | a] -
                                         table[code | b] + table[code]);
            }
    const std::vector<double> values = shapley::shapley_values(table, players);
    for (int64_t i = 0; i < players; ++i) out[i * players + i] = values[i];
    return out;
}

// From halves of pairs and values in the diagonal to rows that add up to the values.
void spread_out(std::vector<double>& m, int64_t players) {
    for (int64_t i = 0; i < players; ++i)
        for (int64_t j = 0; j < i; ++j) {
            const double half = m[i * players + j] / 2;
            m[i * players + j] = m[j * players + i] = half;
            m[i * players + i] -= half;
            m[j * players + j] -= half;
        }
}

// One round: orders of all players, and with odd players of one more who does nothing, in which
// each pair stands side by side once.
class Round {
  public:
    Round(int64_t players, uint64_t seed, int64_t number)
        : players_(players), seats_(players + players % 2), labels_(seats_) {
        std::iota(labels_.begin(), labels_.end(), 0);
        Rng(seed, label_stream, static_cast<uint64_t>(number)).shuffle(labels_);
    }

    [[nodiscard]] int64_t orders() const { return seats_ / 2; }
    // Player at a place of an order: from `order`, one up, two down, three up, ...
    [[nodiscard]] int32_t at(int64_t order, int64_t place) const {
        const int64_t step = (place + 1) / 2;
        const int64_t seat = place % 2 == 1 ? order + step : order - step + seats_;
        return labels_[seat % seats_];
    }
    [[nodiscard]] int64_t seats() const { return seats_; }
    // Per order: the first 1, ..., seats - 1 of it, then for each neighbouring pair those before it
    // and its second.
    [[nodiscard]] int64_t cost() const { return orders() * 2 * (seats_ - 1); }
    void fill(int64_t i, std::span<uint8_t> row) const {
        const int64_t order = i / (2 * (seats_ - 1)), k = i % (2 * (seats_ - 1));
        const bool swapped = k >= seats_ - 1;
        const int64_t size = swapped ? k - (seats_ - 1) : k + 1;
        for (int64_t place = 0; place < size; ++place) set(at(order, place), row);
        if (swapped) set(at(order, size + 1), row);
    }
    // The round's estimate, as exact_pairs gives it.
    [[nodiscard]] std::vector<double> estimate(std::span<const double> values,
                                               const Estimate& ends) const {
        std::vector<double> out(players_ * players_);
        for (int64_t order = 0; order < orders(); ++order) {
            const double* own = values.data() + order * 2 * (seats_ - 1);
            const auto prefix = [&](int64_t size) {
                return size == 0 ? ends.nobody : size == seats_ ? ends.everyone : own[size - 1];
            };
            for (int64_t place = 0; place < seats_; ++place) {
                const int64_t i = at(order, place);
                if (i < players_)
                    out[i * players_ + i] += (prefix(place + 1) - prefix(place)) /
                                             static_cast<double>(orders());
                if (place + 1 == seats_) continue;
                const int64_t j = at(order, place + 1);
                if (i >= players_ || j >= players_) continue;
                out[std::max(i, j) * players_ + std::min(i, j)] =
                    prefix(place + 2) - prefix(place + 1) - own[seats_ - 1 + place] + prefix(place);
            }
        }
        return out;
    }

  private:
    void set(int32_t player, std::span<uint8_t> row) const {
        if (player < players_) row[player] = 1;
    }

    int64_t players_, seats_;
    std::vector<int32_t> labels_;
};

void take(const std::vector<double>& means, const std::vector<double>& errors, int64_t players,
          Estimate& out) {
    out.interactions = means;
    out.values.clear();
    for (int64_t i = 0; i < players; ++i) out.values.push_back(means[i * players + i]);
    spread_out(out.interactions, players);
    out.standard_errors.clear();
    if (errors.empty()) return;
    for (int64_t i = 0; i < players; ++i) out.standard_errors.push_back(errors[i * players + i]);
}

void sample(Questions& questions, const Budget& budget, int64_t rounds, Estimate& out) {
    const int64_t players = questions.players();
    questions.ask_ends(out);
    const int64_t cost = Round(players, 0, 0).cost();
    questions.expect(rounds * cost + 2);
    // Pairs and values of the rounds, and the matrix that is given: its diagonal mixes both.
    shapley::Spread raw(players * players), given(players * players);
    if (budget.tolerance > 0) out.converged = false;
    while (raw.count() < rounds && !questions.over()) {
        const Round round(players, questions.run().seed, raw.count());
        const std::vector<double> values = questions.ask(
            cost, [&](int64_t i, std::span<uint8_t> row) { round.fill(i, row); });
        if (static_cast<int64_t>(values.size()) < cost) break;
        std::vector<double> matrix = round.estimate(values, out);
        raw.add(matrix);
        spread_out(matrix, players);
        given.add(matrix);
        take(raw.means(), raw.standard_errors(), players, out);
        questions.tell(out);
        if (budget.tolerance == 0 || raw.count() < std::min(rounds, least_rounds)) continue;
        out.converged = shapley::within_tolerance(out, budget.tolerance);
        if (*out.converged) break;
    }
    if (raw.count() == 0) questions.give_up(fmt::format("the first round of {} coalitions", cost));
    out.interaction_errors = given.standard_errors();
    out.notes.push_back(fmt::format("{} rounds of {} coalitions, each with every pair once",
                                    raw.count(), cost));
    if (!out.converged.value_or(false)) questions.state_early_end(out);
}

}  // namespace

Estimate estimate(const Game& game, const ShapInteractions& options, const Run& run) {
    Questions questions(game, options.budget, run);
    const int64_t players = questions.players();
    if (players > most_players)
        throw Error(ErrorKind::limit,
                    fmt::format("{} players have {} pairs; shap-interactions takes up to {} players: "
                                "group features",
                                players, players * (players - 1) / 2, most_players));
    Estimate out;
    const int64_t cost = players < 2 ? 0 : Round(players, 0, 0).cost();
    const int64_t coalitions = options.budget.coalitions > 0
                                   ? options.budget.coalitions
                                   : std::max(2 * players + 2048, least_rounds * cost);
    if (players <= ExactShap::most_players && int64_t{1} << players <= coalitions + 2) {
        const std::vector<double> table = shapley::table_of(questions, "shap-interactions", out);
        take(players < 2 ? shapley::shapley_values(table, players) : exact_pairs(table, players), {},
             players, out);
        out.standard_errors.assign(players, 0.0);
        out.interaction_errors.assign(players * players, 0.0);
        out.exact = true;
    } else if (coalitions < 2 * cost) {
        throw Error(ErrorKind::usage,
                    fmt::format("a budget of {} coalitions is less than two rounds of all pairs of "
                                "{} players; they take {}",
                                coalitions, players, 2 * cost));
    } else {
        sample(questions, options.budget, coalitions / cost, out);
    }
    out.coalitions = questions.asked();
    return out;
}

}  // namespace whence
