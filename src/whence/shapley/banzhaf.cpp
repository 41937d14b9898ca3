#include "whence/shapley/banzhaf.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "whence/core/error.h"
#include "whence/core/rng.h"
#include "whence/shapley/exact.h"
#include "whence/shapley/questions.h"
#include "whence/shapley/spread.h"

namespace whence {
namespace {

using shapley::Questions;

constexpr uint32_t coalition_stream = 0x42414e5a;

void enumerate(Questions& questions, Estimate& out) {
    const std::vector<double> table = shapley::table_of(questions, "banzhaf", out);
    const int64_t players = questions.players();
    out.values.assign(players, 0.0);
    for (size_t code = 0; code < table.size(); ++code)
        for (int64_t j = 0; j < players; ++j)
            if (!(code >> j & 1)) out.values[j] += table[code | size_t{1} << j] - table[code];
    for (double& value : out.values) value /= static_cast<double>(table.size()) / 2;
    out.standard_errors.assign(players, 0.0);
    out.exact = true;
}

void sample(Questions& questions, const Budget& budget, int64_t pairs, Estimate& out) {
    const int64_t players = questions.players();
    const auto sides = [&](int64_t pair) {
        Rng rng(questions.run().seed, coalition_stream, static_cast<uint64_t>(pair));
        std::vector<uint8_t> row(players);
        for (uint8_t& side : row) side = rng.next32() & 1;
        return row;
    };
    questions.ask_ends(out);
    questions.expect(2 * pairs + 2);
    shapley::Spread spread(players);
    if (budget.tolerance > 0) out.converged = false;
    while (spread.count() < pairs && !questions.over()) {
        const int64_t first = spread.count();
        const int64_t count = std::min(pairs - first, std::max<int64_t>(128, first / 2));
        std::vector<std::vector<uint8_t>> rows;
        for (int64_t k = 0; k < count; ++k) rows.push_back(sides(first + k));
        const std::vector<double> values =
            questions.ask(2 * count, [&](int64_t i, std::span<uint8_t> row) {
                for (int64_t j = 0; j < players; ++j) row[j] = rows[i / 2][j] != i % 2;
            });
        std::vector<double> terms(players);
        for (size_t k = 0; 2 * k + 1 < values.size(); ++k) {
            const double difference = values[2 * k] - values[2 * k + 1];
            for (int64_t j = 0; j < players; ++j)
                terms[j] = rows[k][j] ? difference : -difference;
            spread.add(terms);
        }
        out.values = spread.means();
        out.standard_errors = spread.standard_errors();
        questions.tell(out);
        if (budget.tolerance == 0) continue;
        out.converged = shapley::within_tolerance(out, budget.tolerance);
        if (*out.converged) break;
    }
    if (spread.count() == 0) questions.give_up("the first pair of coalitions");
    if (!out.converged.value_or(false)) questions.state_early_end(out);
}

}  // namespace

Estimate estimate(const Game& game, const Banzhaf& options, const Run& run) {
    Questions questions(game, options.budget, run);
    const int64_t players = questions.players();
    const int64_t coalitions =
        options.budget.coalitions > 0 ? options.budget.coalitions : 2 * players + 2048;
    Estimate out;
    out.no_sum_because = "Banzhaf values do not add up to a difference of predictions";
    if (players <= ExactShap::most_players && int64_t{1} << players <= coalitions + 2)
        enumerate(questions, out);
    else if (coalitions < 4)
        throw Error(ErrorKind::usage, "a budget of less than 4 coalitions is less than two pairs");
    else
        sample(questions, options.budget, coalitions / 2, out);
    out.coalitions = questions.asked();
    return out;
}

}  // namespace whence
