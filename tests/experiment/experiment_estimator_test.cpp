// Coalitions and matrices shared by many explanations, against LIME and KernelSHAP asked one by
// one.

#include "whence/experiment/estimator.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "whence/core/error.h"
#include "whence/core/function_model.h"
#include "whence/core/rng.h"
#include "whence/mask/masked_game.h"
#include "whence/mask/segmentation.h"
#include "whence/perturb/lime.h"
#include "whence/shapley/kernel.h"

namespace whence::experiment {
namespace {

constexpr int64_t side = 12;

// Smooth, and with players that interact.
double answer_of(std::span<const float> row) {
    double a = 0, b = 0;
    for (size_t i = 0; i < row.size(); ++i) {
        a += row[i] * std::sin(0.7 * static_cast<double>(i));
        b += row[i] * std::cos(1.3 * static_cast<double>(i));
    }
    return 1 / (1 + std::exp(-0.3 * a * b - 0.1 * a));
}

FunctionModel model() {
    return FunctionModel({.name = "pixels", .shape = {-1, side, side, 1}},
                         {.name = "probability",
                          .type = ElementType::float64,
                          .shape = {-1, 1},
                          .scale = Scale::probability},
                         [](const Tensor& rows, const Run&) {
                             Tensor out(ElementType::float64, {rows.rows(), 1});
                             for (int64_t r = 0; r < rows.rows(); ++r)
                                 out.as<double>()[r] = answer_of(
                                     rows.as<float>().subspan(r * side * side, side * side));
                             return out;
                         });
}

Tensor picture(uint64_t seed) {
    Tensor out(ElementType::float32, {1, side, side, 1});
    Rng rng(seed, 7, 0);
    for (float& value : out.as<float>()) value = static_cast<float>(rng.uniform());
    return out;
}

std::vector<double> asked(const Model& m, const Tensor& image, const Tensor& baseline,
                          const Tensor& segments, const Estimator& fit) {
    const Batch input(image);
    const LabelMasker masker("pixels", image, baseline, pixel_labels(image, segments));
    const MaskedGame game(m, resolve({.index = 0}, m, input, Scale::probability, {}), masker,
                          input);
    const std::vector<double> answers = game.values(fit.view(), {});
    return fit.values({answers.data(), 1, std::ssize(answers)});
}

// Largest difference over the largest value.
double apart(const std::vector<double>& a, const std::vector<double>& b) {
    EXPECT_EQ(a.size(), b.size());
    double most = 0, largest = 0;
    for (size_t i = 0; i < a.size(); ++i) {
        most = std::max(most, std::abs(a[i] - b[i]));
        largest = std::max(largest, std::abs(b[i]));
    }
    return most / largest;
}

// Rounding of sums of a thousand answers through a well conditioned solve.
constexpr double rounding = 1e-9;

TEST(Estimator, LimeIsLimeAskedOneByOne) {
    const FunctionModel m = model();
    for (const int grid : {3, 6}) {
        const Tensor image = picture(1), segments = segment(image, Grid{grid, grid}, {});
        const whence::Run run{.seed = 17};
        const Estimator fit = lime_estimator(grid * grid, 500, 0.25, run.seed);
        const Explanation slow =
            LimeImage(m, segments, {.num_samples = 500, .scheme = LimeScheme::compatible})
                .explain(Batch(image), {.index = 0}, run);
        const std::vector<double> fast =
            asked(m, image, superpixel_means(image, segments), segments, fit);
        EXPECT_LT(apart(fast, slow.attribution.values.to_doubles()), rounding) << grid;
        // Negative control: other coalitions, other values.
        const Estimator other = lime_estimator(grid * grid, 500, 0.25, 18);
        EXPECT_GT(apart(asked(m, image, superpixel_means(image, segments), segments, other),
                        slow.attribution.values.to_doubles()),
                  1e-4);
    }
}

TEST(Estimator, KernelShapIsKernelShapAskedOneByOne) {
    const FunctionModel m = model();
    const Tensor image = picture(2), black(ElementType::float32, image.shape());
    // All coalitions (1, 2, 4, 9 players), and samples of them.
    for (const int grid : {1, 2, 3, 6}) {
        const Tensor segments = segment(image, Grid{grid, grid}, {});
        const whence::Run run{.seed = 5};
        const Batch input(image);
        const LabelMasker masker("pixels", image, black, pixel_labels(image, segments));
        const MaskedGame game(m, resolve({.index = 0}, m, input, Scale::probability, {}), masker,
                              input);
        const Estimate slow = estimate(game, KernelShap{.compatible = true, .l1_reg = "none"}, run);
        const Estimator fit = kernel_shap_estimator(grid * grid, 0, run.seed);
        EXPECT_LT(apart(asked(m, image, black, segments, fit), slow.values), rounding) << grid;
    }
}

TEST(Estimator, KernelShapOfTwoPlayersByHand) {
    // v: nobody 1, {0} 3, {1} 4, both 10: 0 has (2 + 6) / 2, 1 has (3 + 7) / 2.
    const Estimator fit = kernel_shap_estimator(2, 0, 0);
    std::vector<double> answers;
    for (int64_t i = 0; i < fit.coalitions; ++i) {
        const auto mask = fit.view().row(i);
        answers.push_back(mask[0] && mask[1] ? 10 : mask[0] ? 3 : mask[1] ? 4 : 1);
    }
    const std::vector<double> values = fit.values({answers.data(), 1, fit.coalitions});
    EXPECT_NEAR(values[0], 4, 1e-12);
    EXPECT_NEAR(values[1], 5, 1e-12);
}

TEST(Estimator, ManyInputsAreEachTheirOwn) {
    const Estimator fit = kernel_shap_estimator(9, 0, 3);
    std::vector<double> answers(3 * fit.coalitions);
    Rng rng(1, 1, 1);
    for (double& one : answers) one = rng.uniform();
    const std::vector<double> together = fit.values({answers.data(), 3, fit.coalitions});
    for (int64_t i = 0; i < 3; ++i) {
        const std::vector<double> alone =
            fit.values({answers.data() + i * fit.coalitions, 1, fit.coalitions});
        for (int64_t j = 0; j < 9; ++j) EXPECT_NEAR(together[i * 9 + j], alone[j], 1e-12);
        const double sum = std::accumulate(alone.begin(), alone.end(), 0.0);
        EXPECT_NEAR(
            sum,
            answers[i * fit.coalitions + fit.everybody] - answers[i * fit.coalitions + fit.nobody],
            1e-10);
    }
}

TEST(Estimator, NobodyToExplainIsRefused) {
    EXPECT_THROW((void)lime_estimator(0, 100, 0.25, 0), Error);
    EXPECT_THROW((void)kernel_shap_estimator(0, 0, 0), Error);
    EXPECT_THROW((void)lime_estimator(3, 1, 0.25, 0), Error);
}

}  // namespace
}  // namespace whence::experiment
