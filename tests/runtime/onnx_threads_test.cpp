// Many threads ask one model; any number of threads gives the same bits.

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "core/support.h"
#include "runtime/models.h"
#include "whence/data/npy.h"
#include "whence/runtime/environment.h"

namespace whence {
namespace {

using testing::load;
using testing::perceptron;
using testing::plain_run;
using testing::random_tensor;

const std::filesystem::path networks =
    std::filesystem::path(WHENCE_SOURCE_DIR) / "tests/golden/networks";

void from_eight_threads(const std::function<void(int)>& work) {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) threads.emplace_back([&work, i] { work(i); });
}

// Gradient sessions are made when first asked for: several threads ask for several at once.
TEST(OnnxThreads, PredictAndRunFromEightThreads) {
    for (const int threads : {0, 1, 2}) {
        const OnnxModel model = load(perceptron(-1), {.threads = threads});
        std::vector<Tensor> x;
        std::vector<Batch> predictions;
        std::vector<GradientResult> gradients;
        const auto request = [](int i) {
            return GradientRequest{.output = "y",
                                   .index = i % 3,
                                   .values = {"hidden"},
                                   .gradients = {i % 2 ? "x" : "hidden"}};
        };
        {
            const OnnxModel alone = load(perceptron(-1), {.threads = threads});
            for (int i = 0; i < 8; ++i) {
                x.push_back(random_tensor({i + 1, 4}, i, ElementType::float64));
                predictions.push_back(alone.predict(x[i], plain_run));
                gradients.push_back(alone.run(x[i], request(i), plain_run));
            }
        }
        from_eight_threads([&](int i) {
            for (int round = 0; round < 5; ++round) {
                EXPECT_EQ(model.predict(x[i], plain_run).at("y"), predictions[i].at("y"));
                const GradientResult result = model.run(x[i], request(i), plain_run);
                EXPECT_EQ(result.target, gradients[i].target);
                EXPECT_EQ(result.gradients, gradients[i].gradients);
                EXPECT_EQ(result.values, gradients[i].values);
            }
        });
    }
}

TEST(OnnxThreads, QuestionsOfSeveralKindsAtOnce) {
    const OnnxModel model = load(perceptron(-1));
    from_eight_threads([&](int i) {
        if (i % 2 == 0)
            EXPECT_EQ(model.layers().back().name, "y");
        else
            EXPECT_TRUE(model.differentiability()[0].connected);
        EXPECT_FALSE(model.gradient_graph({.output = "y", .gradients = {"x"}}).nodes.empty());
    });
}

TEST(OnnxThreads, DeadlinesOfSeveralThreads) {
    const OnnxModel model = load(perceptron(-1));
    from_eight_threads([&](int i) {
        const Tensor x = random_tensor({2, 4}, i, ElementType::float64);
        for (int round = 0; round < 20; ++round) {
            whence::Run run;
            run.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(100 + i - round);
            EXPECT_EQ(model.predict(x, run).rows(), 2);
        }
    });
}

class Convolutional : public ::testing::TestWithParam<std::string> {};

TEST_P(Convolutional, SameBitsOnAnyNumberOfThreads) {
    const Tensor x = data::read_npz(networks / (GetParam() + ".npz"))[0].value;
    std::optional<Batch> first;
    std::optional<GradientResult> first_gradient;
    for (const int threads : {1, 2, 4}) {
        const OnnxModel model =
            OnnxModel::load(networks / (GetParam() + ".onnx"), {.threads = threads});
        // More rows than a part has, and no multiple of it.
        Batch rows;
        std::vector<int64_t> shape = x.shape();
        shape[0] = 37;
        rows.add(model.inputs()[0].name, random_tensor(shape, 3, x.type()));
        const std::string output = model.outputs()[0].name, input = model.inputs()[0].name;
        for (const int run_threads : {0, 1, 3}) {
            whence::Run run;
            run.threads = run_threads;
            const Batch prediction = model.predict(rows, run);
            const GradientResult gradient =
                model.run(rows, {.output = output, .gradients = {input}}, run);
            if (!first) {
                first = prediction;
                first_gradient = gradient;
            }
            EXPECT_EQ(prediction.at(output), first->at(output)) << threads << ' ' << run_threads;
            EXPECT_EQ(gradient.gradients, first_gradient->gradients)
                << threads << ' ' << run_threads;
            EXPECT_EQ(gradient.target, first_gradient->target) << threads << ' ' << run_threads;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(OnnxThreads, Convolutional,
                         ::testing::Values("conv2d", "pools", "unet", "conv1d", "conv_transpose"),
                         [](const auto& network) { return network.param; });

}  // namespace
}  // namespace whence
