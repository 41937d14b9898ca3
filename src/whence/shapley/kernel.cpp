#include "whence/shapley/kernel.h"

#include <fmt/format.h>

#include <Eigen/Cholesky>
#include <Eigen/QR>
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "whence/core/error.h"
#include "whence/shapley/pairs.h"
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

// A pair S and its complement says one thing of phi: with z_i = 1/2 for i in S and -1/2 else,
// z . phi should be d = (v(S) - v(complement)) / 2; what the two have in common drops out. So least
// squares over coalitions is least squares over pairs, of half the size and without an intercept.
//
// A cubic fit also has a coefficient for each three players, on the product of their signs: the odd
// part of every effect of up to four. It is the same sum of terms +-1/2 with the same total, only of
// more terms. What a triple has belongs to its three players in equal parts: these are the Shapley
// values of the fit, and the fit's are those of the game where all coalitions are asked, for the
// players' terms alone are a projection of both (arXiv 2601.18608, "PolySHAP"; arXiv 2602.01399,
// "OddSHAP").
//
// With n terms, sum theta = T: theta = T / n + u for u orthogonal to the ones, and u solves
// (P A P + c 1 1^T) u = P (b - A 1 T / n), P the projection, c > 0 any number: its right side being
// orthogonal to the ones, so is u.
enum class Order { linear, cubic };

int64_t terms_of(Order order, int64_t players) {
    return order == Order::linear ? players
                                  : players + players * (players - 1) * (players - 2) / 6;
}

class Fit {
  public:
    Fit(const Plan& plan, const std::vector<double>& differences, int64_t players, Order order)
        : plan_(plan),
          d_(differences),
          pairs_(static_cast<int64_t>(differences.size())),
          players_(players),
          terms_(terms_of(order, players)),
          drawn_(plan.strata.size()),
          weight_(plan.strata.size()) {
        for (int64_t p = 0; p < pairs_; ++p) ++drawn_[plan_.stratum[p]];
        for (size_t s = 0; s < drawn_.size(); ++s) weight_[s] = weight_of(plan_.strata[s], s);
        if (order == Order::linear) return;
        for (int32_t i = 2; i < players_; ++i)
            for (int32_t j = 1; j < i; ++j)
                for (int32_t k = 0; k < j; ++k) triples_.push_back({i, j, k});
    }

    // Values whose sum is `total`. False where the pairs do not determine them: then those nearest
    // to equal shares.
    bool solve(double total, std::vector<double>& values) {
        MatrixXd a = gram();
        const double share = total / static_cast<double>(terms_);
        VectorXd b = cross() - share * a.rowwise().sum();
        b.array() -= b.mean();
        const VectorXd means = a.rowwise().mean();
        const double mean = means.mean();
        a.rowwise() -= means.transpose();
        a.colwise() -= means;
        a.array() += mean;
        const double scale = a.trace() / static_cast<double>(terms_);
        a.array() += scale / static_cast<double>(terms_);
        factor_.compute(a);
        const bool settled = pairs_ >= terms_ - 1 && factor_.info() == Eigen::Success &&
                             factor_.rcond() > 1e-13;
        coefficients_ = settled ? VectorXd(factor_.solve(b))
                                : VectorXd(a.completeOrthogonalDecomposition().solve(b));
        coefficients_.array() += share - coefficients_.mean();
        const MatrixXd of_players = shared_out(coefficients_);
        values.assign(of_players.data(), of_players.data() + players_);
        return settled;
    }

    [[nodiscard]] bool exact() const {
        for (size_t s = 0; s < drawn_.size(); ++s)
            if (static_cast<double>(drawn_[s]) < plan_.strata[s].pairs) return false;
        return true;
    }

