#include "whence/shapley/kernel.h"

#include <fmt/format.h>

#include <Eigen/Cholesky>
#include <Eigen/QR>
#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>

#include "whence/core/error.h"
#include "whence/core/vector_clones.h"
#include "whence/shapley/pairs.h"
#include "whence/shapley/proxy.h"
#include "whence/shapley/questions.h"

namespace whence {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;
using shapley::Plan;
using shapley::Questions;
using shapley::Stratum;

// Pairs whose scores are multiplied at once.
constexpr int64_t block_pairs = 256;

// Bits that two rows of words do not share.
WHENCE_VECTOR_CLONES
int64_t differing(const uint64_t* a, const uint64_t* b, int64_t words) {
    int64_t apart = 0;
    for (int64_t w = 0; w < words; ++w) apart += std::popcount(a[w] ^ b[w]);
    return apart;
}

// A pair S and its complement says one thing of phi: with z_i = 1/2 for i in S and -1/2 else,
// z . phi should be d = (v(S) - v(complement)) / 2; what the two have in common drops out. So least
// squares over coalitions is least squares over pairs, of half the size and without an intercept.
//
// With sum phi = T: phi = T / M + u for u orthogonal to the ones, and u solves
// (P A P + c 1 1^T) u = P (b - A 1 T / M), P the projection, c > 0 any number: its right side being
// orthogonal to the ones, so is u.
class Fit {
  public:
    Fit(const Plan& plan, int64_t pairs, int64_t players)
        : plan_(plan),
          pairs_(pairs),
          players_(players),
          drawn_(plan.strata.size()),
          weight_(plan.strata.size()) {
        for (int64_t p = 0; p < pairs_; ++p) ++drawn_[plan_.stratum[p]];
        for (size_t s = 0; s < drawn_.size(); ++s) weight_[s] = weight_of(plan_.strata[s], s);
    }

    // Of each pair.
    [[nodiscard]] std::vector<double> weights() const {
        std::vector<double> out;
        for (int64_t p = 0; p < pairs_; ++p) out.push_back(weight_[plan_.stratum[p]]);
        return out;
    }

    // Values with sum `total` that fit the d of the pairs. False where the pairs do not determine
    // them: then those nearest to equal shares.
    bool solve(const std::vector<double>& d, double total, std::vector<double>& values) {
        MatrixXd a = gram();
        const double share = total / static_cast<double>(players_);
        VectorXd b = cross(d) - share * a.rowwise().sum();
        b.array() -= b.mean();
        const VectorXd means = a.rowwise().mean();
        const double mean = means.mean();
        a.rowwise() -= means.transpose();
        a.colwise() -= means;
        a.array() += mean;
        const double scale = a.trace() / static_cast<double>(players_);
        a.array() += scale / static_cast<double>(players_);
        factor_.compute(a);
        const bool settled = pairs_ >= players_ - 1 && factor_.info() == Eigen::Success &&
                             factor_.rcond() > 1e-13;
        const VectorXd u = settled ? VectorXd(factor_.solve(b))
                                   : VectorXd(a.completeOrthogonalDecomposition().solve(b));
        values.resize(players_);
        for (int64_t j = 0; j < players_; ++j) values[j] = share + u[j] - u.mean();
        return settled;
    }

    [[nodiscard]] bool exact() const {
        for (size_t s = 0; s < drawn_.size(); ++s)
            if (static_cast<double>(drawn_[s]) < plan_.strata[s].pairs) return false;
        return true;
    }

