// The oracle itself: against values by hand, against its own axioms, and its two forms against each
// other.

#include <gtest/gtest.h>

#include <numeric>

#include "trees/shap_ensembles.h"
#include "trees/shap_oracle.h"

namespace whence::trees::testing {
namespace {

/// x0 <= 1 ? 2 : (x1 <= 1 ? 4 : 8), covers 10 = 6 + (3 + 1).
Ensemble by_hand() {
    EnsembleParts parts;
    parts.features = 2;
    parts.base = {0};
    parts.has_covers = true;
    Tree tree;
    tree.nodes = {{.feature = 0, .left = 1, .right = 2, .threshold = 1, .cover = 10},
                  {.cover = 6, .leaf = 0},
                  {.feature = 1, .left = 3, .right = 4, .threshold = 1, .cover = 4},
                  {.cover = 3, .leaf = 1},
                  {.cover = 1, .leaf = 2}};
    tree.values = {2, 4, 8};
    parts.trees = {tree};
    return Ensemble::build(parts);
}

TEST(ShapOracle, ValuesByHand) {
    const Ensemble ensemble = by_hand();
    const std::vector<double> x{2, 2};
    // v() = 0.6 2 + 0.4 5 = 3.2, v(0) = 5, v(1) = 0.6 2 + 0.4 8 = 4.4, v(01) = 8
    const std::vector<double> phi = brute_force(ensemble, path_dependent_game(ensemble, x));
    EXPECT_NEAR(phi[0], ((5 - 3.2) + (8 - 4.4)) / 2, 1e-15);
    EXPECT_NEAR(phi[1], ((4.4 - 3.2) + (8 - 5)) / 2, 1e-15);
    const std::vector<double> pairs = brute_force_pairs(ensemble, path_dependent_game(ensemble, x));
    EXPECT_NEAR(pairs[1], (8 - 5 - 4.4 + 3.2) / 2, 1e-15);
    EXPECT_NEAR(pairs[0] + pairs[1], phi[0], 1e-15);
}

TEST(ShapOracle, InterventionalValuesByHand) {
    const Ensemble ensemble = by_hand();
    const std::vector<double> x{2, 2}, background{0, 0, 2, 0}, weights{1, 3};
    // first row: v() = 2, v(0) = 4, v(1) = 2; second: 4, 4, 8
    const std::vector<double> phi =
        brute_force(ensemble, interventional_game(ensemble, x, background, weights));
    EXPECT_NEAR(phi[0], 0.25 * (2 + 6) / 2.0, 1e-15);
    EXPECT_NEAR(phi[1], 0.25 * (0 + 4) / 2.0 + 0.75 * 4, 1e-15);
}

TEST(ShapOracle, ValuesAddUpToTheGame) {
    const Ensemble ensemble =
        make_ensemble({.features = 6, .category_chance = 0.3, .zero_cover_chance = 0.1});
    const std::vector<double> data = make_rows(20, 6, 3);
    for (int64_t i = 0; i < 20; ++i) {
        const auto x = view(data, 6).row(i);
        const TreeGame game = path_dependent_game(ensemble, x);
        const std::vector<double> phi = brute_force(ensemble, game);
        double gain = 0;
        for (const Tree& tree : ensemble.trees()) {
            const std::vector<int32_t> players = features_of(tree);
            gain += game(tree, players, (1U << players.size()) - 1, 0) - game(tree, players, 0, 0);
        }
        EXPECT_NEAR(std::accumulate(phi.begin(), phi.end(), 0.0), gain / 2, 1e-13);
    }
}

TEST(ShapOracle, RecursionEqualsTheDefinition) {
    for (const uint64_t seed : {1, 2, 3}) {
        const Ensemble ensemble = make_ensemble({.depth = 6,
                                                 .outputs = 2,
                                                 .category_chance = 0.3,
                                                 .zero_cover_chance = 0.1,
                                                 .seed = seed});
        const std::vector<double> data = make_rows(10, 5, seed);
        for (int64_t i = 0; i < 10; ++i) {
            const auto x = view(data, 5).row(i);
            const std::vector<double> want =
                brute_force(ensemble, path_dependent_game(ensemble, x));
            const std::vector<double> have = LeafRecursion(ensemble, x).values();
            for (size_t j = 0; j < want.size(); ++j) EXPECT_NEAR(have[j], want[j], 1e-13);
        }
    }
}

TEST(ShapOracle, TellsShapleyFromBanzhaf) {
    const Ensemble ensemble = make_ensemble({.depth = 5});
    const std::vector<double> x{0, 3, 2, 5, 1};
    const TreeGame game = path_dependent_game(ensemble, x);
    const std::vector<double> shapley = brute_force(ensemble, game);
    const std::vector<double> banzhaf = brute_force(ensemble, game, banzhaf_weight);
    double difference = 0;
    for (size_t i = 0; i < shapley.size(); ++i)
        difference = std::max(difference, std::abs(shapley[i] - banzhaf[i]));
    EXPECT_GT(difference, 1e-4);
}

}  // namespace
}  // namespace whence::trees::testing
