// Estimators on games whose values are known.

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "shapley/games.h"
#include "whence/shapley/shap.h"

namespace whence {
namespace {

using namespace testing;

const std::vector<ShapMethod>& shapley_estimators() {
    static const std::vector<ShapMethod> all{ExactShap{},
                                             KernelShap{},
                                             KernelShap{.compatible = true, .l1_reg = "none"},
                                             PermutationShap{},
                                             SamplingShap{},
                                             ShapInteractions{}};
    return all;
}

Estimate found(const Game& game, const ShapMethod& method, uint64_t seed = 0) {
    return estimate(game, method, Run{.seed = seed});
}

void expect_near(const std::vector<double>& a, const std::vector<double>& b, double tolerance) {
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], tolerance) << "player " << i;
}

TEST(Exact, IsTheMeanOverAllOrders) {
    for (const int64_t players : {1, 2, 3, 5, 7}) {
        const FormulaGame game = random_game(players, 3);
        const Estimate exact = found(game, ExactShap{});
        expect_near(exact.values, values_over_orders(game), 1e-12);
        EXPECT_TRUE(exact.exact);
        EXPECT_EQ(exact.coalitions, int64_t{1} << players);
    }
}

TEST(Kernel, OfAllCoalitionsIsExact) {
    for (const int64_t players : {2, 3, 4, 5, 8, 11}) {
        const FormulaGame game = random_game(players, 4);
        for (const bool compatible : {false, true}) {
            const Estimate kernel =
                found(game, KernelShap{.compatible = compatible, .l1_reg = "none"});
            expect_near(kernel.values, found(game, ExactShap{}).values, 1e-9);
            EXPECT_TRUE(kernel.exact) << players;
            EXPECT_EQ(kernel.standard_errors, std::vector<double>(players, 0.0));
            EXPECT_EQ(kernel.coalitions, int64_t{1} << players);
        }
    }
}

TEST(Interactions, AreTheDefinition) {
    const int64_t players = 5;
    const std::vector<double> table = random_table(players, 5);
    const Estimate all = found(table_game(players, table), ShapInteractions{});
    for (int64_t i = 0; i < players; ++i)
        for (int64_t j = 0; j < i; ++j) {
            double sum = 0;  // over orders of the others and the pair as one
            double orders = 0;
            std::vector<int> order{0, 1, 2, 3};
            std::vector<int> others;
            for (int k = 0; k < players; ++k)
                if (k != i && k != j) others.push_back(k);
            do {
                size_t before = 0;
                for (const int seat : order) {
                    if (seat == 3) break;
                    before |= size_t{1} << others[seat];
                }
                const size_t a = size_t{1} << i, b = size_t{1} << j;
                sum += table[before | a | b] - table[before | a] - table[before | b] + table[before];
                ++orders;
            } while (std::ranges::next_permutation(order).found);
            EXPECT_NEAR(all.interactions[i * players + j], sum / orders / 2, 1e-12);
            EXPECT_EQ(all.interactions[i * players + j], all.interactions[j * players + i]);
        }
    for (int64_t i = 0; i < players; ++i) {
        double row = 0;
        for (int64_t j = 0; j < players; ++j) row += all.interactions[i * players + j];
        EXPECT_NEAR(row, all.values[i], 1e-12);
    }
}

TEST(Banzhaf, IsTheMeanOverAllCoalitions) {
    const int64_t players = 6;
    const std::vector<double> table = random_table(players, 6);
    const Estimate all = found(table_game(players, table), Banzhaf{});
    for (int64_t i = 0; i < players; ++i) {
        double sum = 0;
        for (size_t code = 0; code < table.size(); ++code)
            if (!(code >> i & 1)) sum += table[code | size_t{1} << i] - table[code];
        EXPECT_NEAR(all.values[i], sum / 32, 1e-12);
    }
    EXPECT_FALSE(all.no_sum_because.empty());
}

