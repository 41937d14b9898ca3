// Metrics that explain again or change a column, on the shipped models: what they say, and whom
// they refuse.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/support.h"
#include "perturb/fake_models.h"
#include "recipe/support.h"
#include "whence/evaluate/evaluate.h"

namespace whence::evaluate {
namespace {

using namespace recipe::test;

using Names = std::vector<std::string>;

Pool table_pool() {
    return read_pool(table_subject(), {.paths = {examples / "data/breast_cancer.csv"}});
}
Pool cat_pool() {
    return pool_of(image_subject(), cat().batch[0].value);
}

ScoreEstimate value_of(const ScoreCard& card, const std::string& metric) {
    const auto found = std::ranges::find(card.table, metric, &ScoreCardRow::metric);
    if (found == card.table.end()) throw std::runtime_error("no row " + metric);
    return found->of[0];
}

std::string refusal(const recipe::Subject& subject, const Pool& pool, const Request& request) {
    return whence::testing::error_of(
        ErrorKind::unsupported, [&] { return evaluate(subject, pool, request, {}).table.size(); });
}

TEST(Again, RobustnessOfTables) {
    const ScoreCard card =
        evaluate(table_subject(), table_pool(),
                 {.methods = {"input-x-gradient"},
                  .metrics = {"max-sensitivity", "avg-sensitivity", "local-lipschitz",
                              "relative-input-stability", "relative-output-stability"},
                  .rows = "0:3"},
                 {});
    for (const char* metric : {"max-sensitivity", "avg-sensitivity", "local-lipschitz",
                               "relative-input-stability", "relative-output-stability"}) {
        EXPECT_EQ(value_of(card, metric).defined, 3) << metric;
        EXPECT_GT(value_of(card, metric).value, 0) << metric;
    }
    EXPECT_LE(value_of(card, "avg-sensitivity").value, value_of(card, "max-sensitivity").value);
    // The model is linear: its gradient is the same everywhere.
    const ScoreCard gradient =
        evaluate(table_subject(), table_pool(),
                 {.methods = {"saliency"}, .metrics = {"max-sensitivity"}, .rows = "0:3"}, {});
    EXPECT_NEAR(value_of(gradient, "max-sensitivity").value, 0, 1e-6);
}

TEST(Again, RandomisationOfPictures) {
    const ScoreCard card = evaluate(image_subject(), cat_pool(),
                                    {.methods = {"saliency"},
                                     .metrics = {"mprt", "efficient-mprt", "random-logit",
                                                 "input-invariance", "max-sensitivity"}},
                                    {});
    for (const char* metric : {"mprt", "efficient-mprt", "random-logit", "max-sensitivity"})
        EXPECT_EQ(value_of(card, metric).defined, 1) << metric;
    EXPECT_LT(value_of(card, "mprt").value, 0.6);
    // A gradient does not know where zero is.
    EXPECT_EQ(value_of(card, "input-invariance").value, 1);
}

// Saliency explains neighbours in batches; that without magnitudes, and each by itself, agree with
// it.
TEST(Again, BatchesOfNeighboursEqualOneByOne) {
    const auto worst = [](const std::string& method) {
        const ScoreCard card = evaluate(image_subject(), cat_pool(),
                                        {.methods = {method},
                                         .metrics = {"max-sensitivity"},
                                         .options = {{"max-sensitivity", {"samples", int64_t{3}}},
                                                     {method, {"absolute", false}}},
                                         .scale = Scale::logit},
                                        {});
        return value_of(card, "max-sensitivity").value;
    };
    // Smoothing with one copy and no noise is the plain gradient, one row at a time.
    const auto one_by_one = [] {
        const ScoreCard card = evaluate(image_subject(), cat_pool(),
                                        {.methods = {"smoothgrad"},
                                         .metrics = {"max-sensitivity"},
                                         .options = {{"max-sensitivity", {"samples", int64_t{3}}},
                                                     {"smoothgrad", {"samples", int64_t{1}}},
                                                     {"smoothgrad", {"noise", 0.0}}},
                                         .scale = Scale::logit},
                                        {});
        return value_of(card, "max-sensitivity").value;
    };
    EXPECT_NEAR(worst("saliency"), one_by_one(), 1e-4);
}

TEST(Again, GradientTimesInputIsNotInvariant) {
    const ScoreCard card =
        evaluate(image_subject(), cat_pool(),
                 {.methods = {"input-x-gradient"}, .metrics = {"input-invariance"}}, {});
    EXPECT_EQ(value_of(card, "input-invariance").value, 0);
}

TEST(Again, FunctionsHaveNoWeightsToDraw) {
    const auto formula = [](std::span<const double> x) { return x[0] * x[1]; };
    const recipe::Subject subject =
        recipe::Subject::of(std::make_shared<whence::testing::FormulaModel>(
                                Shape{-1, 2}, ElementType::float64, formula),
                            "a function");
    const Pool pool = pool_of(subject, Tensor::of<double>({1, 2}, {1, 2}));
    for (const char* metric : {"mprt", "smooth-mprt", "efficient-mprt", "input-invariance"})
        whence::testing::expect_within(
            refusal(subject, pool, {.methods = {"kernel-shap"}, .metrics = {metric}}),
            "only an ONNX network");
}

TEST(Again, RefusesWhatMakesNoSense) {
    // Values from elsewhere cannot explain again.
    Request given{.given = {{"mine", Tensor(ElementType::float64, {1, 32, 32})}},
                  .metrics = {"mprt"}};
    whence::testing::expect_within(refusal(image_subject(), cat_pool(), given),
                                   "explains other inputs");
    whence::testing::expect_within(refusal(table_subject(), table_pool(),
                                           {.methods = {"saliency"},
                                            .metrics = {"relative-representation-stability"},
                                            .rows = "0:1"}),
                                   "name one with --set");
    whence::testing::expect_within(
        refusal(table_subject(), table_pool(),
                {.methods = {"saliency"}, .metrics = {"protected-share"}, .rows = "0:1"}),
        "--protected");
    whence::testing::expect_within(
        refusal(image_subject(), cat_pool(), {.methods = {"saliency"}, .metrics = {"flip-rate"}}),
        "tables");
}

// Shares of any columns: the breast cancer table has nothing to protect, but columns that go
// together.
TEST(Again, SharesOfColumns) {
    const std::string column = table_subject().background()->schema[0].name;
    const ScoreCard card = evaluate(table_subject(), table_pool(),
                                    {.methods = {"saliency"},
                                     .metrics = {"protected-share", "proxy-share"},
                                     .options = {{"protected-share", {"columns", column}},
                                                 {"proxy-share", {"columns", column}}},
                                     .rows = "0:3"},
                                    {});
    const double share = value_of(card, "protected-share").value;
    EXPECT_GT(share, 0);
    EXPECT_GT(value_of(card, "proxy-share").value, share);
    EXPECT_LE(value_of(card, "proxy-share").value, 1);
}

}  // namespace
}  // namespace whence::evaluate
