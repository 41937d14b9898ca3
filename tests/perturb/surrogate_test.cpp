// The fit and the choice of features against slow, obvious twins that work on the rows themselves.

#include "whence/perturb/surrogate.h"

#include <gtest/gtest.h>

#include <Eigen/QR>
#include <Eigen/SVD>
#include <cmath>
#include <set>

#include "whence/core/rng.h"
#include "whence/perturb/lars.h"
#include "whence/perturb/local_fit.h"

namespace whence::perturb {
namespace {

struct Problem {
    Design design;
    std::vector<double> targets;
};

Problem random_problem(int64_t rows, int64_t columns, bool binary, bool weighted, uint64_t seed) {
    Problem p{.design = {.rows = rows, .columns = columns}};
    Rng rng(seed, 0, 0);
    std::vector<double> slopes(columns);
    for (double& slope : slopes) slope = rng.normal();
    for (int64_t row = 0; row < rows; ++row) {
        double target = 0.3 * rng.normal();
        for (int64_t c = 0; c < columns; ++c) {
            const double z = binary ? static_cast<double>(rng.below(2)) : rng.normal();
            if (binary)
                p.design.bits.push_back(static_cast<uint8_t>(z));
            else
                p.design.values.push_back(z);
            target += slopes[c] * z;
        }
        p.targets.push_back(target);
        if (weighted) p.design.weights.push_back(rng.open_uniform());
    }
    return p;
}

struct Slow {
    Eigen::VectorXd weights;
    double intercept, r2;
};

// Ridge as least squares of a taller system: rows sqrt(w) (1, z) = sqrt(w) y, and sqrt(ridge) b_j =
// 0.
Slow ridge_slowly(const Problem& p, const std::vector<int32_t>& features, double ridge) {
    const int64_t n = p.design.rows;
    const auto k = static_cast<int64_t>(features.size());
    Eigen::MatrixXd a = Eigen::MatrixXd::Zero(n + k, k + 1);
    Eigen::VectorXd b = Eigen::VectorXd::Zero(n + k);
    double weight = 0, mean = 0;
    for (int64_t row = 0; row < n; ++row) {
        const double root = std::sqrt(p.design.weight(row));
        a(row, 0) = root;
        for (int64_t j = 0; j < k; ++j) a(row, j + 1) = root * p.design.at(row, features[j]);
        b[row] = root * p.targets[row];
        weight += root * root;
        mean += root * root * p.targets[row];
    }
    for (int64_t j = 0; j < k; ++j) a(n + j, j + 1) = std::sqrt(ridge);
    const Eigen::VectorXd x = a.colPivHouseholderQr().solve(b);
    mean /= weight;
    double error = 0, total = 0;
    for (int64_t row = 0; row < n; ++row) {
        double predicted = x[0];
        for (int64_t j = 0; j < k; ++j) predicted += x[j + 1] * p.design.at(row, features[j]);
        error += p.design.weight(row) * std::pow(p.targets[row] - predicted, 2);
        total += p.design.weight(row) * std::pow(p.targets[row] - mean, 2);
    }
    return {x.tail(k), x[0], 1 - error / total};
}

TEST(Fit, AgreesWithATallLeastSquares) {
    for (const bool binary : {false, true})
        for (const bool weighted : {false, true})
            for (const int64_t rows : {7, 65, 300}) {
                const Problem p = random_problem(rows, 5, binary, weighted, rows);
                const std::vector<int32_t> features{3, 0, 4};
                const Surrogate fast = fit(moments(p.design, p.targets), features, 0.7);
                const Slow slow = ridge_slowly(p, features, 0.7);
                for (size_t i = 0; i < 3; ++i) {
                    const auto at =
                        std::ranges::find(features, fast.features[i]) - features.begin();
                    EXPECT_NEAR(fast.coefficients[i], slow.weights[at], 1e-12);
                }
                EXPECT_NEAR(fast.intercept, slow.intercept, 1e-12);
                EXPECT_NEAR(fast.r2, slow.r2, 1e-12);
            }
}

// Counting bits is exact where summing rows is, so the two paths meet to rounding.
TEST(Moments, CountedBitsAgreeWithSummedRows) {
    Problem p = random_problem(1000, 70, true, false, 4);
    const Moments counted = moments(p.design, p.targets);
    p.design.values.assign(p.design.bits.begin(), p.design.bits.end());
    p.design.bits.clear();
    const Moments summed = moments(p.design, p.targets);
    EXPECT_LT((counted.gram - summed.gram).cwiseAbs().maxCoeff(), 1e-10);
    EXPECT_LT((counted.cross - summed.cross).cwiseAbs().maxCoeff(), 1e-9);
    EXPECT_LT((counted.mean - summed.mean).cwiseAbs().maxCoeff(), 1e-14);
}

TEST(ForwardSelection, AgreesWithFittingEveryCandidate) {
    for (uint64_t seed = 0; seed < 10; ++seed) {
        const Problem p = random_problem(60, 7, seed % 2, true, seed);
        std::vector<int32_t> slow;
        while (slow.size() < 4) {
            int32_t best = -1;
            double best_r2 = -1;
            for (int32_t j = 0; j < 7; ++j) {
                if (std::ranges::find(slow, j) != slow.end()) continue;
                std::vector<int32_t> with = slow;
                with.push_back(j);
                if (const double r2 = ridge_slowly(p, with, 0).r2; r2 > best_r2)
                    best = j, best_r2 = r2;
            }
            slow.push_back(best);
        }
        EXPECT_EQ(select_features(moments(p.design, p.targets), std::vector<double>(7, 1.0),
                                  FeatureSelection::forward_selection, 4),
                  slow);
    }
}

// A lasso solution is one where no correlation exceeds the penalty and active ones are on it, with
// the sign of their weight (Karush-Kuhn-Tucker).
TEST(LassoPath, EveryKnotSolvesItsLasso) {
    for (uint64_t seed = 0; seed < 20; ++seed) {
        Problem p = random_problem(50, 8, false, seed % 2, seed);
        for (int64_t row = 0; row < 50; ++row)  // correlated, so that features leave again
            p.design.values[row * 8 + 1] = p.design.values[row * 8] - p.design.values[row * 8 + 2] +
                                           0.3 * p.design.values[row * 8 + 1];
        const Moments m = moments(p.design, p.targets);
        const std::vector<Eigen::VectorXd> knots = lasso_path(m);
        for (const Eigen::VectorXd& knot : knots) {
            const Eigen::VectorXd correlation = m.cross - m.gram * knot;
            const double penalty = correlation.cwiseAbs().maxCoeff();
            for (Eigen::Index j = 0; j < knot.size(); ++j)
                if (knot[j] != 0) {
                    EXPECT_NEAR(correlation[j], std::copysign(penalty, knot[j]),
                                1e-9 * m.cross.norm());
                }
        }
        EXPECT_EQ(knots.front(), Eigen::VectorXd::Zero(8));
        const Eigen::VectorXd least_squares = m.gram.ldlt().solve(m.cross);
        EXPECT_LT((knots.back() - least_squares).norm(), 1e-9);
    }
}

TEST(LassoPath, TwinFeaturesStayOut) {
    Problem p = random_problem(50, 4, false, false, 3);
    for (int64_t row = 0; row < 50; ++row) p.design.values[row * 4 + 3] = p.design.values[row * 4];
    const Moments m = moments(p.design, p.targets);
    const Eigen::VectorXd last = lasso_path(m).back();
    EXPECT_TRUE(last[0] == 0 || last[3] == 0);
    EXPECT_LT((m.cross - m.gram * last).cwiseAbs().maxCoeff(), 1e-9 * m.cross.norm());
}

TEST(FeatureSelection, ConstantFeaturesAreHarmless) {
    Problem p = random_problem(40, 3, true, false, 9);
    for (int64_t row = 0; row < 40; ++row) p.design.bits[row * 3 + 1] = 1;
    const Moments m = moments(p.design, p.targets);
    const std::vector<double> origin(3, 1.0);
    for (const auto how : {FeatureSelection::none, FeatureSelection::forward_selection,
                           FeatureSelection::highest_weights, FeatureSelection::lasso_path})
        for (const double ridge : {0.0, 1.0}) {
            const Surrogate s = fit(m, select_features(m, origin, how, 3), ridge);
            for (size_t i = 0; i < s.features.size(); ++i) {
                EXPECT_TRUE(std::isfinite(s.coefficients[i]));
                if (s.features[i] == 1) {
                    EXPECT_EQ(s.coefficients[i], 0);
                }
            }
        }
}

TEST(Fit, ConstantTargetsHaveNoSlope) {
    Problem p = random_problem(30, 3, true, false, 1);
    p.targets.assign(30, 0.1);
    const Surrogate s = fit(moments(p.design, p.targets), {0, 1, 2}, 1);
    for (const double weight : s.coefficients) EXPECT_NEAR(weight, 0, 1e-15);
    EXPECT_NEAR(s.intercept, 0.1, 1e-15);
    EXPECT_EQ(s.r2, 1);
}

// Over many repetitions of the same experiment the weights must spread by what one repetition
// claims. 400 repetitions know a standard deviation to 1 / sqrt(800) = 3.5%; four times that is
// allowed. The noise grows with a feature, which errors that assume equal noise get wrong.
TEST(StandardErrors, AreTheSpreadOverRepetitions) {
    constexpr int repetitions = 400, rows = 300;
    std::vector<double> sum(3), square(3), claimed(3);
    for (int repetition = 0; repetition < repetitions; ++repetition) {
        Problem p = random_problem(rows, 3, true, false, 77);
        Rng rng(5, 1, repetition);
        for (uint8_t& bit : p.design.bits) bit = static_cast<uint8_t>(rng.below(2));
        for (int64_t row = 0; row < rows; row += 2) {  // the two of a pair share their noise
            const double noise = rng.normal();
            for (const int64_t r : {row, row + 1})
                p.targets[r] = p.design.at(r, 0) - 2 * p.design.at(r, 1) +
                               noise * (0.2 + 2 * p.design.at(r, 1));
        }
        const Moments m = moments(p.design, p.targets);
        const Surrogate s = fit(m, {0, 1, 2}, 1);
        const std::vector<double> errors = standard_errors(p.design, p.targets, m, s, 1, 2);
        for (size_t i = 0; i < 3; ++i) {
            sum[s.features[i]] += s.coefficients[i];
            square[s.features[i]] += s.coefficients[i] * s.coefficients[i];
            claimed[s.features[i]] += errors[i] * errors[i];
        }
    }
    for (int j = 0; j < 3; ++j) {
        const double mean = sum[j] / repetitions;
        const double spread =
            std::sqrt((square[j] / repetitions - mean * mean) * repetitions / (repetitions - 1));
        EXPECT_NEAR(std::sqrt(claimed[j] / repetitions) / spread, 1,
                    4 / std::sqrt(2.0 * repetitions));
    }
}

TEST(StandardErrors, NoneForAsManyFeaturesAsSamples) {
    const Problem p = random_problem(4, 4, false, false, 1);
    const Moments m = moments(p.design, p.targets);
    EXPECT_TRUE(standard_errors(p.design, p.targets, m, fit(m, {0, 1, 2, 3}, 0), 0, 1).empty());
}

TEST(Ranking, SettledWhenNeighboursAreFarApart) {
    const std::vector<double> weights{5, -3, 1, 0.9};
    EXPECT_TRUE(ranking_settled(weights, std::vector<double>{0.5, 0.5, 0.5, 0.5}, 2));
    EXPECT_FALSE(ranking_settled(weights, std::vector<double>{0.5, 0.5, 0.5, 0.5}, 3));
    EXPECT_FALSE(ranking_settled(weights, std::vector<double>{0.5, 1, 0.5, 0.5}, 2));
    EXPECT_FALSE(ranking_settled(weights, {}, 2));
    EXPECT_TRUE(ranking_settled(std::vector<double>{1}, std::vector<double>{9}, 5));
}

}  // namespace
}  // namespace whence::perturb