// The axioms that Shapley values are defined by; each estimator keeps them exactly.
TEST(Axioms, EfficiencyOnAnyGame) {
    for (const ShapMethod& method : shapley_estimators())
        for (const int64_t players : {1, 2, 3, 9, 13}) {
            const FormulaGame game = random_game(players, 7);
            const Estimate e = found(game, method);
            EXPECT_NEAR(sum_of(e.values), e.everyone - e.nobody, 1e-9)
                << name(method) << " " << players;
            EXPECT_EQ(e.coalitions, game.asked) << name(method);
        }
}

TEST(Axioms, SymmetryDummyAndLinearity) {
    const int64_t players = 8;
    std::vector<double> a = random_table(players, 8), b = random_table(players, 9), both;
    for (size_t code = 0; code < a.size(); ++code) {
        const size_t without = code & ~size_t{1};  // player 0 does nothing
        // Players 1 and 2 are alike.
        const size_t swapped = (without & ~size_t{6}) | (without & 2) << 1 | (without & 4) >> 1;
        a[code] = a[std::min(without, swapped)];
        b[code] = b[std::min(without, swapped)];
        both.push_back(2 * a[code] - 3 * b[code]);
    }
    for (const ShapMethod& method :
         {ShapMethod(ExactShap{}), ShapMethod(KernelShap{}), ShapMethod(ShapInteractions{}),
          ShapMethod(Banzhaf{})}) {
        const Estimate of_a = found(table_game(players, a), method),
                       of_b = found(table_game(players, b), method),
                       of_both = found(table_game(players, both), method);
        EXPECT_NEAR(of_a.values[0], 0, 1e-10);
        EXPECT_NEAR(of_a.values[1], of_a.values[2], 1e-10);
        for (int64_t j = 0; j < players; ++j)
            EXPECT_NEAR(of_both.values[j], 2 * of_a.values[j] - 3 * of_b.values[j], 1e-9);
    }
}

// Where no more than two players interact at a time, pairs and antithetic orders are exact.
TEST(Paired, IsExactForPairsOfPlayers) {
    const int64_t players = 40;
    std::vector<double> own(players), pair(players * players);
    Rng rng(1, 2, 3);
    for (double& w : own) w = rng.normal();
    for (double& w : pair) w = rng.normal();
    const FormulaGame game(players, [&](Coalition c) {
        double sum = 0;
        for (int64_t i = 0; i < players; ++i) {
            sum += c[i] ? own[i] : 0;
            for (int64_t j = 0; j < i; ++j) sum += c[i] && c[j] ? pair[i * players + j] : 0;
        }
        return sum;
    });
    std::vector<double> truth = own;
    for (int64_t i = 0; i < players; ++i)
        for (int64_t j = 0; j < i; ++j) {
            truth[i] += pair[i * players + j] / 2;
            truth[j] += pair[i * players + j] / 2;
        }
    for (const ShapMethod& method :
         {ShapMethod(KernelShap{.budget = {.coalitions = 200}}),
          ShapMethod(PermutationShap{.budget = {.coalitions = 4 * players}})}) {
        const Estimate e = found(game, method);
        expect_near(e.values, truth, 1e-9);
        for (const double error : e.standard_errors) EXPECT_LT(error, 1e-9);
        EXPECT_TRUE(e.converged.value_or(false));
    }
    // The control: plain orders are not.
    const Estimate plain = found(game, SamplingShap{.budget = {.coalitions = 4 * players}});
    double worst = 0;
    for (int64_t i = 0; i < players; ++i)
        worst = std::max(worst, std::abs(plain.values[i] - truth[i]));
    EXPECT_GT(worst, 0.1);
}

// Share of values, over seeds and players, whose error is within 1.96 standard errors.
double coverage(const FormulaGame& game, const ShapMethod& method, const std::vector<double>& truth,
                int seeds, double shrink = 1) {
    double inside = 0, all = 0;
    for (int seed = 0; seed < seeds; ++seed) {
        const Estimate e = found(game, method, static_cast<uint64_t>(seed));
        EXPECT_EQ(e.standard_errors.size(), truth.size());
        for (size_t j = 0; j < truth.size(); ++j) {
            inside += std::abs(e.values[j] - truth[j]) <= 1.96 * shrink * e.standard_errors[j];
            ++all;
        }
    }
    return inside / all;
}

