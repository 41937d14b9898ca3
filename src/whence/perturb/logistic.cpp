#include "whence/perturb/logistic.h"

#include <fmt/format.h>

#include <Eigen/Cholesky>
#include <Eigen/QR>
#include <algorithm>
#include <cmath>

#include "whence/core/error.h"

namespace whence::perturb {
namespace {

constexpr int most_steps = 100;
constexpr double settled = 1e-12;  // of the gradient, relative to the sum of weights

// The intercept is column 0 and not penalised.
class Problem {
  public:
    Problem(const Design& design, std::span<const double> answers,
            const std::vector<int32_t>& features, double ridge)
        : z_(answers.size(), features.size() + 1),
          y_(Eigen::Map<const Eigen::VectorXd>(answers.data(), std::ssize(answers))),
          w_(answers.size()),
          penalty_(Eigen::VectorXd::Constant(std::ssize(features) + 1, ridge)) {
        penalty_[0] = 0;
        for (Eigen::Index row = 0; row < z_.rows(); ++row) {
            z_(row, 0) = 1;
            for (size_t j = 0; j < features.size(); ++j)
                z_(row, static_cast<Eigen::Index>(j) + 1) = design.at(row, features[j]);
            w_[row] = design.weight(row);
        }
    }

    bool solve() {
        b_ = Eigen::VectorXd::Zero(z_.cols());
        const double mean = std::clamp(w_.dot(y_) / w_.sum(), 1e-9, 1 - 1e-9);
        b_[0] = std::log(mean / (1 - mean));
        double now = loss(b_);
        for (int step = 0; step < most_steps; ++step) {
            measure();
            if (gradient_.cwiseAbs().maxCoeff() <= settled * w_.sum()) return true;
            const Eigen::VectorXd direction = inverse(gradient_);
            double length = 1, next = loss(b_ - direction);
            // Far from the minimum a whole step may climb.
            while (!(next <= now) && length > 1e-6) next = loss(b_ - (length /= 2) * direction);
            if (!(next <= now)) return true;  // rounding: nothing better along a descent direction
            b_ -= length * direction;
            now = next;
        }
        return false;
    }

    [[nodiscard]] const Eigen::VectorXd& weights() const { return b_; }

    [[nodiscard]] double r2() {
        measure();
        const double mean = w_.dot(y_) / w_.sum();
        const double all = w_.dot((y_.array() - mean).square().matrix());
        return all > 1e-26 * w_.sum() ? 1 - w_.dot((y_ - p_).array().square().matrix()) / all : 1;
    }

    // Sandwich over clusters of rows, HC1; the intercept's is first.
    [[nodiscard]] Eigen::VectorXd standard_errors(int64_t cluster) {
        measure();
        Eigen::MatrixXd scores = Eigen::MatrixXd::Zero(z_.cols(), (z_.rows() + cluster - 1) / cluster);
        for (Eigen::Index row = 0; row < z_.rows(); ++row)
            scores.col(row / cluster) += w_[row] * (y_[row] - p_[row]) * z_.row(row).transpose();
        const auto n = static_cast<double>(z_.rows()), k = static_cast<double>(z_.cols());
        return (n / (n - k) * inverse(scores).rowwise().squaredNorm()).cwiseSqrt();
    }

  private:
    [[nodiscard]] double loss(const Eigen::VectorXd& b) const {
        const Eigen::VectorXd odds = z_ * b;
        double sum = 0.5 * penalty_.dot(b.cwiseAbs2());
        for (Eigen::Index row = 0; row < odds.size(); ++row) {
            // log(1 + exp(odds)) without overflow.
            const double soft = std::max(odds[row], 0.0) + std::log1p(std::exp(-std::abs(odds[row])));
            sum += w_[row] * (soft - y_[row] * odds[row]);
        }
        return sum;
    }
    void measure() {
        p_ = (z_ * b_).unaryExpr(&probability_of);
        gradient_ = z_.transpose() * w_.cwiseProduct(p_ - y_) + penalty_.cwiseProduct(b_);
        const Eigen::VectorXd slope = w_.array() * p_.array() * (1 - p_.array());
        hessian_ = z_.transpose() * (z_.array().colwise() * slope.array()).matrix();
        hessian_.diagonal() += penalty_;
    }
    [[nodiscard]] Eigen::MatrixXd inverse(const Eigen::MatrixXd& of) const {
        if (const Eigen::LLT<Eigen::MatrixXd> llt(hessian_); llt.info() == Eigen::Success)
            return llt.solve(of);
        return hessian_.completeOrthogonalDecomposition().solve(of);
    }

    Eigen::MatrixXd z_;
    Eigen::VectorXd y_, w_, penalty_, b_, p_, gradient_;
    Eigen::MatrixXd hessian_;
};

void check(std::span<const double> answers) {
    for (const double answer : answers)
        if (!(answer >= 0 && answer <= 1))
            throw Error(ErrorKind::unsupported,
                        fmt::format("a logistic local model needs answers from 0 to 1, and the model "
                                    "answered {:.4g}: choose --scale probability, or another "
                                    "--local-model",
                                    answer));
}

}  // namespace

double probability_of(double log_odds) {
    return 1 / (1 + std::exp(-log_odds));
}

LogisticFit fit_logistic(const Design& design, std::span<const double> answers,
                         std::vector<int32_t> features, double ridge, int64_t cluster) {
    check(answers);
    Problem problem(design, answers, features, ridge);
    LogisticFit out{.converged = problem.solve()};
    const Eigen::VectorXd b = problem.weights();
    out.surrogate = {.features = features,
                     .coefficients = {b.begin() + 1, b.end()},
                     .intercept = b[0],
                     .r2 = problem.r2()};
    put_in_order(out.surrogate);
    if (std::ssize(answers) <= b.size()) return out;
    const Eigen::VectorXd errors = problem.standard_errors(cluster);
    for (const int32_t feature : out.surrogate.features)
        out.standard_errors.push_back(
            errors[std::ranges::find(features, feature) - features.begin() + 1]);
    return out;
}

}  // namespace whence::perturb
