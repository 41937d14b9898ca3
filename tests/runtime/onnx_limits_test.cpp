// Models that would never end, or take all memory.

#include <gtest/gtest.h>

#include <thread>

#include "core/support.h"
#include "runtime/models.h"
#include "whence/runtime/environment.h"

namespace whence {
namespace {

using testing::error_of;
using testing::expect_within;
using testing::load;
using testing::plain_run;
using testing::random_tensor;
using namespace std::chrono_literals;

const std::filesystem::path models =
    std::filesystem::path(WHENCE_SOURCE_DIR) / "tests/runtime/models";

// A limit of memory that these tests cannot reach by accident, and a hostile model reaches at once.
const bool limited = (configure_runtime({.threads = 2, .memory = uint64_t{256} << 20}), true);

TEST(OnnxLimits, AShortLoopEnds) {
    const OnnxModel model = OnnxModel::load(models / "short_loop.onnx");
    const Tensor x = random_tensor({3, 2}, 1);
    const auto y = model.predict(x, plain_run).at("y").to_doubles(), in = x.to_doubles();
    for (size_t i = 0; i < 6; ++i) EXPECT_NEAR(y[i], in[i], 1e-5);
}

TEST(OnnxLimits, DeadlineEndsAnEndlessLoop) {
    const OnnxModel model = OnnxModel::load(models / "endless_loop.onnx");
    for (int i = 0; i < 2; ++i) {  // and the model can be asked again
        whence::Run run;
        run.deadline = std::chrono::steady_clock::now() + 200ms;
        expect_within(error_of(ErrorKind::limit,
                               [&] {
                                   return model.predict(random_tensor({1, 2}, 1), run);
                               }),
                      "time limit");
    }
}

TEST(OnnxLimits, StopEndsAnEndlessLoop) {
    const OnnxModel model = OnnxModel::load(models / "endless_loop.onnx");
    std::stop_source source;
    whence::Run run;
    run.stop = source.get_token();
    std::jthread stopper([&] {
        std::this_thread::sleep_for(100ms);
        source.request_stop();
    });
    error_of(ErrorKind::interrupted, [&] { return model.predict(random_tensor({1, 2}, 1), run); });
}

TEST(OnnxLimits, DeadlineEndsAGradientOfAnEndlessLoop) {
    const OnnxModel model = OnnxModel::load(models / "endless_loop.onnx");
    whence::Run run;
    run.deadline = std::chrono::steady_clock::now() + 200ms;
    try {
        (void)model.run(random_tensor({1, 2}, 1), {.output = "y", .index = 0, .gradients = {"x"}},
                        run);
        ADD_FAILURE() << "it ended";
    } catch (const Error& error) {  // in time, or at once for want of a rule
        EXPECT_TRUE(error.kind() == ErrorKind::limit || error.kind() == ErrorKind::unsupported)
            << error.what();
    }
}

// The deadline of loading is not that of later calls.
TEST(OnnxLimits, ALoadedModelOutlivesItsDeadline) {
    OnnxModelOptions options;
    options.run.deadline = std::chrono::steady_clock::now() + 2s;
    const OnnxModel model = load(testing::perceptron(-1), options);
    std::this_thread::sleep_until(options.run.deadline + 1ms);
    const Tensor x = random_tensor({1, 4}, 1, ElementType::float64);
    EXPECT_EQ(
        model.run(x, {.output = "y", .index = 0, .gradients = {"x"}}, plain_run).gradients.size(),
        1U);
}

TEST(OnnxLimits, PastDeadlinesAndStopsBeforeTheRun) {
    const OnnxModel model = load(testing::perceptron(-1));
    whence::Run run;
    run.deadline = std::chrono::steady_clock::now() - 1s;
    const Tensor x = random_tensor({1, 4}, 1, ElementType::float64);
    error_of(ErrorKind::limit, [&] { return model.predict(x, run); });
    std::stop_source source;
    source.request_stop();
    run.stop = source.get_token();
    error_of(ErrorKind::interrupted, [&] { return model.predict(x, run); });
}

// A kilobyte of model that asks for gigabytes.
graph::Graph expanded(int64_t length) {
    graph::Graph graph =
        testing::empty_graph({testing::value_info("x", ElementType::float32, {-1, 1})});
    graph::Builder b(graph);
    const std::string wide = b.node("Expand", {"x", b.ints({1, length})});
    testing::add_output(graph, b.reduce_sum(wide, {1}, true), "y",
                        testing::value_info("y", ElementType::float32, {-1, 1}));
    return graph;
}

TEST(OnnxLimits, HugeExpandIsRefused) {
    ASSERT_TRUE(limited);
    const Tensor x = random_tensor({1, 1}, 1);
    EXPECT_EQ(load(expanded(1000)).predict(x, plain_run).rows(), 1);
    for (const int64_t length : {int64_t{1} << 28, int64_t{1} << 33, int64_t{1} << 40})
        expect_within(error_of(ErrorKind::limit,
                               [&] { return load(expanded(length)).predict(x, plain_run); }),
                      "memory");
}

// Loading tries a model exported for one row with made-up rows: not if they alone fill the memory.
TEST(OnnxLimits, HugeInputsAreNotTried) {
    graph::Graph graph = testing::empty_graph(
        {testing::value_info("x", ElementType::float32, {1, int64_t{1} << 36})});
    graph::Builder b(graph);
    testing::add_output(graph, b.reduce_sum("x", {1}, true), "y",
                        testing::value_info("y", ElementType::float32, {1, 1}));
    const OnnxModel model = load(graph);
    EXPECT_EQ(model.fixed_batch(), 1);
    EXPECT_GE(model.preferred_batch(), 1);
    error_of(ErrorKind::input, [&] { return model.predict(random_tensor({1, 4}, 1), plain_run); });
}

TEST(OnnxLimits, LengthsWhoseProductOverflows) {
    const int64_t long_one = int64_t{1} << 40;
    graph::Graph graph = testing::empty_graph(
        {testing::value_info("x", ElementType::float32, {-1, long_one, long_one, long_one})});
    graph::Builder b(graph);
    testing::add_output(
        graph, b.neg("x"), "y",
        testing::value_info("y", ElementType::float32, {-1, long_one, long_one, long_one}));
    try {
        EXPECT_EQ(load(graph).preferred_batch(), 1);
    } catch (const Error& error) {
        EXPECT_TRUE(error.kind() == ErrorKind::limit || error.kind() == ErrorKind::model)
            << error.what();
    }
}

}  // namespace
}  // namespace whence