TEST(StandardErrors, CoverTheTruth) {
    const int64_t players = 12;
    for (const FormulaGame& game : {random_game(players, 10), smooth_game(players, 11)}) {
        const std::vector<double> truth = found(game, ExactShap{}).values;
        const Budget budget{.coalitions = 500, .tolerance = 0};
        for (const ShapMethod& method :
             {ShapMethod(KernelShap{.budget = budget}), ShapMethod(PermutationShap{.budget = budget}),
              ShapMethod(SamplingShap{.budget = budget}),
              ShapMethod(ShapInteractions{.budget = {.coalitions = 2500, .tolerance = 0}})}) {
            const double share = coverage(game, method, truth, 100);
            EXPECT_GT(share, 0.905) << name(method);
            EXPECT_LT(share, 0.99) << name(method);
            // The control: half the standard error covers less.
            EXPECT_LT(coverage(game, method, truth, 30, 0.5), 0.85) << name(method);
        }
        const std::vector<double> means =
            found(game, Banzhaf{.budget = {.coalitions = 5000}}).values;
        const double share = coverage(game, Banzhaf{.budget = budget}, means, 200);
        EXPECT_GT(share, 0.91);
        EXPECT_LT(share, 0.985);
    }
}

// Around a proxy standard errors are those of what it leaves, and they still cover.
TEST(StandardErrors, AroundAProxyCoverTheTruth) {
    for (const int64_t coalitions : {150, 900}) {
        const FormulaGame game = smooth_game(11, 20);
        const std::vector<double> truth = found(game, ExactShap{}).values;
        const KernelShap method{.budget = {.coalitions = coalitions, .tolerance = 0}};
        EXPECT_NE(found(game, method).notes[0].find("fit of threes"), std::string::npos);
        const double share = coverage(game, method, truth, 100);
        EXPECT_GT(share, 0.9) << coalitions;
        EXPECT_LT(share, 0.995) << coalitions;
        EXPECT_LT(coverage(game, method, truth, 50, 0.4), 0.85) << coalitions;
    }
}

// Products of four players are what the proxy can learn. The control knows of pairs only.
TEST(Kernel, TheProxyLearnsThrees) {
    constexpr int64_t players = 13;
    const FormulaGame fours(players, [](Coalition c) {
        double sum = 0;
        for (int64_t first = 0; first + 4 <= players; ++first) {
            bool all = true;
            for (int64_t j = first; j < first + 4; ++j) all = all && c[j];
            sum += all ? static_cast<double>(first + 1) : 0;
        }
        return sum;
    });
    const Budget budget{.coalitions = 1200, .tolerance = 0};
    const std::vector<double> truth = found(fours, ExactShap{}).values;
    const auto worst = [&](const ShapMethod& method) {
        const std::vector<double> values = found(fours, method).values;
        double most = 0;
        for (size_t j = 0; j < truth.size(); ++j)
            most = std::max(most, std::abs(values[j] - truth[j]));
        return most;
    };
    EXPECT_LT(worst(KernelShap{.budget = budget}), 0.01 * std::ranges::max(truth));
    EXPECT_GT(worst(PermutationShap{.budget = budget}),
              10 * worst(KernelShap{.budget = budget}));
}

// Few pairs more than players is where residuals are much too small.
TEST(StandardErrors, CoverWithFewPairs) {
    const FormulaGame game = random_game(12, 12);
    const std::vector<double> truth = found(game, ExactShap{}).values;
    EXPECT_GT(coverage(game, KernelShap{.budget = {.coalitions = 60, .tolerance = 0}}, truth, 200),
              0.85);
}

TEST(StandardErrors, OfInteractionsCoverTheTruth) {
    const int64_t players = 9;
    const FormulaGame game = random_game(players, 13);
    const Estimate truth = found(game, ShapInteractions{.budget = {.coalitions = 512}});
    ASSERT_TRUE(truth.exact);
    double inside = 0, all = 0;
    for (uint64_t seed = 0; seed < 100; ++seed) {
        // Less than 512 coalitions, so that not all are asked: four rounds of 90.
        const Estimate e =
            found(game, ShapInteractions{.budget = {.coalitions = 500, .tolerance = 0}}, seed);
        ASSERT_FALSE(e.exact);
        for (size_t k = 0; k < truth.interactions.size(); ++k) {
            inside += std::abs(e.interactions[k] - truth.interactions[k]) <=
                      2.57 * e.interaction_errors[k];  // 5 rounds: Student's 95 %, four degrees
            ++all;
        }
    }
    EXPECT_GT(inside / all, 0.9);
    EXPECT_LT(inside / all, 0.98);
}

