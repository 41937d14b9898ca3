#pragma once
// Which of several unknown shares are the largest, with few samples (KL-LUCB).

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace whence::anchors {

/// Successes of one arm.
struct Tally {
    int64_t drawn = 0, hits = 0;
    [[nodiscard]] double mean() const {
        return drawn == 0 ? 0 : static_cast<double>(hits) / static_cast<double>(drawn);
    }
};

/// Draws more samples for each of these arms (their positions) and updates their tallies.
using Pull = std::function<void(std::span<const size_t> arms)>;

/// Positions of the `top` arms with the largest shares, the largest first: with probability at
/// least 1 - delta none of them is more than `tolerance` below one that was left out. Bounds and
/// stopping are those of KL-LUCB (Kaufmann and Kalyanakrishnan 2013), with exploration rate beta =
/// b + ln b, b = ln(405.5 n t^1.1 / delta), as in Ribeiro, Singh, Guestrin 2018. Where theirs draws
/// the two arms that matter most in a round t, this one draws all that are not settled, so that a
/// model is asked in few large batches; the guarantee rests on the bounds and not on who is drawn.
/// Each arm must have been drawn; equal shares go to the earlier arm. All arms are returned where
/// there are not more than `top`. tolerance > 0.
[[nodiscard]] std::vector<size_t> best_arms(std::span<const Tally* const> arms, size_t top,
                                            double tolerance, double delta, const Pull& pull);

}  // namespace whence::anchors
