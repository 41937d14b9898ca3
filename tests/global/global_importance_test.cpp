#include <gtest/gtest.h>

#include <algorithm>

#include "global/support.h"
#include "whence/core/error.h"
#include "whence/core/function_model.h"
#include "whence/global/importance.h"

namespace whence::global {
namespace {

using test::Example;
using test::uniform_rows;

double formula(std::span<const double> x) {
    return 2 * x[0] + x[1];
}

std::vector<double> answers(const Example& e) {
    std::vector<double> out;
    for (int64_t i = 0; i < e.rows.rows(); ++i) out.push_back(formula(e.task.row(i)));
    return out;
}

// Of a linear model that is right, shuffling column j costs b^2 (x' - x)^2: in the mean 2 b^2
// var(x), and 2/3 b^2 for uniform numbers from -1 to 1.
TEST(Importance, OfALinearModelIsKnown) {
    const Example e(3, uniform_rows(4000, 3), formula);
    const Importance found = importance(
        e.task, {0, 1, 2}, {.loss = Loss::squared_error, .labels = answers(e), .repeats = 3}, {});
    EXPECT_NEAR(found.reference, 0, 1e-30);
    const double expected[] = {4 * 2 / 3.0, 2 / 3.0, 0};
    for (int i = 0; i < 3; ++i)
        EXPECT_NEAR(found.values[i], expected[i], 4.5 * found.standard_errors[i] + 1e-12) << i;
    EXPECT_GT(found.standard_errors[0], 0.01);
    EXPECT_LT(found.standard_errors[0], 0.1);
    EXPECT_EQ(found.values[2], 0);
    EXPECT_EQ(e.model.asked, 4000 * (1 + 3 * 3));
}

// The twin: shuffles one after the other, a row at a time.
TEST(Importance, IsWhatOneRowAtATimeGives) {
    const Example e(2, uniform_rows(5, 2), formula, 3);
    const std::vector<std::vector<int32_t>> orders = {{4, 3, 2, 1, 0}, {0, 1, 2, 4, 3}};
    const std::vector<double> labels = {1, -1, 0.5, 2, 0};
    const auto found =
        loss_increases(e.task, 0, orders, {.loss = Loss::squared_error, .labels = labels}, {});
    const auto changes = loss_increases(e.task, 0, orders, {}, {});
    for (size_t r = 0; r < 2; ++r)
        for (int i = 0; i < 5; ++i) {
            std::vector<double> x(e.task.row(i).begin(), e.task.row(i).end());
            const double before = formula(x);
            x[0] = e.task.row(orders[r][i])[0];
            const double after = formula(x);
            EXPECT_NEAR(found[r][i],
                        std::pow(labels[i] - after, 2) - std::pow(labels[i] - before, 2), 1e-14);
            EXPECT_EQ(changes[r][i], std::abs(after - before));
        }
}

// Three classes: logits of the first two columns, and 0.
FunctionModel classifier() {
    return {{.name = "x", .type = ElementType::float64, .shape = {-1, 2}},
            {.name = "y", .type = ElementType::float64, .shape = {-1, 3}, .scale = Scale::logit},
            [](const Tensor& rows, const whence::Run&) {
                Tensor out(ElementType::float64, {rows.rows(), 3});
                for (int64_t i = 0; i < rows.rows(); ++i)
                    for (int c = 0; c < 2; ++c)
                        out.as<double>()[3 * i + c] = rows.as<double>()[2 * i + c];
                return out;
            }};
}

TEST(Importance, OfClassesByErrorRateAndLogLoss) {
    const FunctionModel model = classifier();
    const Schema schema = {{.name = "a"}, {.name = "b"}};
    const Tensor rows = Tensor::of<double>({3, 2}, std::vector<double>{2, 0, 0, 2, -1, -1});
    const Task task{
        model,
        schema,
        rows,
        {.output = "y", .scale = Scale::probability, .output_scale = Scale::logit, .classes = 3}};
    const std::vector<std::vector<int32_t>> swap = {{1, 0, 2}};  // column a becomes 0, 2, -1
    const auto wrong =
        loss_increases(task, 0, swap, {.loss = Loss::error_rate, .labels = {0, 1, 2}}, {});
    // Row 0: logits 0, 0, 0, the first class wins still; row 1: 2, 2, 0, the first wins: wrong now.
    EXPECT_EQ(wrong[0], (std::vector<double>{0, 1, 0}));
    const auto log =
        loss_increases(task, 0, swap, {.loss = Loss::log_loss, .labels = {0, 1, 2}}, {});
    const double two = std::exp(2.0);
    EXPECT_NEAR(log[0][0], std::log(3.0) - std::log((two + 2) / two), 1e-14);
    EXPECT_NEAR(log[0][1], std::log((2 * two + 1) / two) - std::log((two + 2) / two), 1e-14);
    EXPECT_EQ(log[0][2], 0);
}

TEST(Importance, OfASingleProbability) {
    const FunctionModel model(
        {.name = "x", .type = ElementType::float64, .shape = {-1, 1}},
        {.name = "y", .type = ElementType::float64, .shape = {-1, 1}, .scale = Scale::probability},
        [](const Tensor& rows, const whence::Run&) { return rows; });
    const Schema schema = {{.name = "a"}};
    const Tensor rows = Tensor::of<double>({2, 1}, std::vector<double>{0.9, 0.2});
    const Task task{
        model,
        schema,
        rows,
        {.output = "y", .scale = Scale::probability, .output_scale = Scale::probability}};
    const ImportanceOptions options{.loss = Loss::error_rate, .labels = {1, 0}};
    EXPECT_EQ(loss_increases(task, 0, {{1, 0}}, options, {})[0], (std::vector<double>{1, 1}));
    const auto log =
        loss_increases(task, 0, {{1, 0}}, {.loss = Loss::log_loss, .labels = {1, 0}}, {});
    EXPECT_NEAR(log[0][0], std::log(0.9 / 0.2), 1e-14);
    EXPECT_NEAR(log[0][1], std::log(0.8 / 0.1), 1e-14);
}

TEST(Importance, OfConstantColumnOneRowAndMissing) {
    Example constant(2, {1, 7, 2, 7, NAN, 7},
                     [](std::span<const double> x) { return std::isnan(x[0]) ? 9 : x[0] + x[1]; });
    constant.schema[0].allows_missing = true;
    const Importance found = importance(constant.task, {0, 1}, {}, {});
    EXPECT_EQ(found.values[1], 0);
    EXPECT_TRUE(std::isfinite(found.values[0]));
    const Example one(2, {1, 2}, formula);
    const Importance of_one = importance(one.task, {0, 1}, {}, {});
    EXPECT_EQ(of_one.values, (std::vector<double>{0, 0}));
    EXPECT_TRUE(std::isnan(of_one.standard_errors[0]));
}

TEST(Importance, SameBitsForAnyThreadsBatchesAndOtherFeatures) {
    const auto values = [](int threads, int64_t batch, const std::vector<int64_t>& features) {
        const Example e(3, uniform_rows(101, 3), formula, batch);
        return importance(e.task, features, {}, {.seed = 6, .threads = threads}).repeats;
    };
    const auto all = values(1, 64, {0, 1, 2});
    EXPECT_EQ(all, values(2, 64, {0, 1, 2}));
    EXPECT_EQ(all, values(8, 1000, {0, 1, 2}));
    EXPECT_EQ(all[1], values(1, 5, {1})[0]);
}

std::string refusal(const Example& e, const ImportanceOptions& options) {
    try {
        (void)importance(e.task, {0}, options, {});
    } catch (const Error& error) {
        return error.what();
    }
    return "nothing was refused";
}

TEST(Importance, SaysWhatIsWrong) {
    const Example e(2, {1, 2, 3, 4}, formula);
    EXPECT_EQ(refusal(e, {.repeats = 0}), "repeats is less than 1");
    EXPECT_EQ(refusal(e, {.loss = Loss::squared_error}),
              "squared-error needs a label for each of 2 rows, not 0");
    EXPECT_EQ(refusal(e, {.loss = Loss::squared_error, .labels = {1, NAN}}),
              "row 1: the label is missing");
    EXPECT_EQ(refusal(e, {.loss = Loss::error_rate, .labels = {1, 2.5}}),
              "row 1: the label is none of the classes 0 to 1; of a regression the loss is "
              "squared-error");
    EXPECT_THROW((void)parse_loss("accuracy"), Error);
    EXPECT_EQ(parse_loss("log-loss"), Loss::log_loss);
}

TEST(Importance, StopsWhenAsked) {
    const Example e(2, {1, 2, 3, 4}, formula);
    std::stop_source stop;
    stop.request_stop();
    EXPECT_THROW((void)importance(e.task, {0}, {}, {.stop = stop.get_token()}), Error);
}

}  // namespace
}  // namespace whence::global