TEST(Budget, MoreIsNearer) {
    const int64_t players = 14;
    const FormulaGame game = smooth_game(players, 14);
    const std::vector<double> truth = found(game, ExactShap{}).values;
    const auto error = [&](const ShapMethod& method) {
        double sum = 0;
        for (uint64_t seed = 0; seed < 20; ++seed) {
            const Estimate e = found(game, method, seed);
            for (int64_t j = 0; j < players; ++j) sum += std::pow(e.values[j] - truth[j], 2);
        }
        return std::sqrt(sum);
    };
    const auto with = [](int64_t n) { return Budget{.coalitions = n, .tolerance = 0}; };
    EXPECT_LT(error(KernelShap{.budget = with(3200)}), error(KernelShap{.budget = with(200)}) / 4);
    EXPECT_LT(error(PermutationShap{.budget = with(3200)}),
              error(PermutationShap{.budget = with(200)}) / 3);
    EXPECT_LT(error(KernelShap{.budget = with(3200), .compatible = true, .l1_reg = "none"}),
              error(KernelShap{.budget = with(200), .compatible = true, .l1_reg = "none"}) / 3);
}

TEST(Budget, StopsAtTheTolerance) {
    const FormulaGame game = smooth_game(30, 15);
    for (const bool kernel : {true, false}) {
        const Budget loose{.coalitions = 20000, .tolerance = 0.05};
        const Budget strict{.coalitions = 20000, .tolerance = 1e-9};
        const auto method = [&](const Budget& b) {
            return kernel ? ShapMethod(KernelShap{.budget = b}) : ShapMethod(PermutationShap{.budget = b});
        };
        const Estimate early = found(game, method(loose)), late = found(game, method(strict));
        EXPECT_TRUE(*early.converged);
        EXPECT_LT(early.coalitions, 10000);
        EXPECT_FALSE(*late.converged);
        EXPECT_GT(late.coalitions, 19900);
        EXPECT_LE(late.coalitions, 20002);
        const auto [low, high] = std::ranges::minmax(early.values);
        EXPECT_LE(std::ranges::max(early.standard_errors), 0.05 * (high - low));
    }
}

TEST(Budget, SecondsEndIt) {
    const auto within = [&](int players, const ShapMethod& method, std::chrono::nanoseconds time) {
        const FormulaGame slow(players, [](Coalition c) {
            const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(200);
            while (std::chrono::steady_clock::now() < until) {
            }
            return static_cast<double>(std::ranges::count(c, 1));
        });
        return estimate(slow, method, {.seed = 1, .threads = 1, .deadline = std::chrono::steady_clock::now() + time});
    };
    // Of 20 players the partition is through in 60 ms: it gets more.
    for (const auto& [method, players] :
         {std::pair{ShapMethod(KernelShap{.budget = {.tolerance = 0}}), 20}, std::pair{ShapMethod(PermutationShap{.budget = {.tolerance = 0}}), 20},
          std::pair{ShapMethod(Banzhaf{.budget = {.tolerance = 0}}), 20}, std::pair{ShapMethod(PartitionShap{}), 40}}) {
        const Estimate e = within(players, method, std::chrono::milliseconds(60));
        EXPECT_LT(e.coalitions, 400) << name(method);
        EXPECT_EQ(e.converged, false) << name(method);
        EXPECT_TRUE(std::ranges::any_of(e.notes, [](const std::string& note) {
            return note.find("stopped early") != std::string::npos;
        })) << name(method);
        EXPECT_NEAR(sum_of(e.values), players, 8) << name(method);
    }
    EXPECT_THROW((void)within(20, KernelShap{}, std::chrono::nanoseconds(1)), OutOfReach);
}

