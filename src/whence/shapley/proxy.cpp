#include "whence/shapley/proxy.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <bit>
#include <cmath>
#include <iterator>
#include <limits>
#include <span>

#include "whence/core/vector_clones.h"
#include "whence/shapley/elimination.h"

namespace whence::shapley {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

// The noise is chosen on the first pairs alone: fits cost the cube of their number.
constexpr int64_t least_pairs = 40, choosing_pairs = 128;
// With far more threes of players than that, further pairs teach it little.
constexpr int64_t most_pairs = 256, most_pairs_of_few = 384;

int64_t triples_of(int64_t players) {
    return players * (players - 1) * (players - 2) / 6;
}

int64_t most_pairs_for(int64_t players) {
    const bool few = triples_of(players) < 2 * most_pairs_of_few;
    return std::max(few ? most_pairs_of_few : most_pairs, players + players / 2);
}

// Relative to the variance of the process. Next to none: games without larger interactions.
constexpr double noises[] = {1e-8, 1e-3, 1e-2, 0.1, 0.3, 1, 10};
// What it must gain over single players to be worth its variance.
constexpr double least_gain = 0.98;
// Share of the squares that is rounding of single precision: single players say it all.
constexpr double nothing = 1e-10;

double covariance(double t, double players) {
    const double triples = players * (players - 1) * (players - 2) / 6;
    return (t * t * t - (3 * players - 2) * t) / 6 / triples;
}

// Of two halves that differ in 0, 1, 2, ... players.
std::vector<double> covariances_of(int64_t players) {
    std::vector<double> out;
    for (int64_t apart = 0; apart <= players; ++apart)
        out.push_back(
            covariance(static_cast<double>(players - 2 * apart), static_cast<double>(players)));
    return out;
}

int64_t differing(const uint64_t* a, const uint64_t* b, int64_t words) {
    int64_t apart = 0;
    for (int64_t w = 0; w < words; ++w) apart += std::popcount(a[w] ^ b[w]);
    return apart;
}

// [pairs][pairs], the upper triangle: no more is read of it.
WHENCE_VECTOR_CLONES
std::vector<double> covariances(const Plan& plan, int64_t pairs, const std::vector<double>& of) {
    std::vector<double> k(pairs * pairs);
    for (int64_t p = 0; p < pairs; ++p)
        for (int64_t q = p; q < pairs; ++q)
            k[p * pairs + q] = of[differing(plan.row(p), plan.row(q), plan.words)];
    return k;
}

// Adds to out[p] what the process says of pair p.
WHENCE_VECTOR_CLONES
void add_process(const Plan& plan, const uint64_t* bits, std::span<const double> weights,
                 const std::vector<double>& of, std::span<double> out) {
    for (size_t p = 0; p < out.size(); ++p) {
        const auto term = [&](size_t q) {
            return weights[q] * of[differing(plan.row(static_cast<int64_t>(p)),
                                             bits + q * plan.words, plan.words)];
        };
        double sums[4] = {};  // none waits for the other
        size_t q = 0;
        for (; q + 4 <= weights.size(); q += 4)
            for (size_t i = 0; i < 4; ++i) sums[i] += term(q + i);
        for (; q < weights.size(); ++q) sums[0] += term(q);
        out[p] += (sums[0] + sums[1]) + (sums[2] + sums[3]);
    }
}

MatrixXd trend(const Plan& plan, int64_t pairs, int64_t players) {
    MatrixXd f(pairs, players);
    for (int64_t p = 0; p < pairs; ++p)
        for (int64_t j = 0; j < players; ++j) f(p, j) = plan.has(p, j) ? 0.5 : -0.5;
    return f;
}

struct Kriging {
    VectorXd weights, trend;  // of the covariances, and beta
    VectorXd left_out;        // residuals, each pair left out in turn
    bool settled = false;
};

// Of the first n pairs of `all` in covariances [all][all]. With K = L L^T, A = L^-1 F and y = L^-1
// d: beta is the least squares fit of A to y, the weights L^-T of what it leaves; and one residual
// with its pair left out is the pair's weight over the diagonal of L^-T (1 - Q Q^T) L^-1, Q an
// orthonormal basis of A.
Kriging krige(const std::vector<double>& covariances, int64_t all, int64_t n, const MatrixXd& f,
              const VectorXd& d, double noise) {
    using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    Kriging out;
    AlignedVector<double> k(n * n);
    for (int64_t p = 0; p < n; ++p) {
        std::copy_n(covariances.data() + p * all, n, k.data() + p * n);
        k[p * n + p] += noise;
    }
    const Factor factor(std::move(k), n);
    if (!factor.exists()) return out;
    const auto players = static_cast<int64_t>(f.cols());
    RowMajor a = f;
    VectorXd y = d;
    factor.divide({a.data(), static_cast<size_t>(a.size())}, players);
    factor.divide({y.data(), static_cast<size_t>(y.size())}, 1);
    const Eigen::LLT<MatrixXd> of_trend(a.transpose() * a);
    if (of_trend.info() != Eigen::Success || of_trend.rcond() < 1e-12) return out;
    out.trend = of_trend.solve(a.transpose() * y);
    const VectorXd left = y - a * out.trend;
    const RowMajor basis = of_trend.matrixL().solve(a.transpose()).transpose();
    const AlignedVector<double> inverse = factor.inverse();
    const AlignedVector<double> weights =
        turned_product(inverse, {left.data(), static_cast<size_t>(n)}, n, 1);
    const AlignedVector<double> turned =
        turned_product(inverse, {basis.data(), static_cast<size_t>(basis.size())}, n, players);
    out.weights = Eigen::Map<const VectorXd>(weights.data(), n);
    const Eigen::Map<const RowMajor> spanned(turned.data(), n, players);
    VectorXd diagonal = -spanned.cwiseAbs2().rowwise().sum();
    for (int64_t p = 0; p < n; ++p)
        diagonal.head(p + 1) +=
            Eigen::Map<const VectorXd>(inverse.data() + p * n, p + 1).cwiseAbs2();
    out.left_out = out.weights.cwiseQuotient(diagonal);
    out.settled = out.left_out.allFinite();
    return out;
}

double score(const VectorXd& residuals, std::span<const double> weights) {
    double sum = 0;
    for (Eigen::Index p = 0; p < residuals.size(); ++p)
        sum += weights[p] * residuals[p] * residuals[p];
    return sum;
}

struct Choice {
    size_t noise;
    Kriging fit;
};

// The noise of least residuals, sought downhill from the middle.
template <class Fit>
Choice choose_noise(const Fit& fit, std::span<const double> weights) {
    constexpr double wild = std::numeric_limits<double>::infinity();
    Choice best;
    double least = wild;
    const auto improves = [&](size_t i) {
        Kriging one = fit(noises[i]);
        const double own = one.settled ? score(one.left_out, weights) : wild;
        const bool better = own < least || least == wild;
        if (better) best = {i, std::move(one)}, least = own;
        return better;
    };
    constexpr size_t middle = std::size(noises) / 2;
    improves(middle);
    size_t i = middle + 1;
    while (i < std::size(noises) && improves(i)) ++i;
    if (best.noise == middle)
        for (i = middle; i > 0 && improves(i - 1);) --i;
    return best;
}

// Residuals of single players alone, each pair left out in turn.
VectorXd without_process(const MatrixXd& f, const VectorXd& d, std::span<const double> weights) {
    const Eigen::Map<const VectorXd> w(weights.data(), f.rows());
    const MatrixXd weighted = w.asDiagonal() * f;
    const Eigen::LLT<MatrixXd> factor(f.transpose() * weighted);
    const VectorXd residuals = d - f * factor.solve(weighted.transpose() * d);
    const VectorXd leverage =
        weighted.cwiseProduct(factor.solve(f.transpose()).transpose()).rowwise().sum();
    return residuals.cwiseQuotient((1 - leverage.array()).max(1e-6).matrix());
}

}  // namespace

