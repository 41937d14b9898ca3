// KernelSHAP as shap 0.5x does it (shap/explainers/_kernel.py), step by step.

#include <fmt/format.h>

#include <Eigen/LU>
#include <Eigen/QR>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <optional>
#include <string>

#include "whence/core/error.h"
#include "whence/perturb/lars.h"
#include "whence/shapley/kernel.h"
#include "whence/shapley/kernel_samples.h"
#include "whence/shapley/questions.h"

namespace whence::shapley {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

// Which players may have a value. The design that the choice is made on has each coalition twice, as
// it is and as what is missing from all, so that either end of the sum is respected.
class Selection {
  public:
    Selection(const KernelSamples& samples, const std::vector<double>& answers, double total)
        : rows_(2 * static_cast<int64_t>(answers.size())),
          players_(static_cast<int64_t>(samples.masks[0].size())),
          x_(rows_, players_),
          y_(rows_) {
        const int64_t half = rows_ / 2;
        for (int64_t i = 0; i < half; ++i) {
            const std::vector<uint8_t>& mask = samples.masks[i];
            const auto size = static_cast<double>(std::accumulate(mask.begin(), mask.end(), 0));
            const double weight = samples.weights[i];
            const double own = std::sqrt(weight * (static_cast<double>(players_) - size));
            const double other = std::sqrt(weight * size);
            for (int64_t j = 0; j < players_; ++j) {
                x_(i, j) = mask[j] ? own : 0;
                x_(half + i, j) = mask[j] ? 0 : -other;
            }
            y_[i] = own * answers[i];
            y_[half + i] = other * (answers[i] - total);
        }
    }

    // Nonzero after `count` steps of least angle regression.
    std::vector<int32_t> first(int64_t count) const {
        const auto path = perturb::lasso_path(
            {.gram = x_.transpose() * x_, .cross = x_.transpose() * y_},
            perturb::PathKind::least_angle);
        return nonzero(path[std::min<size_t>(count, path.size() - 1)]);
    }

    // Where n log(2 pi s^2) + |residuals|^2 / s^2 + factor |nonzero| is smallest on the lasso path
    // of columns scaled to standard deviation 1; s^2 from least squares.
    std::vector<int32_t> by_criterion(bool bayes) {
        centre();
        for (int64_t j = 0; j < players_; ++j) {
            const double deviation = std::sqrt(x_.col(j).squaredNorm() / static_cast<double>(rows_));
            if (deviation > 0) x_.col(j) /= deviation;
        }
        const perturb::Moments m{.gram = x_.transpose() * x_, .cross = x_.transpose() * y_};
        const auto path = perturb::lasso_path(m);
        const VectorXd least = x_.colPivHouseholderQr().solve(y_);
        const double noise = (y_ - x_ * least).squaredNorm() /
                             static_cast<double>(std::max<int64_t>(1, rows_ - players_ - 1));
        const double factor = bayes ? std::log(static_cast<double>(rows_)) : 2;
        std::vector<int32_t> best;
        double least_value = INFINITY;
        for (const VectorXd& point : path) {
            const std::vector<int32_t> kept = nonzero(point);
            const double rest = (y_ - x_ * point).squaredNorm();
            const double value = (noise > 0 ? rest / noise : rest > 0 ? INFINITY : 0) +
                                 factor * static_cast<double>(kept.size());
            if (value < least_value) {
                least_value = value;
                best = kept;
            }
        }
        return best;
    }

    // Nonzero in the minimum of |y - X b|^2 / (2 n) + penalty |b|_1, intercept free.
    std::vector<int32_t> by_penalty(double penalty) {
        centre();
        const perturb::Moments m{.gram = x_.transpose() * x_, .cross = x_.transpose() * y_};
        const auto path = perturb::lasso_path(m);
        const double level = penalty * static_cast<double>(rows_);
        const auto at = [&](const VectorXd& b) {
            return (m.cross - m.gram * b).cwiseAbs().maxCoeff();
        };
        for (size_t k = 0; k < path.size(); ++k) {
            const double here = at(path[k]);
            if (here > level && k + 1 < path.size()) continue;
            if (k == 0) return {};
            const double before = at(path[k - 1]);
            const double step = here < before ? std::min(1.0, (before - level) / (before - here)) : 1;
            return nonzero(path[k - 1] + step * (path[k] - path[k - 1]));
        }
        return {};
    }

  private:
    void centre() {
        x_.rowwise() -= x_.colwise().mean().eval();
        y_.array() -= y_.mean();
    }
    static std::vector<int32_t> nonzero(const VectorXd& point) {
        std::vector<int32_t> out;
        for (Eigen::Index j = 0; j < point.size(); ++j)
            if (point[j] != 0) out.push_back(static_cast<int32_t>(j));
        return out;
    }

