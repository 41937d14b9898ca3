#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "whence/anchors/bounds.h"
#include "whence/anchors/lucb.h"
#include "whence/core/rng.h"

namespace whence::anchors {
namespace {

// Arms whose shares are known; every draw of every arm is a numbered coin.
class Coins {
  public:
    Coins(std::vector<double> shares, uint64_t seed) : shares_(std::move(shares)), seed_(seed) {
        tallies.resize(shares_.size());
        std::vector<size_t> all(shares_.size());
        std::iota(all.begin(), all.end(), size_t{0});
        pull(all);
        pulls.clear();
    }
    void pull(std::span<const size_t> arms) {
        for (const size_t arm : arms) {
            pulls.push_back(arm);
            for (int i = 0; i < 20; ++i) {
                Rng rng(seed_, static_cast<uint32_t>(arm), tallies[arm].drawn++);
                tallies[arm].hits += rng.uniform() < shares_[arm];
            }
        }
    }
    [[nodiscard]] std::vector<const Tally*> view() const {
        std::vector<const Tally*> out;
        for (const Tally& tally : tallies) out.push_back(&tally);
        return out;
    }

    std::vector<Tally> tallies;
    std::vector<size_t> pulls;

  private:
    std::vector<double> shares_;
    uint64_t seed_;
};

std::vector<size_t> run(Coins& coins, size_t top, double tolerance, double delta) {
    return best_arms(coins.view(), top, tolerance, delta,
                     [&](std::span<const size_t> arms) { coins.pull(arms); });
}

// KL-LUCB as it is published, two arms in each round.
std::vector<size_t> two_at_a_time(Coins& coins, size_t top, double tolerance, double delta) {
    const size_t n = coins.tallies.size();
    std::vector<size_t> order(n);
    std::iota(order.begin(), order.end(), size_t{0});
    for (int t = 1;; ++t) {
        std::ranges::sort(order);
        std::ranges::stable_sort(order, std::greater{},
                                 [&](size_t a) { return coins.tallies[a].mean(); });
        double beta = std::log(405.5 * static_cast<double>(n) * std::pow(t, 1.1) / delta);
        beta += std::log(beta);
        size_t rival = order[top], weakest = order[0];
        double upper = -1, lower = 2;
        for (size_t place = 0; place < n; ++place) {
            const Tally& tally = coins.tallies[order[place]];
            const double level = beta / static_cast<double>(tally.drawn);
            if (place < top && kl_lower(tally.mean(), level) < lower)
                weakest = order[place], lower = kl_lower(tally.mean(), level);
            if (place >= top && kl_upper(tally.mean(), level) > upper)
                rival = order[place], upper = kl_upper(tally.mean(), level);
        }
        if (upper - lower <= tolerance) break;
        coins.pull(std::vector<size_t>{rival, weakest});
    }
    order.resize(top);
    return order;
}

// Both find arms within the tolerance of the best. Drawing all arms that are not settled in one round
// makes few, large batches, for at most half as many samples again.
TEST(Lucb, ChoosesAsWellAsTheTwoAtATimeTwin) {
    const std::vector<double> shares = {0.9, 0.7, 0.85, 0.2, 0.5, 0.8, 0.75, 0.1};
    size_t fast_pulls = 0, twin_pulls = 0;
    for (const size_t top : {1, 3})
        for (uint64_t seed = 0; seed < 20; ++seed) {
            Coins fast(shares, seed), twin(shares, seed);
            const double worst_allowed = (top == 1 ? 0.9 : 0.8) - 0.1;
            for (const size_t arm : run(fast, top, 0.1, 0.1)) EXPECT_GE(shares[arm], worst_allowed);
            for (const size_t arm : two_at_a_time(twin, top, 0.1, 0.1))
                EXPECT_GE(shares[arm], worst_allowed);
            fast_pulls += fast.pulls.size();
            twin_pulls += twin.pulls.size();
        }
    EXPECT_GT(fast_pulls, 0);
    EXPECT_LT(static_cast<double>(fast_pulls), 1.5 * static_cast<double>(twin_pulls));
}

// When it stops, no bound of an arm left out is more than the tolerance above one that was chosen.
TEST(Lucb, StopsOnlyWhereTheBoundsAreSettled) {
    Coins coins({0.9, 0.7, 0.85, 0.2, 0.5, 0.8}, 3);
    const size_t best = run(coins, 1, 0.1, 0.1)[0];
    // The rate of round 1 is the least there is.
    double beta = std::log(405.5 * 6 / 0.1);
    beta += std::log(beta);
    const auto level = [&](size_t arm) {
        return beta / static_cast<double>(coins.tallies[arm].drawn);
    };
    const double lower = kl_lower(coins.tallies[best].mean(), level(best));
    for (size_t arm = 0; arm < 6; ++arm)
        if (arm != best) {
            EXPECT_LE(kl_upper(coins.tallies[arm].mean(), level(arm)), lower + 0.1);
        }
}

// 200 searches may be wrong 20 times; KL-LUCB is far better than its guarantee.
TEST(Lucb, FindsTheBestArm) {
    int wrong = 0, wrong_at_once = 0;
    for (uint64_t seed = 0; seed < 200; ++seed) {
        Coins coins({0.6, 0.65, 0.9, 0.75, 0.6, 0.6}, seed);
        const auto best = std::ranges::max_element(coins.tallies, {},
                                                   [](const Tally& tally) { return tally.mean(); });
        wrong_at_once += best - coins.tallies.begin() != 2;
        wrong += run(coins, 1, 0.1, 0.1) != std::vector<size_t>{2};
    }
    EXPECT_LE(wrong, 20);
    EXPECT_GT(wrong_at_once, 20);  // the first samples alone would not do
}

TEST(Lucb, FindsTheBestThree) {
    Coins coins({0.1, 0.95, 0.3, 0.8, 0.2, 0.88}, 5);
    EXPECT_EQ(run(coins, 3, 0.05, 0.05), (std::vector<size_t>{1, 5, 3}));
}

TEST(Lucb, DrawsNothingWhereThereIsNothingToChoose) {
    Coins coins({0.3, 0.4}, 1);
    EXPECT_EQ(run(coins, 2, 0.1, 0.1).size(), 2);
    EXPECT_EQ(run(coins, 5, 0.1, 0.1).size(), 2);
    EXPECT_TRUE(coins.pulls.empty());
}

TEST(Lucb, EqualArmsGoToTheEarlierOne) {
    Coins coins({1, 1, 1}, 1);
    EXPECT_EQ(run(coins, 1, 0.2, 0.1), (std::vector<size_t>{0}));
}

}  // namespace
}  // namespace whence::anchors
