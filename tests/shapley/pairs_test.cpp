#include "whence/shapley/pairs.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <set>

namespace whence::shapley {
namespace {

std::vector<uint64_t> row_of(const Plan& plan, int64_t pair) {
    return {plan.row(pair), plan.row(pair + 1)};
}

int64_t size_of(const Plan& plan, int64_t pair) {
    int64_t size = 0;
    for (const uint64_t word : row_of(plan, pair)) size += std::popcount(word);
    return size;
}

TEST(Pairs, AllOfThemOnce) {
    for (const int64_t players : {2, 3, 4, 7, 10}) {
        const auto all = static_cast<int64_t>(all_pairs(players));
        const Plan plan = plan_pairs(players, all, 1);
        ASSERT_EQ(plan.size(), all);
        std::set<uint64_t> seen;
        const uint64_t everyone = (uint64_t{1} << players) - 1;
        for (int64_t p = 0; p < all; ++p) {
            seen.insert(plan.row(p)[0]);
            seen.insert(everyone ^ plan.row(p)[0]);
        }
        EXPECT_EQ(static_cast<int64_t>(seen.size()), 2 * all) << players;
    }
}

// No coalition twice, not even as another's complement; sizes where they belong; the numbers asked.
TEST(Pairs, WithoutReplacementAtAnyBudget) {
    for (const int64_t players : {4, 5, 12, 64, 65, 130})
        for (const int64_t budget : {1, 5, 7, 40, 1000}) {
            if (static_cast<double>(budget) > all_pairs(players)) continue;
            const Plan plan = plan_pairs(players, budget, 2);
            EXPECT_EQ(plan.size(), budget) << players;
            std::set<std::vector<uint64_t>> seen;
            std::vector<int64_t> counts(plan.strata.size());
            for (int64_t p = 0; p < plan.size(); ++p) {
                const Stratum& stratum = plan.strata[plan.stratum[p]];
                const int64_t size = size_of(plan, p);
                EXPECT_TRUE(size == stratum.size);
                EXPECT_TRUE(2 * size < players || (2 * size == players && plan.has(p, 0)));
                EXPECT_TRUE(seen.insert(row_of(plan, p)).second);
                ++counts[plan.stratum[p]];
            }
            for (size_t s = 0; s < counts.size(); ++s) {
                EXPECT_EQ(counts[s], plan.strata[s].planned);
                EXPECT_LE(static_cast<double>(counts[s]), plan.strata[s].pairs);
            }
        }
}

TEST(Pairs, EveryPrefixHasItsShareOfEachSize) {
    const Plan plan = plan_pairs(20, 600, 3);
    std::vector<int64_t> counts(plan.strata.size());
    for (int64_t p = 0; p < plan.size(); ++p) {
        ++counts[plan.stratum[p]];
        for (size_t s = 0; s < counts.size(); ++s)
            EXPECT_NEAR(static_cast<double>(counts[s]),
                        static_cast<double>(plan.strata[s].planned * (p + 1)) / 600, 1.01 + 5);
    }
    EXPECT_TRUE(plan.strata[0].whole());
}

// Each subset of a size is as likely as any other: counts of single players over many draws.
TEST(Pairs, SubsetsAreUniform) {
    const int64_t players = 9;
    std::vector<double> counts(players);
    double draws = 0;
    for (uint64_t seed = 0; seed < 400; ++seed) {
        const Plan plan = plan_pairs(players, 40, seed);
        for (int64_t p = 0; p < plan.size(); ++p) {
            if (plan.strata[plan.stratum[p]].size != 3) continue;
            ++draws;
            for (int64_t j = 0; j < players; ++j) counts[j] += plan.has(p, j);
        }
    }
    ASSERT_GT(draws, 1000);
    for (const double count : counts)
        EXPECT_NEAR(count / draws, 1.0 / 3, 4.5 * std::sqrt(2.0 / 9 / draws));
}

}  // namespace
}  // namespace whence::shapley
