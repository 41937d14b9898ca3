#include "whence/perturb/surrogate.h"

#include <Eigen/Cholesky>
#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <numeric>

#include "whence/perturb/lars.h"

namespace whence::perturb {
namespace {

// lime's constants: up to here forward selection is affordable; the ridge of the fit on all
// features.
constexpr int64_t few_features = 6;
constexpr double selection_ridge = 0.01;
// What is relatively smaller than this is zero but for rounding.
constexpr double rounding = 1e-13;

std::vector<int32_t> all_features(const Moments& m) {
    std::vector<int32_t> features(m.cross.size());
    std::iota(features.begin(), features.end(), 0);
    return features;
}

Eigen::MatrixXd penalised(const Moments& m, const std::vector<int32_t>& features, double ridge) {
    Eigen::MatrixXd a = m.gram(features, features);
    a.diagonal().array() += ridge;
    return a;
}

// Without ridge, or with next to none, the matrix may be singular (constant features, fewer samples
// than features): then the solution of least length is taken, as scikit-learn does.
Eigen::MatrixXd solve(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b, double ridge) {
    if (ridge > 0)
        if (const Eigen::LLT<Eigen::MatrixXd> llt(a); llt.info() == Eigen::Success)
            return llt.solve(b);
    return a.completeOrthogonalDecomposition().solve(b);
}

Eigen::VectorXd ridge_weights(const Moments& m, const std::vector<int32_t>& features,
                              double ridge) {
    return solve(penalised(m, features, ridge), m.cross(features), ridge);
}

// Sweeps the chosen feature out of what is left of gram and cross each time, so that the gain of
// every candidate, (cross_j)^2 / gram_jj, is the drop of the squared error that least squares would
// see.
std::vector<int32_t> forward_selection(const Moments& m, int64_t num_features) {
    Eigen::MatrixXd gram = m.gram;
    Eigen::VectorXd cross = m.cross;
    std::vector<int32_t> left = all_features(m), chosen;
    while (static_cast<int64_t>(chosen.size()) < num_features && !left.empty()) {
        const auto gain = [&](int32_t j) {
            return gram(j, j) > rounding * m.gram(j, j) ? cross[j] * cross[j] / gram(j, j) : 0;
        };
        const auto best = std::ranges::max_element(left, {}, gain);
        const int32_t j = *best;
        left.erase(best);
        chosen.push_back(j);
        if (gram(j, j) <= rounding * m.gram(j, j)) continue;
        const Eigen::VectorXd column = gram.col(j) / gram(j, j);
        cross -= cross[j] * column;
        gram -= gram(j, j) * column * column.transpose();
    }
    return chosen;
}

std::vector<int32_t> highest_weights(const Moments& m, std::span<const double> origin,
                                     int64_t num_features) {
    std::vector<int32_t> features = all_features(m);
    if (num_features >= static_cast<int64_t>(features.size())) return features;
    const Eigen::VectorXd weights = ridge_weights(m, features, selection_ridge);
    std::ranges::stable_sort(features, std::ranges::greater{},
                             [&](int32_t j) { return std::abs(weights[j] * origin[j]); });
    features.resize(num_features);
    return features;
}

std::vector<int32_t> from_lasso_path(const Moments& m, int64_t num_features) {
    const std::vector<Eigen::VectorXd> knots = lasso_path(m);
    std::vector<int32_t> features = all_features(m);
    for (size_t knot = knots.size() - 1; knot > 0; --knot) {
        features.clear();
        for (Eigen::Index j = 0; j < knots[knot].size(); ++j)
            if (knots[knot][j] != 0) features.push_back(static_cast<int32_t>(j));
        if (static_cast<int64_t>(features.size()) <= num_features) break;
    }
    return features;
}

}  // namespace

double Surrogate::at(std::span<const double> point) const {
    double value = intercept;
    for (size_t i = 0; i < features.size(); ++i) value += coefficients[i] * point[features[i]];
    return value;
}

std::vector<int32_t> select_features(const Moments& moments, std::span<const double> origin,
                                     FeatureSelection selection, int64_t num_features) {
    if (selection == FeatureSelection::automatic)
        selection = num_features <= few_features ? FeatureSelection::forward_selection
                                                 : FeatureSelection::highest_weights;
    switch (selection) {
        case FeatureSelection::forward_selection:
            return forward_selection(moments, num_features);
        case FeatureSelection::highest_weights:
            return highest_weights(moments, origin, num_features);
        case FeatureSelection::lasso_path:
            return from_lasso_path(moments, num_features);
        default:
            return all_features(moments);
    }
}

namespace {

Surrogate linear(const Moments& moments, const std::vector<int32_t>& features,
                 const Eigen::VectorXd& weights) {
    const Eigen::VectorXd cross = moments.cross(features);
    const double error = moments.target_square - 2 * weights.dot(cross) +
                         weights.dot(moments.gram(features, features) * weights);
    Surrogate surrogate{.features = features,
                        .coefficients = {weights.begin(), weights.end()},
                        .intercept = moments.target_mean - weights.dot(moments.mean(features))};
    const double nothing = moments.weight * std::pow(rounding * moments.target_mean, 2);
    surrogate.r2 = moments.target_square > nothing ? 1 - error / moments.target_square : 1;
    put_in_order(surrogate);
    return surrogate;
}

// Between two knots of the path the weights move in proportion to the level: the largest |cross -
// gram b| of the point.
Eigen::VectorXd lasso_weights(const Moments& moments, double level) {
    const std::vector<Eigen::VectorXd> knots = lasso_path(moments);
    const auto level_at = [&](const Eigen::VectorXd& b) {
        return (moments.cross - moments.gram * b).cwiseAbs().maxCoeff();
    };
    double before = level_at(knots[0]);
    if (level >= before) return knots[0];
    for (size_t knot = 1; knot < knots.size(); ++knot) {
        const double here = level_at(knots[knot]);
        if (here <= level) {
            const double way = (before - level) / (before - here);
            return knots[knot - 1] + way * (knots[knot] - knots[knot - 1]);
        }
        before = here;
    }
    return knots.back();
}

}  // namespace

void put_in_order(Surrogate& surrogate) {
    std::vector<size_t> order(surrogate.features.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::ranges::stable_sort(order, std::ranges::greater{},
                             [&](size_t i) { return std::abs(surrogate.coefficients[i]); });
    const Surrogate old = surrogate;
    for (size_t i = 0; i < order.size(); ++i) {
        surrogate.features[i] = old.features[order[i]];
        surrogate.coefficients[i] = old.coefficients[order[i]];
    }
}

Surrogate fit(const Moments& moments, std::vector<int32_t> features, double ridge) {
    return linear(moments, features, ridge_weights(moments, features, ridge));
}

Surrogate fit_lasso(const Moments& moments, const std::vector<int32_t>& features, double lasso) {
    if (features.empty()) return linear(moments, features, Eigen::VectorXd(0));
    const Moments own{.gram = moments.gram(features, features), .cross = moments.cross(features)};
    return linear(moments, features, lasso_weights(own, lasso * moments.weight));
}

std::vector<double> standard_errors(const Design& design, std::span<const double> targets,
                                    const Moments& moments, const Surrogate& surrogate,
                                    double ridge, int64_t cluster) {
    const auto rows = static_cast<int64_t>(targets.size());
    const auto k = static_cast<Eigen::Index>(surrogate.features.size());
    if (rows <= k + 1) return {};
    std::vector<double> residuals(targets.begin(), targets.end());
    for (int64_t row = 0; row < rows; ++row) {
        residuals[row] -= surrogate.intercept;
        for (Eigen::Index j = 0; j < k; ++j)
            residuals[row] -= surrogate.coefficients[j] * design.at(row, surrogate.features[j]);
    }
    const Eigen::MatrixXd scores =
        solve(penalised(moments, surrogate.features, ridge),
              clustered_scores(design, moments, residuals, surrogate.features, cluster), ridge);
    const double correction = static_cast<double>(rows) / static_cast<double>(rows - k - 1);
    std::vector<double> errors(k);
    for (Eigen::Index j = 0; j < k; ++j)
        errors[j] = std::sqrt(correction * scores.row(j).squaredNorm());
    return errors;
}

}  // namespace whence::perturb
