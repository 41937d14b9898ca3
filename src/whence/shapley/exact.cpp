#include "whence/shapley/exact.h"

#include <fmt/format.h>

#include <bit>

#include "whence/core/error.h"
#include "whence/shapley/questions.h"

namespace whence {
namespace shapley {

std::vector<double> table_of(Questions& questions, const char* method, Estimate& estimate) {
    const int64_t players = questions.players();
    if (players > ExactShap::most_players)
        throw Error(ErrorKind::limit,
                    fmt::format("{} asks for all coalitions, and {} players have 2^{}; it takes up "
                                "to {}: group features, or use kernel-shap or permutation-shap",
                                method, players, players, ExactShap::most_players));
    const int64_t count = int64_t{1} << players;
    questions.expect(count);
    const std::string all =
        fmt::format("all {} coalitions that {} needs were asked; kernel-shap can stop at any time",
                    count, method);
    std::vector<double> table =
        questions.ask_all(count, all, [&](int64_t code, std::span<uint8_t> row) {
            for (size_t j = 0; j < row.size(); ++j) row[j] = code >> j & 1;
        });
    estimate.nobody = table.front();
    estimate.everyone = table.back();
    return table;
}

std::vector<double> shapley_values(const std::vector<double>& table, int64_t players) {
    // weight[s] = s! (M - s - 1)! / M!
    std::vector<double> weight(players), values(players);
    for (int64_t s = 0; s < players; ++s)
        weight[s] = s == 0 ? 1.0 / static_cast<double>(players)
                           : weight[s - 1] * static_cast<double>(s) /
                                 static_cast<double>(players - s);
    for (size_t code = 0; code < table.size(); ++code)
        for (int64_t j = 0; j < players; ++j)
            if (!(code >> j & 1))
                values[j] +=
                    weight[std::popcount(code)] * (table[code | size_t{1} << j] - table[code]);
    return values;
}

}  // namespace shapley

Estimate estimate(const Game& game, const ExactShap&, const Run& run) {
    shapley::Questions questions(game, {}, run);
    Estimate out;
    const std::vector<double> table = shapley::table_of(questions, "exact-shap", out);
    out.values = shapley::shapley_values(table, questions.players());
    out.standard_errors.assign(out.values.size(), 0.0);
    out.coalitions = questions.asked();
    out.exact = true;
    return out;
}

}  // namespace whence