TEST(Hierarchy, GroupsAreJoinedUnderOneRoot) {
    using Merge = std::array<int32_t, 2>;
    const std::vector<Hierarchy> trees = {balanced_hierarchy(3), balanced_hierarchy(1), balanced_hierarchy(2)};
    const std::vector<int64_t> players = {3, 1, 2};
    const Hierarchy all = joined_hierarchy(trees, players);
    check(all, 6);
    EXPECT_EQ(all.merges, (std::vector<Merge>{{0, 1}, {6, 2}, {7, 3}, {4, 5}, {8, 9}}));
    const std::vector<uint8_t> gaps(6, 0);
    EXPECT_EQ(gap_hierarchy(gaps).merges, balanced_hierarchy(7).merges);
    std::vector<uint8_t> growing(255);
    std::iota(growing.begin(), growing.end(), uint8_t{0});
    check(gap_hierarchy(growing), 256);
}

// A game that can be asked no more in the middle: what was asked until then is the whole estimate.
TEST(Budget, WhatWasAskedBeforeAFailureIsKept) {
    const auto broken = [](const ShapMethod& method, int64_t enough) {
        FormulaGame game = smooth_game(12, 3);
        game.enough = enough;
        return found(game, method);
    };
    const FormulaGame whole = smooth_game(12, 3);
    const Budget all{.coalitions = 2000, .tolerance = 0};
    const auto same = [&](const Estimate& early, const Estimate& small) {
        EXPECT_EQ(early.values, small.values);
        EXPECT_EQ(early.standard_errors, small.standard_errors);
        EXPECT_EQ(early.converged, false);
        EXPECT_NE(early.notes.back().find("gone"), std::string::npos) << early.notes.back();
        EXPECT_TRUE(small.notes.empty() || small.notes.back().find("gone") == std::string::npos);
    };
    // 10 orders of 22 coalitions, both ends, and a part of an order.
    same(broken(PermutationShap{.budget = all}, 2 + 220 + 13),
         found(whole, PermutationShap{.budget = {.coalitions = 220, .tolerance = 0}}));
    same(broken(SamplingShap{.budget = all}, 2 + 110 + 5),
         found(whole, SamplingShap{.budget = {.coalitions = 110, .tolerance = 0}}));
    same(broken(Banzhaf{.budget = all}, 2 + 301), found(whole, Banzhaf{.budget = {.coalitions = 300, .tolerance = 0}}));
    same(broken(ShapInteractions{.budget = {.coalitions = 3000, .tolerance = 0}}, 2 + 3 * 144 + 7),
         found(whole, ShapInteractions{.budget = {.coalitions = 3 * 144, .tolerance = 0}}));
    const Estimate kernel = broken(KernelShap{.budget = all}, 2 + 501);
    EXPECT_EQ(kernel.converged, false);
    EXPECT_EQ(kernel.coalitions, 503);
    EXPECT_NEAR(sum_of(kernel.values), kernel.everyone - kernel.nobody, 1e-9);
    const Estimate owen = broken(PartitionShap{}, 2 + 31);
    EXPECT_FALSE(owen.exact);
    EXPECT_NEAR(sum_of(owen.values), owen.everyone - owen.nobody, 1e-9);
    // Without a first estimate there is none to keep.
    for (const ShapMethod& method :
         {ShapMethod(ExactShap{}), ShapMethod(KernelShap{}), ShapMethod(PermutationShap{}), ShapMethod(SamplingShap{}),
          ShapMethod(ShapInteractions{.budget = {.coalitions = 600}}), ShapMethod(LinearShap{}),
          ShapMethod(KernelShap{.compatible = true})})
        EXPECT_THROW((void)broken(method, 3), OutOfReach) << name(method);
    EXPECT_THROW((void)broken(PartitionShap{}, 1), OutOfReach);
}