    // After solve, where that was settled: `values` were fitted to `d`, and `left_out` holds the
    // residuals of the first pairs as another fit, made without each, leaves them.
    [[nodiscard]] std::vector<double> standard_errors(const std::vector<double>& d,
                                                      const std::vector<double>& values,
                                                      const std::vector<double>& left_out) const {
        if (pairs_ <= players_ - 1 && !exact()) return {};
        MatrixXd sums = MatrixXd::Zero(players_, static_cast<Eigen::Index>(drawn_.size()));
        MatrixXd squares = sums;
        std::vector<int64_t> sampled;
        for (int64_t p = 0; p < pairs_; ++p)
            if (missing(plan_.stratum[p]) > 0) sampled.push_back(p);
        const Eigen::Map<const VectorXd> phi(values.data(), players_);
        for (size_t first = 0; first < sampled.size(); first += block_pairs) {
            const size_t count = std::min<size_t>(block_pairs, sampled.size() - first);
            MatrixXd z(players_, static_cast<Eigen::Index>(count));
            for (size_t i = 0; i < count; ++i)
                signs(sampled[first + i], z.col(static_cast<Eigen::Index>(i)));
            const VectorXd fitted = z.transpose() * phi;
            z.rowwise() -= z.colwise().mean().eval();
            const MatrixXd scores = factor_.solve(z);
            for (size_t i = 0; i < count; ++i) {
                const int64_t p = sampled[first + i];
                const int32_t s = plan_.stratum[p];
                const auto c = static_cast<Eigen::Index>(i);
                const double leverage = weight_[s] * scores.col(c).dot(z.col(c));
                const double residual =
                    p < static_cast<int64_t>(left_out.size())
                        ? left_out[p]
                        : (d[p] - fitted[c]) / std::max(1e-3, 1 - leverage);
                sums.col(s) += weight_[s] * residual * scores.col(c);
                squares.col(s) += std::pow(weight_[s] * residual, 2) * scores.col(c).cwiseAbs2();
            }
        }
        return roots(sums, squares);
    }

  private:
    // Of each drawn pair: w(size) times all pairs over those drawn. w up to a factor, which drops
    // out: C(M, s) w(s) is (M - 1) / (s (M - s)), and the middle size has its subsets twice.
    [[nodiscard]] double weight_of(const Stratum& stratum, size_t s) const {
        if (drawn_[s] == 0) return 0;
        const auto size = static_cast<double>(stratum.size);
        const auto all = static_cast<double>(players_);
        const double middle = 2 * stratum.size == players_ ? 0.5 : 1;
        return middle * all * all / (size * (all - size)) / static_cast<double>(drawn_[s]);
    }

    [[nodiscard]] double missing(size_t s) const {
        return 1 - static_cast<double>(drawn_[s]) / plan_.strata[s].pairs;
    }

    template <class Column>
    void signs(int64_t pair, Column&& z) const {
        for (int64_t j = 0; j < players_; ++j) z[j] = plan_.has(pair, j) ? 0.5 : -0.5;
    }

    // Bit p of word w of a player: whether pair 64 w + p of the stratum has it in the first half.
    [[nodiscard]] std::vector<uint64_t> planes(size_t s, int64_t words) const {
        std::vector<uint64_t> out(players_ * words, 0);
        int64_t at = 0;
        for (int64_t p = 0; p < pairs_; ++p) {
            if (plan_.stratum[p] != static_cast<int32_t>(s)) continue;
            for (int64_t j = 0; j < players_; ++j)
                out[j * words + at / 64] |= uint64_t{plan_.has(p, j)} << (at % 64);
            ++at;
        }
        return out;
    }

    // Sum of c z z^T, 64 pairs at a time: z_i z_j is 1/4 where i and j are on one side, else -1/4.
    [[nodiscard]] MatrixXd gram() const {
        MatrixXd a = MatrixXd::Zero(players_, players_);
        for (size_t s = 0; s < drawn_.size(); ++s) {
            if (drawn_[s] == 0) continue;
            const int64_t words = (drawn_[s] + 63) / 64;
            const std::vector<uint64_t> bits = planes(s, words);
            for (int64_t i = 0; i < players_; ++i)
                for (int64_t j = 0; j <= i; ++j) {
                    const int64_t apart = differing(bits.data() + i * words, bits.data() + j * words, words);
                    a(j, i) += weight_[s] * (0.25 * static_cast<double>(drawn_[s]) -
                                             0.5 * static_cast<double>(apart));
                }
        }
        a.triangularView<Eigen::StrictlyLower>() = a.transpose();
        return a;
    }

