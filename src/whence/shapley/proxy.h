#pragma once
// A guess at the odd part of a game, of which Shapley values are known, so that only what it misses
// has to be estimated from the sample.

#include <Eigen/Core>
#include <optional>
#include <vector>

#include "whence/shapley/pairs.h"

namespace whence::shapley {

/// Of a game's odd part d(S) = (v(S) - v(complement)) / 2, with x_i = 1 for i in S and -1 else:
///     d(S) = sum over i of beta_i x_i / 2 + g(S),
///     g a Gaussian process with the covariance of a polynomial of threes of players with
///     independent coefficients, k(S, S') = e_3(x x') / C(M, 3) = (t^3 - (3 M - 2) t) / 6 / C(M,
///     3), t = x . x',
/// fitted with noise to the first pairs of a plan (kriging with a trend: Rasmussen and Williams
/// 2006, "Gaussian processes for machine learning", section 2.7), the noise chosen by the residuals
/// of leaving one out (ibid., section 5.4.2). Its Shapley values have a closed form: a term of
/// three players belongs to them in equal parts.
///
/// As a control variate it takes no side: see RegressionMSR (Witter, Liu, Musco 2025, "Regression-
/// adjusted Monte Carlo estimators for Shapley values and probabilistic values").
class Proxy {
  public:
    /// Fitted to the first of the plan's pairs, up to 256 of them (384 where there are
    /// fewer than 768 threes of players; 3/2 for each player where that is more). `differences`: d
    /// of the pairs asked so far; `weights`: of the squared residual of each. None where fewer than
    /// 40 pairs, or than 3/2 for each player, were asked, or where it predicts no better than
    /// single players do.
    static std::optional<Proxy> fit(const Plan& plan, const std::vector<double>& differences,
                                    const std::vector<double>& weights, int64_t players);

    /// Pairs it was fitted to.
    [[nodiscard]] int64_t fitted() const { return static_cast<int64_t>(left_out_.size()); }
    /// d of the first pairs of the plan.
    [[nodiscard]] std::vector<double> at(const Plan& plan, int64_t pairs) const;
    [[nodiscard]] double at_everyone() const;
    [[nodiscard]] const std::vector<double>& values() const { return values_; }
    /// Of a pair it was fitted to: d less what a fit without that pair says.
    [[nodiscard]] double left_out(int64_t pair) const { return left_out_[pair]; }

  private:
    int64_t players_ = 0;
    std::vector<uint64_t> bits_;       // of the pairs fitted, [pairs][words]
    Eigen::VectorXd weights_, trend_;  // of the pairs' covariances; beta
    std::vector<double> values_, left_out_;
};

}  // namespace whence::shapley
