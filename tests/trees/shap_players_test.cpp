// Features that are one player: every game against its definition over players, not features.

#include <gtest/gtest.h>

#include <bit>

#include "message_of.h"
#include "trees/shap_compare.h"
#include "trees/shap_ensembles.h"
#include "trees/shap_oracle.h"
#include "whence/trees/shap/ensemble_game.h"
#include "whence/trees/shap/interactions.h"
#include "whence/trees/shap/interventional.h"
#include "whence/trees/shap/interventional_interactions.h"

namespace whence::trees::testing {
namespace {

constexpr int64_t features = 7;
const std::vector<int32_t> players = {0, 1, 0, 3, 1, 5, 0};  // {0, 2, 6}, {1, 4}, {3}, {5}

Ensemble grouped(EnsembleRecipe recipe) {
    recipe.features = features;
    EnsembleParts parts = make_ensemble(recipe).parts();
    parts.players = players;
    return Ensemble::build(std::move(parts));
}

/// What a coalition, a mask over all features (those of a player alike), is worth: output 0.
using Game = std::function<double(uint32_t coalition)>;

double margin(const Ensemble& ensemble, std::span<const double> x, uint32_t coalition) {
    double sum = 0;
    for (const Tree& tree : ensemble.trees())
        sum += path_dependent_value(
            ensemble, tree, x, [&](int32_t f) { return (coalition >> f & 1) != 0; }, 0);
    return sum / ensemble.parts().divisor;
}

Game path_dependent(const Ensemble& ensemble, std::span<const double> x) {
    return [&ensemble, x](uint32_t coalition) { return margin(ensemble, x, coalition); };
}

Game interventional(const Ensemble& ensemble, std::span<const double> x,
                    std::span<const double> background) {
    return [&ensemble, x, background](uint32_t coalition) {
        const size_t rows = background.size() / x.size();
        double sum = 0;
        for (size_t b = 0; b < rows; ++b) {
            std::vector<double> mixed(x.begin(), x.end());
            for (size_t f = 0; f < x.size(); ++f)
                if (!(coalition >> f & 1)) mixed[f] = background[b * x.size() + f];
            sum += margin(ensemble, mixed, ~0U);
        }
        return sum / static_cast<double>(rows);
    };
}

/// Masks of the features of each player, by the feature that names it; 0 for the others.
std::vector<uint32_t> masks() {
    std::vector<uint32_t> out(features, 0);
    for (int64_t f = 0; f < features; ++f) out[players[f]] |= 1U << f;
    return out;
}

std::vector<double> shapley(const Game& game) {
    std::vector<uint32_t> mask;
    std::vector<size_t> at;
    for (size_t f = 0; f < masks().size(); ++f)
        if (masks()[f]) mask.push_back(masks()[f]), at.push_back(f);
    const auto n = static_cast<int>(mask.size());
    std::vector<double> phi(features, 0);
    for (uint32_t s = 0; s < 1U << n; ++s) {
        uint32_t coalition = 0;
        for (int p = 0; p < n; ++p)
            if (s >> p & 1) coalition |= mask[p];
        for (int p = 0; p < n; ++p)
            if (!(s >> p & 1))
                phi[at[p]] += shapley_weight(n - 1, std::popcount(s)) *
                              (game(coalition | mask[p]) - game(coalition));
    }
    return phi;
}

TEST(TreeShapPlayers, EqualTheDefinition) {
    for (const uint64_t seed : {1, 2, 3}) {
        const Ensemble ensemble =
            grouped({.trees = 4, .depth = 5, .category_chance = 0.2, .seed = seed});
        const std::vector<double> rows = make_rows(6, features, seed),
                                  background = make_rows(9, features, seed + 50);
        const TreeShapOptions exact{.precision = Precision::float64};
        const TreeShapValues path = TreeShap(ensemble, exact).values(view(rows, features), {});
        const TreeShapValues mixed =
            InterventionalShap(ensemble, view(background, features), {}, exact)
                .values(view(rows, features), {});
        const TreeInteractionValues pairs =
            TreeInteractions(ensemble, {.precision = Precision::float64})
                .values(view(rows, features), {});
        for (int64_t row = 0; row < 6; ++row) {
            const std::span<const double> x = view(rows, features).row(row);
            const auto have = [&](const TreeShapValues& all) {
                return std::span(all.values).subspan(row * features, features);
            };
            const std::vector<double> want = shapley(path_dependent(ensemble, x));
            EXPECT_LT(error_of(have(path), want), 1e-10);
            EXPECT_LT(error_of(have(mixed), shapley(interventional(ensemble, x, background))),
                      1e-10);
            std::vector<double> sums(features, 0);
            for (int64_t i = 0; i < features * features; ++i)
                sums[i / features] += pairs.values[row * features * features + i];
            EXPECT_LT(error_of(sums, want), 1e-10);
        }
    }
}

// The rows of a matrix of interactions add up to values.
TEST(TreeShapPlayers, EqualTheDefinitionInPairsAgainstABackground) {
    const Ensemble ensemble = grouped({.trees = 4, .depth = 5, .seed = 5});
    const std::vector<double> rows = make_rows(3, features, 5),
                              background = make_rows(9, features, 55);
    const TreeInteractionValues pairs =
        InterventionalInteractions(ensemble, view(background, features), {},
                                   {.precision = Precision::float64})
            .values(view(rows, features), {});
    for (int64_t row = 0; row < 3; ++row) {
        std::vector<double> sums(features, 0);
        for (int64_t i = 0; i < features * features; ++i)
            sums[i / features] += pairs.values[row * features * features + i];
        EXPECT_LT(error_of(sums, shapley(interventional(ensemble, view(rows, features).row(row),
                                                        background))),
                  1e-10);
    }
}

// Coalitions of players are coalitions of all their features, whatever is made of the margins.
TEST(TreeShapPlayers, EqualTheDefinitionInGamesOfTheWholeEnsemble) {
    const EnsembleModel model(grouped({.trees = 4, .depth = 5, .seed = 6}));
    const std::vector<double> rows = make_rows(1, features, 6),
                              background = make_rows(9, features, 56);
    const Worth worth = [](const Batch& answers) { return answers[0].value.to_doubles(); };
    const EnsembleGame game(model, worth, rows, view(background, features));
    const Game want = interventional(model.ensemble(), rows, background);
    const std::vector<double> table = game.table({});
    const int64_t n = game.players();
    ASSERT_GE(n, 3);
    ASSERT_EQ(std::ssize(table), int64_t{1} << n);
    std::vector<uint8_t> coalitions;
    for (int64_t s = 0; s < std::ssize(table); ++s)
        for (int64_t p = 0; p < n; ++p) coalitions.push_back(s >> p & 1);
    const std::vector<double> values = game.values({coalitions.data(), std::ssize(table), n}, {});
    const double base = model.ensemble().parts().base[0];
    for (int64_t s = 0; s < std::ssize(table); ++s) {
        uint32_t coalition = 0;
        for (int64_t p = 0; p < n; ++p)
            if (s >> p & 1) coalition |= masks()[game.features()[p]];
        EXPECT_NEAR(table[s], base + want(coalition), 1e-12);
        EXPECT_NEAR(values[s], base + want(coalition), 1e-12);
    }
}

// Many rows against many: tables of patterns.
TEST(TreeShapPlayers, EqualTheDefinitionByTables) {
    const Ensemble ensemble = grouped({.trees = 3, .depth = 4, .seed = 4});
    const std::vector<double> rows = make_rows(400, features, 4),
                              background = make_rows(150, features, 54);
    const TreeShapValues have = InterventionalShap(ensemble, view(background, features), {},
                                                   {.precision = Precision::float64})
                                    .values(view(rows, features), {});
    for (int64_t row = 0; row < 4; ++row)
        EXPECT_LT(
            error_of(std::span(have.values).subspan(row * features, features),
                     shapley(interventional(ensemble, view(rows, features).row(row), background))),
            1e-10);
}

// Values of single features, added up, are another game's: players are no afterthought.
TEST(TreeShapPlayers, AreNotSumsOverTheirFeatures) {
    const Ensemble together = grouped({.trees = 4, .depth = 5, .seed = 1});
    EnsembleParts parts = together.parts();
    parts.players.clear();
    const Ensemble alone = Ensemble::build(std::move(parts));
    const std::vector<double> rows = make_rows(1, features, 1),
                              background = make_rows(9, features, 51);
    const auto values = [&](const Ensemble& ensemble) {
        return InterventionalShap(ensemble, view(background, features), {},
                                  {.precision = Precision::float64})
            .values(view(rows, features), {})
            .values;
    };
    std::vector<double> sums(features, 0);
    for (int64_t f = 0; f < features; ++f) sums[players[f]] += values(alone)[f];
    EXPECT_GT(error_of(values(together), sums), 1e-3);
}

TEST(TreeShapPlayers, MustNameThemselves) {
    EnsembleParts parts = make_ensemble({.features = 3}).parts();
    for (const std::vector<int32_t>& wrong :
         std::vector<std::vector<int32_t>>{{0, 1}, {1, 2, 2}, {0, 1, 3}, {-1, 1, 2}}) {
        parts.players = wrong;
        message_of(ErrorKind::model, [&] { static_cast<void>(Ensemble::build(parts)); });
    }
}

}  // namespace
}  // namespace whence::trees::testing