    [[nodiscard]] VectorXd cross(const std::vector<double>& d) const {
        VectorXd b = VectorXd::Zero(players_), z(players_);
        for (int64_t p = 0; p < pairs_; ++p) {
            signs(p, z);
            b += weight_[plan_.stratum[p]] * d[p] * z;
        }
        return b;
    }

    // Stratum by stratum: share that was not drawn, times n / (n - 1), times the sum of squares
    // about their mean; of a single pair about 0, for its mean is not known.
    [[nodiscard]] std::vector<double> roots(const MatrixXd& sums, const MatrixXd& squares) const {
        std::vector<double> out(players_);
        for (size_t s = 0; s < drawn_.size(); ++s) {
            if (drawn_[s] == 0 || missing(s) == 0) continue;
            const auto n = static_cast<double>(drawn_[s]);
            const auto c = static_cast<Eigen::Index>(s);
            for (int64_t j = 0; j < players_; ++j) {
                const double about = drawn_[s] == 1 ? squares(j, c)
                                                    : (squares(j, c) - sums(j, c) * sums(j, c) / n) *
                                                          n / (n - 1);
                out[j] += missing(s) * std::max(0.0, about);
            }
        }
        for (double& value : out) value = std::sqrt(value);
        return out;
    }

    const Plan& plan_;
    int64_t pairs_, players_;
    std::vector<int64_t> drawn_;
    std::vector<double> weight_;
    Eigen::LLT<MatrixXd> factor_;
};

// d of the next pairs, up to number `until` or as far as the time allows.
void ask_pairs(Questions& questions, const Plan& plan, int64_t until,
               std::vector<double>& differences) {
    const auto done = static_cast<int64_t>(differences.size());
    const std::vector<double> values =
        questions.ask(2 * (until - done), [&](int64_t i, std::span<uint8_t> row) {
            const bool complement = i % 2 == 1;
            for (size_t j = 0; j < row.size(); ++j)
                row[j] = plan.has(done + i / 2, static_cast<int64_t>(j)) != complement;
        });
    for (size_t i = 0; i + 1 < values.size(); i += 2)
        differences.push_back((values[i] - values[i + 1]) / 2);
}

// Fits what the pairs say: of a proxy, where there is one, only what it leaves.
class Fitting {
  public:
    Fitting(const Plan& plan, int64_t players) : plan_(plan), players_(players) {}

    bool fit(const std::vector<double>& differences, Estimate& out) {
        const auto pairs = static_cast<int64_t>(differences.size());
        Fit linear(plan_, pairs, players_);
        if (!linear.exact() && (!proxy_ || proxy_->fitted() < before_))
            proxy_ = shapley::Proxy::fit(plan_, differences, linear.weights(), players_);
        // The first pairs do not change, and of more than a certain number it takes the first.
        before_ = proxy_ && proxy_->fitted() < pairs ? proxy_->fitted() : pairs + 1;
        if (linear.exact()) proxy_.reset();
        std::vector<double> rest = differences, left_out;
        double total = out.everyone - out.nobody;
        if (proxy_) {
            const std::vector<double> said = proxy_->at(plan_, pairs);
            for (int64_t p = 0; p < pairs; ++p) rest[p] -= said[p];
            for (int64_t p = 0; p < proxy_->fitted(); ++p) left_out.push_back(proxy_->left_out(p));
            total -= 2 * proxy_->at_everyone();
        }
        const bool settled = linear.solve(rest, total, out.values);
        out.standard_errors.clear();
        if (settled) out.standard_errors = linear.standard_errors(rest, out.values, left_out);
        if (proxy_)
            for (int64_t j = 0; j < players_; ++j) out.values[j] += proxy_->values()[j];
        out.exact = settled && linear.exact();
        return settled;
    }

