#include "whence/core/evaluator.h"

#include <gtest/gtest.h>

#include "core/support.h"

namespace whence {
namespace {

using testing::error_of;
using testing::plain_run;

// y = 2 a + b of rows [a, b]; says how many rows each call had.
class Line : public Model {
  public:
    explicit Line(int64_t batch) : batch_(batch) {}
    const std::vector<TensorInfo>& inputs() const override { return inputs_; }
    const std::vector<TensorInfo>& outputs() const override { return outputs_; }
    int concurrency() const override { return 1; }
    int64_t preferred_batch() const override { return batch_; }
    Batch predict(const Batch& inputs, const whence::Run&) const override {
        calls.push_back(inputs.rows());
        const auto x = inputs.at("x").as<float>();
        Tensor y(ElementType::float64, {inputs.rows(), 1});
        for (int64_t row = 0; row < inputs.rows(); ++row)
            y.as<double>()[row] = 2 * x[2 * row] + x[2 * row + 1];
        return Batch({{"y", std::move(y)}});
    }
    mutable std::vector<int64_t> calls;

  private:
    int64_t batch_;
    std::vector<TensorInfo> inputs_ = {{.name = "x", .shape = {-1, 2}}};
    std::vector<TensorInfo> outputs_ = {
        {.name = "y", .type = ElementType::float64, .shape = {-1, 1}}};
};

const ResolvedTarget target{.output = "y", .classes = 1};
const Batch input({{"x", Tensor::of<float>({1, 2}, std::vector<float>{0, 7})}});

// Row i gets a = i; b stays as in the template.
void count_up(int64_t first, Batch& batch) {
    for (int64_t row = 0; row < batch.rows(); ++row)
        batch[0].value.as<float>()[2 * row] = static_cast<float>(first + row);
}

TEST(Evaluator, ScoresTheRowsGiven) {
    const Line model(4);
    Evaluator evaluator(model, target, plain_run);
    const Batch rows({{"x", Tensor::of<float>({2, 2}, std::vector<float>{1, 2, 3, 4})}});
    EXPECT_EQ(evaluator.scores(rows), (std::vector<double>{4, 10}));
    EXPECT_EQ(evaluator.evaluations(), 2);
}

TEST(Evaluator, BatchesDoNotChangeResults) {
    for (const int64_t count : {1, 4, 5, 8, 23})
        for (const int64_t batch : {0, 1, 3, 4, 100}) {
            const Line model(batch);
            Evaluator evaluator(model, target, plain_run);
            const std::vector<double> scores = evaluator.scores(input, count, count_up, "rows");
            ASSERT_EQ(static_cast<int64_t>(scores.size()), count);
            for (int64_t i = 0; i < count; ++i)
                EXPECT_EQ(scores[i], 2.0 * static_cast<double>(i) + 7);
            EXPECT_EQ(evaluator.evaluations(), count);
            for (size_t i = 0; i + 1 < model.calls.size(); ++i)
                EXPECT_EQ(model.calls[i], std::max<int64_t>(1, batch));
        }
}

TEST(Evaluator, NothingToDo) {
    const Line model(4);
    Evaluator evaluator(model, target, plain_run);
    EXPECT_TRUE(evaluator.scores(input, 0, count_up, "rows").empty());
    EXPECT_TRUE(model.calls.empty());
}

TEST(Evaluator, CountsOverAllCallsAndReports) {
    const Line model(4);
    std::vector<int64_t> heard;
    whence::Run run;
    run.progress = [&](std::string_view what, int64_t done, int64_t total) {
        EXPECT_EQ(what, "rows");
        EXPECT_EQ(total, 10);
        heard.push_back(done);
    };
    Evaluator evaluator(model, target, run);
    (void)evaluator.scores(input);
    (void)evaluator.scores(input, 10, count_up, "rows");
    EXPECT_EQ(heard, (std::vector<int64_t>{4, 8, 10}));
    EXPECT_EQ(evaluator.evaluations(), 11);
}

TEST(Evaluator, StopsBetweenBatches) {
    const Line model(2);
    std::stop_source source;
    whence::Run run;
    run.stop = source.get_token();
    run.progress = [&](std::string_view, int64_t done, int64_t) {
        if (done == 4) source.request_stop();
    };
    Evaluator evaluator(model, target, run);
    error_of(ErrorKind::interrupted,
             [&] { return evaluator.scores(input, 100, count_up, "rows"); });
    EXPECT_EQ(evaluator.evaluations(), 4);
}

TEST(Evaluator, TemplateMustBeOneRow) {
    const Line model(2);
    Evaluator evaluator(model, target, plain_run);
    error_of(ErrorKind::internal,
             [&] { return evaluator.scores(input.repeat_row(2), 5, count_up, "rows"); });
}

}  // namespace
}  // namespace whence
