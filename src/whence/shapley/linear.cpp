#include "whence/shapley/linear.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "whence/core/error.h"
#include "whence/core/rng.h"
#include "whence/shapley/questions.h"

namespace whence {

Estimate estimate(const Game& game, const LinearShap& options, const Run& run) {
    constexpr uint32_t check_stream = 0x4c494e53;
    constexpr int64_t checks = 16;
    if (!(options.tolerance > 0))
        throw Error(ErrorKind::usage, fmt::format("tolerance is {}; linear-shap needs one above 0",
                                                  options.tolerance));
    shapley::Questions questions(game, {}, run);
    const int64_t players = questions.players();
    questions.expect(players + 2 * checks + 2);
    Estimate out;
    questions.ask_ends(out);
    const std::string before = "it was known whether the answer is a sum";
    out.values =
        questions.ask_all(players, before, [](int64_t i, std::span<uint8_t> row) { row[i] = 1; });
    for (double& value : out.values) value -= out.nobody;

    std::vector<std::vector<uint8_t>> asked;
    for (int64_t k = 0; k < checks; ++k) {
        Rng rng(run.seed, check_stream, static_cast<uint64_t>(k));
        std::vector<uint8_t> present(players), complement(players);
        for (int64_t j = 0; j < players; ++j) {
            present[j] = rng.next32() & 1;
            complement[j] = !present[j];
        }
        asked.push_back(std::move(present));
        asked.push_back(std::move(complement));
    }
    asked.emplace_back(players, uint8_t{1});
    const std::vector<double> values = questions.ask_all(
        static_cast<int64_t>(asked.size()), before,
        [&](int64_t i, std::span<uint8_t> row) { std::ranges::copy(asked[i], row.begin()); });
    double largest = std::abs(out.everyone - out.nobody), worst = 0;
    for (size_t k = 0; k < asked.size(); ++k) {
        double sum = out.nobody;
        for (int64_t j = 0; j < players; ++j) sum += asked[k][j] ? out.values[j] : 0;
        largest = std::max(largest, std::abs(values[k] - out.nobody));
        worst = std::max(worst, std::abs(values[k] - sum));
    }
    for (const double value : out.values) largest = std::max(largest, std::abs(value));
    if (worst > options.tolerance * largest)
        throw Error(ErrorKind::unsupported,
                    fmt::format("the answer is no sum over the features: a sum misses it by up to "
                                "{:.3g} of {:.3g}; use exact-shap or kernel-shap, or explain the "
                                "scale on which the model is linear (--scale logit)",
                                worst, largest));
    out.standard_errors.assign(players, 0.0);
    out.exact = true;
    out.coalitions = questions.asked();
    out.notes.push_back(fmt::format("a sum over the features hits the answer on {} coalitions to "
                                    "{:.2g} of the largest",
                                    asked.size(), largest > 0 ? worst / largest : 0));
    return out;
}

}  // namespace whence