    [[nodiscard]] bool with_proxy() const { return proxy_.has_value(); }

  private:
    const Plan& plan_;
    int64_t players_;
    std::optional<shapley::Proxy> proxy_;
    int64_t before_ = 0;
};

void state(const Plan& plan, int64_t pairs, bool settled, bool proxy, Estimate& out) {
    if (out.exact)
        out.notes.push_back(fmt::format("all {} coalitions were asked: exact", 2 * pairs + 2));
    else if (!settled)
        out.notes.push_back(
            fmt::format("{} pairs of coalitions do not determine {} values: these are the nearest "
                        "to equal shares; raise the budget to {} or more",
                        pairs, out.values.size(), 2 * out.values.size()));
    else {
        int64_t whole = 0;
        while (whole < static_cast<int64_t>(plan.strata.size()) && plan.strata[whole].whole())
            ++whole;
        out.notes.push_back(
            fmt::format("{} coalitions{}{}; the values add up by construction: their accuracy stands "
                        "in the standard errors",
                        2 * pairs + 2,
                        whole > 0 ? fmt::format(", all with up to {} players there or missing", whole)
                                  : "",
                        proxy ? ", around a fit of threes of features" : ""));
    }
}

void paired_kernel(Questions& questions, const Budget& budget, Estimate& out) {
    const int64_t players = questions.players();
    const int64_t coalitions =
        budget.coalitions > 0 ? budget.coalitions : 2 * players + 2048;
    const auto most = static_cast<int64_t>(
        std::min(static_cast<double>(coalitions / 2), shapley::all_pairs(players)));
    if (most < 1)
        throw Error(ErrorKind::usage, "a budget of 1 coalition is less than one pair; give 2 or more");
    const Plan plan = shapley::plan_pairs(players, most, questions.run().seed);
    questions.expect(2 * plan.size() + 2);
    std::vector<double> differences;
    Fitting fitting(plan, players);
    // Checked at growing intervals, so that all fits together cost little more than the last one.
    int64_t until = budget.tolerance > 0
                        ? std::min(plan.size(), std::max<int64_t>(128, 2 * players))
                        : plan.size();
    while (true) {
        ask_pairs(questions, plan, until, differences);
        const auto pairs = static_cast<int64_t>(differences.size());
        if (pairs == 0) questions.give_up("the first pair of coalitions");
        const bool settled = fitting.fit(differences, out);
        questions.tell(out);
        if (budget.tolerance > 0)
            out.converged = shapley::within_tolerance(out, budget.tolerance);
        if (pairs == plan.size() || out.converged.value_or(false) || questions.over()) {
            state(plan, pairs, settled, fitting.with_proxy(), out);
            if (!out.exact && !out.converged.value_or(false)) questions.state_early_end(out);
            return;
        }
        until = std::min(plan.size(), until + until / 2);
    }
}

}  // namespace

Estimate estimate(const Game& game, const KernelShap& options, const Run& run) {
    Questions questions(game, options.budget, run);
    const int64_t players = questions.players();
    if (players > KernelShap::most_players)
        throw Error(ErrorKind::limit,
                    fmt::format("kernel-shap solves for all players at once and takes up to {}, not "
                                "{}: group features, or use permutation-shap or partition-shap",
                                KernelShap::most_players, players));
    Estimate out;
    questions.ask_ends(out);
    if (players < 2) {
        out.values.assign(players, out.everyone - out.nobody);
        out.standard_errors.assign(players, 0.0);
        out.exact = true;
    } else if (options.compatible) {
        shapley::compatible_kernel(questions, options, out);
    } else {
        paired_kernel(questions, options.budget, out);
    }
    out.coalitions = questions.asked();
    return out;
}

}  // namespace whence