TEST(Budget, EarlyEstimatesAreTold) {
    const FormulaGame game = smooth_game(12, 3);
    for (const ShapMethod& method : {ShapMethod(KernelShap{}), ShapMethod(PermutationShap{}), ShapMethod(SamplingShap{}),
                                     ShapMethod(Banzhaf{.budget = {.coalitions = 500}}),
                                     ShapMethod(PartitionShap{.budget = {.coalitions = 500}}),
                                     ShapMethod(ShapInteractions{.budget = {.coalitions = 600}})}) {
        std::vector<EarlyEstimate> told;
        const ::whence::Run run{.seed = 1, .early = [&](const EarlyEstimate& early) { told.push_back(early); }};
        const Estimate e = estimate(game, method, run);
        ASSERT_FALSE(told.empty()) << name(method);
        EXPECT_EQ(told.back().value, e.values.at(told.back().feature)) << "the last one is the result";
        for (const double value : e.values) EXPECT_LE(std::abs(value), std::abs(told.back().value));
    }
}

TEST(Budget, RefusesNonsense) {
    const FormulaGame game = random_game(4, 1);
    for (const Budget& budget : {Budget{.coalitions = -1}, Budget{.tolerance = -1},
                                 Budget{.tolerance = std::nan("")}, Budget{.coalitions = 1}})
        for (const ShapMethod& method :
             {ShapMethod(KernelShap{.budget = budget}), ShapMethod(PermutationShap{.budget = budget})})
            EXPECT_THROW((void)found(game, method), Error);
    EXPECT_THROW((void)found(game, KernelShap{.compatible = true, .l1_reg = "most"}), Error);
    EXPECT_THROW((void)found(random_game(1, 1), LinearShap{.tolerance = 0}), Error);
}

// Fewer pairs than players: least length, and it says so.
TEST(Kernel, SaysWhenThePairsAreTooFew) {
    const FormulaGame game = smooth_game(50, 16);
    const Estimate e = found(game, KernelShap{.budget = {.coalitions = 40}});
    EXPECT_TRUE(e.standard_errors.empty());
    EXPECT_NEAR(sum_of(e.values), e.everyone - e.nobody, 1e-9);
    EXPECT_NE(e.notes[0].find("do not determine"), std::string::npos);
}

TEST(Kernel, ManyPlayers) {
    const int64_t players = 300;
    const FormulaGame game(players, [](Coalition c) {
        double sum = 0;
        for (size_t j = 0; j < c.size(); ++j) sum += c[j] ? static_cast<double>(j) : 0;
        return sum;
    });
    const Estimate e = found(game, KernelShap{});
    for (int64_t j = 0; j < players; ++j) EXPECT_NEAR(e.values[j], static_cast<double>(j), 1e-7);
    EXPECT_THROW((void)found(FormulaGame(5000, [](Coalition) { return 0.0; }), KernelShap{}), Error);
}

TEST(Edges, ConstantGamesAndFewPlayers) {
    for (ShapMethod method : {ShapMethod(ExactShap{}), ShapMethod(KernelShap{}),
                              ShapMethod(KernelShap{.compatible = true}), ShapMethod(PermutationShap{}),
                              ShapMethod(SamplingShap{}), ShapMethod(PartitionShap{}),
                              ShapMethod(LinearShap{}), ShapMethod(ShapInteractions{}),
                              ShapMethod(Banzhaf{})})
        for (const int64_t players : {0, 1, 2, 3, 20}) {
            if (players == 20 && std::holds_alternative<ExactShap>(method)) continue;
            const Estimate e = found(FormulaGame(players, [](Coalition) { return 0.3; }), method);
            EXPECT_EQ(e.values, std::vector<double>(players, 0.0)) << name(method) << players;
            EXPECT_EQ(e.nobody, 0.3);
            EXPECT_EQ(e.everyone, 0.3);
        }
    EXPECT_THROW((void)found(FormulaGame(17, [](Coalition) { return 0.3; }), ExactShap{}), Error);
}

TEST(Edges, AGameThatThrowsOrReturnsNoNumber) {
    const FormulaGame throws(6, [](Coalition c) -> double {
        if (c[0] && c[1]) throw Error(ErrorKind::model, "broken");
        return 0;
    });
    const FormulaGame nan(6, [](Coalition c) { return c[0] && !c[5] ? std::nan("") : 1; });
    for (const ShapMethod& method : shapley_estimators()) {
        EXPECT_THROW((void)found(throws, method), Error) << name(method);
        EXPECT_THROW((void)found(nan, method), Error) << name(method);
    }
}