std::optional<Proxy> Proxy::fit(const Plan& plan, const std::vector<double>& differences,
                                const std::vector<double>& weights, int64_t players) {
    const auto asked = static_cast<int64_t>(differences.size());
    const int64_t pairs = std::min(asked, most_pairs_for(players));
    if (players < 4 || pairs < least_pairs || pairs < players + players / 2) return std::nullopt;
    const int64_t some = std::min(pairs, std::max(choosing_pairs, players + players / 2));
    const MatrixXd f = trend(plan, pairs, players);
    const Eigen::Map<const VectorXd> d(differences.data(), pairs);
    const double alone = score(without_process(f, d, weights), weights);
    if (!(alone > nothing * score(d, weights))) return std::nullopt;
    const std::vector<double> k = covariances(plan, pairs, covariances_of(players));
    Choice choice = choose_noise(
        [&](double noise) { return krige(k, pairs, some, f.topRows(some), d.head(some), noise); },
        weights);
    // With as many pairs as there are threes of players a fit of little noise goes wild: then the
    // next has a try.
    Kriging fitted;
    for (size_t i = choice.noise;
         i < std::min(choice.noise + 2, std::size(noises)) && !fitted.settled; ++i) {
        Kriging of_all = some == pairs && i == choice.noise
                             ? std::move(choice.fit)
                             : krige(k, pairs, pairs, f, d, noises[i]);
        if (of_all.settled && score(of_all.left_out, weights) < least_gain * alone)
            fitted = std::move(of_all);
    }
    if (!fitted.settled) return std::nullopt;

    Proxy out;
    out.players_ = players;
    out.bits_.assign(plan.bits.begin(), plan.bits.begin() + pairs * plan.words);
    out.weights_ = fitted.weights;
    out.trend_ = fitted.trend;
    out.left_out_.assign(fitted.left_out.data(), fitted.left_out.data() + pairs);
    out.values_.assign(fitted.trend.data(), fitted.trend.data() + players);
    // Of x_i x_j x_k each player has a third, twice over: v(S) - v(complement) is 2 d.
    const double all = static_cast<double>(players);
    const double triples = all * (all - 1) * (all - 2) / 6;
    for (int64_t p = 0; p < pairs; ++p) {
        const double sum = 2 * f.row(p).sum();
        for (int64_t j = 0; j < players; ++j) {
            const double x = 2 * f(p, j), others = sum - x;
            const double couples = (others * others - (all - 1)) / 2;
            out.values_[j] += 2.0 / 3 * fitted.weights[p] * x * couples / triples;
        }
    }
    return out;
}

std::vector<double> Proxy::at(const Plan& plan, int64_t pairs) const {
    std::vector<double> out(pairs);
    for (int64_t p = 0; p < pairs; ++p) {
        for (int64_t j = 0; j < players_; ++j) out[p] += plan.has(p, j) ? trend_[j] : -trend_[j];
        out[p] /= 2;
    }
    add_process(plan, bits_.data(), {weights_.data(), static_cast<size_t>(weights_.size())},
                covariances_of(players_), out);
    return out;
}

double Proxy::at_everyone() const {
    const auto words = static_cast<int64_t>(bits_.size()) / weights_.size();
    double sum = trend_.sum() / 2;
    for (Eigen::Index q = 0; q < weights_.size(); ++q) {
        int64_t there = 0;
        for (int64_t w = 0; w < words; ++w) there += std::popcount(bits_[q * words + w]);
        sum += weights_[q] *
               covariance(static_cast<double>(2 * there - players_), static_cast<double>(players_));
    }
    return sum;
}

}  // namespace whence::shapley
