#include "whence/experiment/estimator.h"

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <Eigen/LU>
#include <Eigen/QR>
#include <algorithm>
#include <cmath>

#include "whence/core/error.h"
#include "whence/mask/masker.h"
#include "whence/perturb/local_fit.h"
#include "whence/perturb/masked_samples.h"
#include "whence/shapley/kernel_samples.h"

namespace whence::experiment {
namespace {

using RowMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// A masker of that many players, of which a number alone is asked.
LabelMasker anyone(int64_t players) {
    const Tensor row(ElementType::float32, {1, players});
    return {"", row, row, column_labels(players)};
}

Estimator blank(int64_t players, int64_t coalitions) {
    Estimator out{.players = players, .coalitions = coalitions};
    out.masks.resize(coalitions * players);
    out.matrix.resize(players * coalitions);
    return out;
}

void require_players(int64_t players) {
    if (players < 1) throw Error(ErrorKind::input, "there is no superpixel to explain by");
}

}  // namespace

std::vector<double> Estimator::values(MatrixView<const double> answers) const {
    if (answers.columns != coalitions)
        throw Error(ErrorKind::internal, "answers of other coalitions than the estimator's");
    std::vector<double> out(answers.rows * players);
    const Eigen::Map<const RowMatrix> m(matrix.data(), players, coalitions),
        y(answers.data, answers.rows, coalitions);
    Eigen::Map<RowMatrix>(out.data(), answers.rows, players).noalias() = y * m.transpose();
    for (double& value : out)
        if (std::abs(value) < least) value = 0;
    return out;
}

// b = (X^T W X + ridge)^-1 X^T W y with X centred about its weighted mean, which also takes the
// intercept out of y.
Estimator lime_estimator(int64_t players, int64_t samples, double kernel_width, uint64_t seed) {
    require_players(players);
    const LimeImageOptions defaults;
    perturb::check({.num_samples = samples, .num_features = players, .ridge = defaults.ridge},
                   kernel_width);
    const LabelMasker masker = anyone(players);
    const perturb::CompatibleMaskedSamples neighbourhood(
        masker, {defaults.distance, kernel_width, 1, nullptr}, perturb::Removal::coins, seed);
    const perturb::Design design = neighbourhood.design(samples);
    Estimator out = blank(players, samples + 1);
    std::ranges::copy(design.bits, out.masks.begin());
    out.nobody = samples;
    MatrixXd x(samples, players);
    VectorXd weights(samples);
    for (int64_t i = 0; i < samples; ++i) {
        weights[i] = design.weight(i);
        for (int64_t j = 0; j < players; ++j) x(i, j) = design.at(i, j);
    }
    x.rowwise() -= (weights.transpose() * x / weights.sum()).eval().row(0);
    const MatrixXd weighted = weights.asDiagonal() * x;
    MatrixXd gram = weighted.transpose() * x;
    gram.diagonal().array() += defaults.ridge;
    Eigen::Map<RowMatrix>(out.matrix.data(), players, samples + 1).leftCols(samples) =
        gram.llt().solve(weighted.transpose());
    return out;
}

// The last player has what the others leave of f(everybody) - f(nobody), so that the fit is of
// y - f(nobody) - z_last (f(everybody) - f(nobody)) on z_j - z_last.
Estimator kernel_shap_estimator(int64_t players, int64_t samples, uint64_t seed) {
    require_players(players);
    shapley::KernelSamples drawn;
    if (players > 1)
        drawn = shapley::compatible_samples(players, shapley::compatible_budget(players, samples),
                                            seed);
    const int64_t asked = std::ssize(drawn.masks), free = players - 1;
    Estimator out = blank(players, asked + 2);
    out.nobody = asked;
    out.everybody = asked + 1;
    out.least = 1e-10;
    MatrixXd x(asked, free);
    VectorXd weights(asked), last(asked);
    for (int64_t i = 0; i < asked; ++i) {
        const std::vector<uint8_t>& mask = drawn.masks[i];
        std::copy(mask.begin(), mask.end(), out.masks.begin() + i * players);
        weights[i] = drawn.weights[i];
        last[i] = mask.back();
        for (int64_t j = 0; j < free; ++j) x(i, j) = mask[j] - last[i];
    }
    std::fill_n(out.masks.begin() + out.everybody * players, players, uint8_t{1});
    Eigen::Map<RowMatrix> matrix(out.matrix.data(), players, asked + 2);
    if (free > 0) {
        const MatrixXd weighted = weights.asDiagonal() * x, gram = weighted.transpose() * x;
        const Eigen::FullPivLU<MatrixXd> lu(gram);
        const MatrixXd solved =
            lu.isInvertible() ? MatrixXd(lu.solve(weighted.transpose()))
                              : MatrixXd(MatrixXd(weights.cwiseSqrt().asDiagonal() * x)
                                             .completeOrthogonalDecomposition()
                                             .solve(MatrixXd(weights.cwiseSqrt().asDiagonal())));
        const VectorXd all = solved.rowwise().sum(), of_last = solved * last;
        matrix.topLeftCorner(free, asked) = solved;
        matrix.col(out.nobody).head(free) = of_last - all;
        matrix.col(out.everybody).head(free) = -of_last;
        matrix.row(free) = -matrix.topRows(free).colwise().sum();
    }
    matrix(free, out.nobody) -= 1;
    matrix(free, out.everybody) += 1;
    return out;
}

}  // namespace whence::experiment