TEST(Edges, TheDeadlineIsKept) {
    whence::Run run;
    run.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
    for (const ShapMethod& method : shapley_estimators())
        EXPECT_THROW((void)estimate(random_game(6, 1), method, run), Error) << name(method);
}

TEST(Seeds, DecideEverything) {
    const FormulaGame game = smooth_game(24, 17);
    for (const ShapMethod& method :
         {ShapMethod(KernelShap{}), ShapMethod(KernelShap{.compatible = true}),
          ShapMethod(PermutationShap{}), ShapMethod(SamplingShap{}), ShapMethod(Banzhaf{})}) {
        EXPECT_EQ(found(game, method, 5).values, found(game, method, 5).values) << name(method);
        EXPECT_NE(found(game, method, 5).values, found(game, method, 6).values) << name(method);
    }
}

// Owen values of two unions by their definition: orders in which unions stay together.
TEST(Partition, IsTheMeanOverOrdersThatKeepBranchesTogether) {
    const int64_t players = 4;
    const FormulaGame game = random_game(players, 18);
    const Hierarchy tree{{{{0, 2}}, {{1, 3}}, {{4, 5}}}};
    const std::vector<std::vector<int>> unions{{0, 2}, {1, 3}};
    std::vector<double> sums(players);
    for (int first = 0; first < 2; ++first)
        for (int a = 0; a < 2; ++a)
            for (int b = 0; b < 2; ++b) {
                std::vector<int> order;
                for (const int u : {first, 1 - first}) {
                    const int flip = u == 0 ? a : b;
                    order.push_back(unions[u][flip]);
                    order.push_back(unions[u][1 - flip]);
                }
                std::vector<uint8_t> present(players, 0);
                double before = game.values({present.data(), 1, players}, {})[0];
                for (const int j : order) {
                    present[j] = 1;
                    const double after = game.values({present.data(), 1, players}, {})[0];
                    sums[j] += (after - before) / 8;
                    before = after;
                }
            }
    const Estimate e = found(game, PartitionShap{.hierarchy = tree});
    expect_near(e.values, sums, 1e-12);
    EXPECT_TRUE(e.exact);
}

TEST(Partition, AddsUpWhateverTheBudget) {
    const FormulaGame game = smooth_game(32, 19);
    for (const int64_t budget : {1, 2, 10, 100, 5000}) {
        const Estimate e = found(game, PartitionShap{.budget = {.coalitions = budget}});
        EXPECT_NEAR(sum_of(e.values), e.everyone - e.nobody, 1e-9) << budget;
        EXPECT_LE(e.coalitions, budget + 2);
        EXPECT_EQ(e.exact, budget == 5000);
    }
}

TEST(Partition, RefusesWhatIsNoTree) {
    const FormulaGame game = random_game(3, 1);
    for (const Hierarchy& wrong : {Hierarchy{{{{0, 1}}}}, Hierarchy{{{{0, 1}}, {{0, 2}}}},
                                   Hierarchy{{{{0, 4}}, {{1, 2}}}}, Hierarchy{{{{0, 1}}, {{-1, 2}}}}})
        EXPECT_THROW((void)found(game, PartitionShap{.hierarchy = wrong}), Error);
}

TEST(Linear, FindsASumAndRefusesTheRest) {
    const FormulaGame sum(5, [](Coalition c) { return 1 + 2.0 * c[0] - c[1] + 0.5 * c[4]; });
    const Estimate e = found(sum, LinearShap{});
    expect_near(e.values, {2, -1, 0, 0, 0.5}, 1e-12);
    EXPECT_EQ(e.coalitions, 5 + 33 + 2);
    const FormulaGame product(5, [](Coalition c) { return 1 + 2.0 * c[0] + 0.1 * c[1] * c[2]; });
    EXPECT_THROW((void)found(product, LinearShap{}), Error);
}

}  // namespace
}  // namespace whence