    // After solve, where that was settled.
    [[nodiscard]] std::vector<double> standard_errors() const {
        if (pairs_ <= terms_ - 1 && !exact()) return {};
        MatrixXd sums = MatrixXd::Zero(players_, static_cast<Eigen::Index>(drawn_.size()));
        MatrixXd squares = sums;
        std::vector<int64_t> sampled;
        for (int64_t p = 0; p < pairs_; ++p)
            if (missing(plan_.stratum[p]) > 0) sampled.push_back(p);
        for (size_t first = 0; first < sampled.size(); first += block_pairs) {
            const size_t count = std::min<size_t>(block_pairs, sampled.size() - first);
            MatrixXd z(terms_, static_cast<Eigen::Index>(count));
            for (size_t i = 0; i < count; ++i)
                signs(sampled[first + i], z.col(static_cast<Eigen::Index>(i)));
            const VectorXd fitted = z.transpose() * coefficients_;
            z.rowwise() -= z.colwise().mean().eval();
            const MatrixXd scores = factor_.solve(z);
            const MatrixXd of_players = shared_out(scores);
            for (size_t i = 0; i < count; ++i) {
                const int64_t p = sampled[first + i];
                const int32_t s = plan_.stratum[p];
                const auto c = static_cast<Eigen::Index>(i);
                const double leverage = weight_[s] * scores.col(c).dot(z.col(c));
                const double factor =
                    weight_[s] * (d_[p] - fitted[c]) / std::max(1e-3, 1 - leverage);
                sums.col(s) += factor * of_players.col(c);
                squares.col(s) += factor * factor * of_players.col(c).cwiseAbs2();
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

    // Columns of terms to columns of players.
    [[nodiscard]] MatrixXd shared_out(const MatrixXd& terms) const {
        MatrixXd out = terms.topRows(players_);
        for (size_t t = 0; t < triples_.size(); ++t)
            for (const int32_t j : triples_[t])
                out.row(j) += terms.row(players_ + static_cast<Eigen::Index>(t)) / 3;
        return out;
    }

    // The terms of a pair: z of the players, the sign of their product for three.
    template <class Column>
    void signs(int64_t pair, Column&& z) const {
        for (int64_t j = 0; j < players_; ++j) z[j] = plan_.has(pair, j) ? 0.5 : -0.5;
        for (size_t t = 0; t < triples_.size(); ++t) {
            const auto [i, j, k] = triples_[t];
            z[players_ + static_cast<Eigen::Index>(t)] = 4 * z[i] * z[j] * z[k];
        }
    }

    // Bit p of word w of a term: whether it is +1/2 in pair 64 w + p of the stratum. A product of
    // three signs is the exclusive or of their bits.
    [[nodiscard]] std::vector<uint64_t> planes(size_t s, int64_t words) const {
        std::vector<uint64_t> out(terms_ * words, 0);
        int64_t at = 0;
        for (int64_t p = 0; p < pairs_; ++p) {
            if (plan_.stratum[p] != static_cast<int32_t>(s)) continue;
            for (int64_t j = 0; j < players_; ++j)
                out[j * words + at / 64] |= uint64_t{plan_.has(p, j)} << (at % 64);
            ++at;
        }
        for (size_t t = 0; t < triples_.size(); ++t)
            for (int64_t w = 0; w < words; ++w)
                for (const int32_t j : triples_[t])
                    out[(players_ + static_cast<int64_t>(t)) * words + w] ^= out[j * words + w];
        return out;
    }

    // Sum of c z z^T, 64 pairs at a time: z_i z_j is 1/4 where i and j are on one side, else -1/4.
    [[nodiscard]] MatrixXd gram() const {
        MatrixXd a = MatrixXd::Zero(terms_, terms_);
        for (size_t s = 0; s < drawn_.size(); ++s) {
            if (drawn_[s] == 0) continue;
            const int64_t words = (drawn_[s] + 63) / 64;
            const std::vector<uint64_t> bits = planes(s, words);
            for (int64_t i = 0; i < terms_; ++i)
                for (int64_t j = 0; j <= i; ++j) {
                    int64_t apart = 0;
                    for (int64_t w = 0; w < words; ++w)
                        apart += std::popcount(bits[i * words + w] ^ bits[j * words + w]);
                    a(j, i) += weight_[s] * (0.25 * static_cast<double>(drawn_[s]) -
                                             0.5 * static_cast<double>(apart));
                }
        }
        a.triangularView<Eigen::StrictlyLower>() = a.transpose();
        return a;
    }

    [[nodiscard]] VectorXd cross() const {
        VectorXd b = VectorXd::Zero(terms_), z(terms_);
        for (int64_t p = 0; p < pairs_; ++p) {
            signs(p, z);
            b += weight_[plan_.stratum[p]] * d_[p] * z;
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
    const std::vector<double>& d_;
    int64_t pairs_, players_, terms_;
    std::vector<std::array<int32_t, 3>> triples_;
    std::vector<int64_t> drawn_;
    std::vector<double> weight_;
    Eigen::LLT<MatrixXd> factor_;
    VectorXd coefficients_;
};

double total_error(const std::vector<double>& standard_errors) {
    double sum = 0;
    for (const double error : standard_errors) sum += error * error;
    return sum;
}

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

// A cubic fit is tried with this many pairs for each term, and up to this many terms (17 players):
// its cost grows with their cube.
constexpr double least_pairs_per_term = 1.5;
constexpr int64_t most_terms = 700;

struct Fitted {
    bool settled = false, cubic = false;
};

// Of the linear and, where there are pairs enough, the cubic fit the one with the smaller standard
// errors.
Fitted fit_pairs(const Plan& plan, const std::vector<double>& differences, int64_t players,
                 Estimate& out) {
    const double total = out.everyone - out.nobody;
    Fit linear(plan, differences, players, Order::linear);
    Fitted fitted{.settled = linear.solve(total, out.values)};
    out.standard_errors.clear();
    if (fitted.settled) out.standard_errors = linear.standard_errors();
    out.exact = fitted.settled && linear.exact();
    const int64_t terms = players > 3 ? terms_of(Order::cubic, players) : 0;
    if (out.exact || out.standard_errors.empty() || terms == 0 || terms > most_terms ||
        static_cast<double>(differences.size()) < least_pairs_per_term * static_cast<double>(terms))
        return fitted;
    Fit cubic(plan, differences, players, Order::cubic);
    std::vector<double> values;
    if (!cubic.solve(total, values)) return fitted;
    std::vector<double> errors = cubic.standard_errors();
    if (!(total_error(errors) < total_error(out.standard_errors))) return fitted;
    out.values = std::move(values);
    out.standard_errors = std::move(errors);
    fitted.cubic = true;
    return fitted;
}

void state(const Plan& plan, int64_t pairs, const Fitted& fitted, Estimate& out) {
    if (out.exact)
        out.notes.push_back(fmt::format("all {} coalitions were asked: exact", 2 * pairs + 2));
    else if (!fitted.settled)
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
                        fitted.cubic ? ", a fit of single players and of threes" : ""));
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
    // Checked at growing intervals, so that all fits together cost little more than the last one.
    int64_t until = budget.tolerance > 0
                        ? std::min(plan.size(), std::max<int64_t>(128, 2 * players))
                        : plan.size();
    while (true) {
        ask_pairs(questions, plan, until, differences);
        const auto pairs = static_cast<int64_t>(differences.size());
        if (pairs == 0)
            throw Error(ErrorKind::limit, "the seconds were over before the first pair of coalitions");
        const Fitted fitted = fit_pairs(plan, differences, players, out);
        if (budget.tolerance > 0)
            out.converged = shapley::within_tolerance(out, budget.tolerance);
        if (pairs == plan.size() || out.converged.value_or(false) || questions.late()) {
            state(plan, pairs, fitted, out);
            if (!out.exact && !out.converged.value_or(false)) questions.state_late(out);
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