    int64_t rows_, players_;
    MatrixXd x_;
    VectorXd y_;
};

std::optional<double> number(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return {};
    return value;
}

std::optional<int64_t> feature_count(std::string_view text) {
    constexpr std::string_view before = "num_features(";
    if (!text.starts_with(before) || !text.ends_with(")")) return {};
    const auto value = number(text.substr(before.size(), text.size() - before.size() - 1));
    if (!value || *value < 1 || *value != std::floor(*value)) return {};
    return static_cast<int64_t>(std::min(*value, 1e9));
}

std::vector<int32_t> kept_players(const std::string& l1_reg, double fraction,
                                  const KernelSamples& samples, const std::vector<double>& answers,
                                  double total) {
    std::vector<int32_t> all(samples.masks[0].size());
    std::iota(all.begin(), all.end(), 0);
    const auto penalty = number(l1_reg);
    if (l1_reg == "none" || penalty == 0.0 || (l1_reg == "auto" && fraction >= 0.2)) return all;
    Selection selection(samples, answers, total);
    if (const auto count = feature_count(l1_reg)) return selection.first(*count);
    if (l1_reg == "auto" || l1_reg == "aic") return selection.by_criterion(false);
    if (l1_reg == "bic") return selection.by_criterion(true);
    return selection.by_penalty(*penalty);
}

void check_l1(const std::string& l1_reg) {
    for (const char* name : {"none", "auto", "aic", "bic"})
        if (l1_reg == name) return;
    const auto penalty = number(l1_reg);
    if (feature_count(l1_reg) || (penalty && *penalty >= 0)) return;
    throw Error(ErrorKind::usage,
                fmt::format("l1-reg is '{}'; it is none, auto, aic, bic, num_features(K) or a "
                            "penalty of at least 0",
                            printable(l1_reg)));
}

// Least squares with sum `total` over the players kept, the last of them eliminated.
std::vector<double> fitted(const KernelSamples& samples, const std::vector<double>& answers, double total,
                           const std::vector<int32_t>& kept) {
    std::vector<double> out(samples.masks[0].size());
    if (kept.empty()) return out;
    const auto rows = static_cast<Eigen::Index>(answers.size());
    const auto free = static_cast<Eigen::Index>(kept.size()) - 1;
    MatrixXd x(rows, free);
    VectorXd y(rows), root(rows);
    for (Eigen::Index i = 0; i < rows; ++i) {
        const std::vector<uint8_t>& mask = samples.masks[i];
        const double last = mask[kept.back()];
        root[i] = std::sqrt(samples.weights[i]);
        y[i] = root[i] * (answers[i] - last * total);
        for (Eigen::Index j = 0; j < free; ++j) x(i, j) = root[i] * (mask[kept[j]] - last);
    }
    const MatrixXd gram = x.transpose() * x;
    const Eigen::FullPivLU<MatrixXd> lu(gram);
    const VectorXd values = lu.isInvertible() ? VectorXd(lu.solve(x.transpose() * y))
                                              : VectorXd(x.completeOrthogonalDecomposition().solve(y));
    double rest = total;
    for (Eigen::Index j = 0; j < free; ++j) {
        out[kept[j]] = values[j];
        rest -= values[j];
    }
    out[kept.back()] = rest;
    for (double& value : out)
        if (std::abs(value) < 1e-10) value = 0;
    return out;
}

}  // namespace

void compatible_kernel(Questions& questions, const KernelShap& options, Estimate& out) {
    check_l1(options.l1_reg);
    const int64_t players = questions.players();
    // shap counts 2^30 coalitions wherever there are more than 30 players.
    const double all = players <= 30 ? std::ldexp(1.0, static_cast<int>(players)) - 2
                                     : std::ldexp(1.0, 30);
    const int64_t budget = compatible_budget(players, options.budget.coalitions);
    const KernelSamples samples = compatible_samples(players, budget, questions.run().seed);
    questions.expect(static_cast<int64_t>(samples.masks.size()) + 2);
    std::vector<double> answers = questions.ask_all(
        static_cast<int64_t>(samples.masks.size()),
        "all was asked; with compatible, which asks in shap's order, a part is no fair sample",
        [&](int64_t i, std::span<uint8_t> row) {
            std::ranges::copy(samples.masks[i], row.begin());
        });
    for (double& answer : answers) answer -= out.nobody;
    const double total = out.everyone - out.nobody;
    const std::vector<int32_t> kept = kept_players(
        options.l1_reg, static_cast<double>(budget) / all, samples, answers, total);
    out.values = fitted(samples, answers, total, kept);
    out.exact = samples.whole && static_cast<int64_t>(kept.size()) == players;
    if (out.exact) out.standard_errors.assign(players, 0.0);
    out.notes.push_back(fmt::format(
        "as shap 0.5x: {} coalitions, l1-reg {} keeps {} of {} players; no standard errors",
        samples.masks.size() + 2, options.l1_reg, kept.size(), players));
    if (kept.empty()) out.no_sum_because = "l1-reg kept no player, and shap then returns zeros";
}

}  // namespace whence::shapley
