#include "whence/core/function_model.h"

#include <gtest/gtest.h>

#include "core/support.h"
#include "whence/core/evaluator.h"

namespace whence {
namespace {

using testing::error_of;
using testing::expect_within;

const TensorInfo two_numbers{.name = "x", .type = ElementType::float64, .shape = {-1, 2}};
const TensorInfo one_score{.name = "y", .type = ElementType::float64, .shape = {-1, 1}};

Tensor sums(const Tensor& rows, const whence::Run&) {
    Tensor out(ElementType::float32, {rows.rows()});
    for (int64_t i = 0; i < rows.rows(); ++i)
        out.as<float>()[i] =
            static_cast<float>(rows.as<double>()[2 * i] + rows.as<double>()[2 * i + 1]);
    return out;
}

TEST(FunctionModel, AnswersRows) {
    const FunctionModel model(two_numbers, one_score, sums);
    const Batch rows(Tensor::of<float>({2, 2}, std::vector<float>{1, 2, 3, 4}));
    EXPECT_EQ(model.predict(rows, {}).at("y"), Tensor::of<double>({2, 1}, std::vector<double>{3, 7}));
    Evaluator evaluator(model, {.output = "y"}, whence::Run{});
    EXPECT_EQ(evaluator.scores(rows), (std::vector<double>{3, 7}));
}

TEST(FunctionModel, SaysWhatDoesNotFit) {
    const FunctionModel model(two_numbers, one_score, sums);
    expect_within(error_of(ErrorKind::input,
                           [&] { return model.predict(Batch(Tensor(ElementType::float64, {2, 3})), {}); }),
                  "reads rows of shape [?, 2], not [2, 3]");
    const FunctionModel wrong(two_numbers, one_score, [](const Tensor&, const whence::Run&) {
        return Tensor(ElementType::float64, {7, 1});
    });
    expect_within(error_of(ErrorKind::model,
                           [&] { return wrong.predict(Batch(Tensor(ElementType::float64, {2, 2})), {}); }),
                  "returned float64 [7, 1] for 2 rows");
    EXPECT_THROW(FunctionModel(two_numbers, {.name = "y", .type = ElementType::string, .shape = {-1}}, sums),
                 Error);
    EXPECT_THROW(FunctionModel(two_numbers, one_score, sums, {.preferred_batch = 0}), Error);
}

TEST(FunctionModel, StopsWhenAsked) {
    const FunctionModel model(two_numbers, one_score, sums);
    std::stop_source stop;
    stop.request_stop();
    EXPECT_THROW((void)model.predict(Batch(Tensor(ElementType::float64, {2, 2})), {.stop = stop.get_token()}),
                 Error);
}

}  // namespace
}  // namespace whence
