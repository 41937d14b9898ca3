// Training as a whole: what it starts from, what it learns, that it is the same bits each time.

#include "whence/training/training.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <thread>

#include "message_of.h"
#include "training/support.h"
#include "whence/core/function_model.h"
#include "whence/graph/io.h"

namespace whence::training {
namespace {

constexpr Architecture architectures[] = {Architecture::dense, Architecture::cnn};

/// Mean cross-entropy of the model that methods see.
double loss_of(const ModelState& state, const data::LabelledImages& images) {
    Batch batch;
    batch.add("pixels", images.rows(all_rows(images)));
    const std::vector<double> scores = state.model().predict(batch, {})[0].value.to_doubles();
    double sum = 0;
    for (int64_t i = 0; i < images.count(); ++i) sum -= std::log(scores[i * images.classes.size() + images.labels[i]]);
    return sum / static_cast<double>(images.count());
}

TEST(Training, StartsFromPyTorchsDistribution) {
    const data::LabelledImages images = quarters(1, 20, 3);
    for (const Architecture architecture : architectures) {
        const graph::Graph network = initial(images, {.architecture = architecture}, 3).graph();
        for (const auto& [name, weights] : network.initializers) {
            const std::string layer = name.substr(0, name.find('.'));
            const Shape shape = network.initializers.at(layer + ".weight")->shape();
            const double bound = 1 / std::sqrt(static_cast<double>(element_count(shape) / shape[0]));
            double square = 0, most = 0;
            for (const double value : weights->to_doubles()) {
                square += value * value;
                most = std::max(most, std::abs(value));
            }
            EXPECT_LE(most, bound) << name;
            if (weights->size() < 100) continue;
            EXPECT_GT(most, 0.9 * bound) << name;
            EXPECT_NEAR(square / static_cast<double>(weights->size()) / (bound * bound), 1.0 / 3, 0.07) << name;
        }
        EXPECT_NE(initial(images, {.architecture = architecture}, 3).onnx(), initial(images, {.architecture = architecture}, 4).onnx());
    }
}

TEST(Training, LearnsWhatCanBeLearnt) {
    const data::LabelledImages train_images = quarters(400), test_images = quarters(200, 8, 1, 6);
    for (const Architecture architecture : architectures) {
        std::vector<double> losses, accuracies;
        const Options options{.architecture = architecture, .epochs = 12, .batch = 20, .learning_rate = 0.005};
        const ModelState last = train(train_images, all_rows(train_images), options, {.seed = 1}, [&](const Epoch& epoch) {
            EXPECT_EQ(epoch.number, static_cast<int64_t>(losses.size()) + 1);
            losses.push_back(epoch.loss);
            accuracies.push_back(accuracy(epoch.state.model(), test_images, all_rows(test_images), {}));
        });
        ASSERT_EQ(losses.size(), 12U);
        EXPECT_LT(losses.back(), 0.1 * losses.front());
        EXPECT_GT(accuracies.back(), 0.97);
        EXPECT_EQ(accuracy(last.model(), test_images, all_rows(test_images), {}), accuracies.back());
    }
}

TEST(Training, AnEpochMeetsEachPictureOnce) {
    const data::LabelledImages images = quarters(50);
    for (const Architecture architecture : architectures) {
        // With steps of nothing the epoch's loss is that of the network it started from.
        const Options options{.architecture = architecture, .epochs = 2, .batch = 16, .learning_rate = 1e-30};
        const double expected = loss_of(initial(images, options, 9), images);
        const ModelState state = train(images, all_rows(images), options, {.seed = 9},
                                       [&](const Epoch& epoch) { EXPECT_NEAR(epoch.loss, expected, 1e-5); });
        EXPECT_EQ(state.onnx(), initial(images, options, 9).onnx());
    }
}

TEST(Training, OnlyTheChosenRowsAreMet) {
    data::LabelledImages images = quarters(60);
    const std::vector<int64_t> rows = {3, 1, 4, 15, 9, 26, 5, 35, 8, 58};
    const Options options{.epochs = 2, .batch = 4};
    const std::string before = train(images, rows, options, {.seed = 2}).onnx();
    const std::set<int64_t> chosen(rows.begin(), rows.end());
    for (int64_t i = 0; i < images.count(); ++i)
        if (!chosen.count(i)) std::fill_n(images.pixels.begin() + i * images.image_size(), images.image_size(), uint8_t{255});
    EXPECT_EQ(train(images, rows, options, {.seed = 2}).onnx(), before);
    images.pixels[3 * images.image_size()] ^= 128;
    EXPECT_NE(train(images, rows, options, {.seed = 2}).onnx(), before);
}

TEST(Training, IsTheSameBitsOnAnyNumberOfThreadsAndSideBySide) {
    const data::LabelledImages images = quarters(70, 9, 3);
    for (const Architecture architecture : architectures) {
        const Options options{.architecture = architecture, .epochs = 2, .batch = 16};
        const auto trained = [&](uint64_t seed, int threads) {
            return train(images, all_rows(images), options, {.seed = seed, .threads = threads}).onnx();
        };
        const std::string first = trained(1, 1), other = trained(2, 1);
        EXPECT_NE(first, other);
        for (const int threads : {2, 8}) EXPECT_EQ(trained(1, threads), first);
        std::vector<std::string> results(4);
        {
            std::vector<std::jthread> side_by_side;
            for (size_t i = 0; i < results.size(); ++i)
                side_by_side.emplace_back([&, i] { results[i] = trained(1 + i % 2, 1); });
        }
        EXPECT_EQ(results, (std::vector<std::string>{first, other, first, other}));
    }
}

TEST(Training, AStateIsAnOrdinaryModel) {
    const data::LabelledImages images = quarters(6, 8, 3);
    for (const Architecture architecture : architectures) {
        const ModelState state = initial(images, {.architecture = architecture, .hidden = 7}, 1);
        const OnnxModel model = state.model();
        ASSERT_EQ(model.inputs().size(), 1U);
        EXPECT_EQ(model.inputs()[0].name, "pixels");
        EXPECT_EQ(model.inputs()[0].shape, (Shape{-1, 8, 8, 3}));
        ASSERT_EQ(model.outputs().size(), 1U);
        EXPECT_EQ(model.outputs()[0].name, "probabilities");
        EXPECT_EQ(model.outputs()[0].shape, (Shape{-1, 4}));
        EXPECT_EQ(model.outputs()[0].scale, Scale::probability);
        // Gradients with respect to pixels, and of the scores before the softmax.
        Batch batch;
        batch.add("pixels", images.rows(all_rows(images)));
        GradientRequest request{.output = "probabilities", .index = 1, .scale = Scale::logit};
        request.gradients = {"pixels"};
        EXPECT_EQ(model.run(batch, request, {}).gradients[0].shape(), (Shape{6, 8, 8, 3}));
    }
}

TEST(Training, StopsOnDemand) {
    const data::LabelledImages images = quarters(100);
    std::stop_source stop;
    whence::Run run{.seed = 1};
    run.stop = stop.get_token();
    std::vector<int64_t> done;
    run.progress = [&](std::string_view what, int64_t now, int64_t total) {
        EXPECT_EQ(what, "training");
        EXPECT_EQ(total, 500);
        done.push_back(now);
        if (done.size() == 3) stop.request_stop();
    };
    message_of(ErrorKind::interrupted, [&] { (void)train(images, all_rows(images), {.batch = 10}, run); });
    EXPECT_EQ(done, (std::vector<int64_t>{10, 20, 30}));
    whence::Run late;
    late.deadline = std::chrono::steady_clock::now();
    message_of(ErrorKind::limit, [&] { (void)train(images, all_rows(images), {}, late); });
}

TEST(Training, OptionsAndRowsAreChecked) {
    const data::LabelledImages images = quarters(10);
    const auto refused = [&](const Options& options) {
        return message_of(ErrorKind::usage, [&] { (void)train(images, all_rows(images), options, {}); });
    };
    EXPECT_EQ(refused({.hidden = 0}), "hidden must be from 1 to 65536, not 0");
    EXPECT_EQ(refused({.epochs = 0}), "epochs must be from 1 to 10000, not 0");
    EXPECT_EQ(refused({.batch = 100'000}), "batch must be from 1 to 65536, not 100000");
    EXPECT_EQ(refused({.learning_rate = 0}), "learning_rate must be above 0, not 0");
    EXPECT_EQ(refused({.learning_rate = NAN}), "learning_rate must be above 0, not nan");
    EXPECT_EQ(message_of(ErrorKind::usage, [&] { (void)train(images, {}, {}, {}); }), "no pictures were chosen");
    EXPECT_EQ(message_of(ErrorKind::usage, [&] { (void)train(images, std::vector<int64_t>{10}, {}, {}); }),
              "no picture 10 in a set of 10");
    EXPECT_EQ(message_of(ErrorKind::usage, [] { (void)architecture_of("deep"); }),
              "no architecture 'deep'; there are dense and cnn");
    data::LabelledImages wrong = images;
    wrong.labels[4] = 4;
    EXPECT_EQ(message_of(ErrorKind::input, [&] { (void)train(wrong, all_rows(wrong), {}, {}); }),
              "picture 4 has label 4, and there are 4 classes");
    wrong.classes.clear();
    message_of(ErrorKind::input, [&] { (void)train(wrong, all_rows(wrong), {}, {}); });
    const data::LabelledImages small = quarters(10, 2);
    EXPECT_NE(message_of(ErrorKind::input, [&] { (void)initial(small, {.architecture = Architecture::cnn}, 0); }).find("too small"),
              std::string::npos);
}

TEST(Accuracy, CountsTheFirstOfTheLargestScores) {
    data::LabelledImages images{.height = 1, .width = 1, .channels = 1, .pixels = {0, 1, 2, 3, 4}, .labels = {0, 1, 1, 0, 1},
                                .classes = {"a", "b"}};
    // Even bytes score equally for both classes, odd ones for the second.
    const auto scores = [](const Tensor& rows, const whence::Run&) {
        Tensor out(ElementType::float32, {rows.rows(), 2});
        for (int64_t i = 0; i < rows.rows(); ++i)
            out.as<float>()[2 * i + 1] = static_cast<float>(static_cast<int>(std::lround(rows.as<float>()[i] * 255)) % 2);
        return out;
    };
    const FunctionModel model({.name = "x", .shape = {-1, 1, 1, 1}}, {.name = "y", .shape = {-1, 2}}, scores,
                              {.preferred_batch = 2});
    EXPECT_EQ(accuracy(model, images, all_rows(images), {}), 0.4);
    EXPECT_EQ(accuracy(model, images, std::vector<int64_t>{0, 1}, {}), 1);
    message_of(ErrorKind::usage, [&] { (void)accuracy(model, images, {}, {}); });
    const OnnxModel other = initial(quarters(1), {}, 0).model();
    message_of(ErrorKind::input, [&] { (void)accuracy(other, images, all_rows(images), {}); });
}

TEST(Training, ReachesOnMnistWhatSuchNetworksReach) {
    const std::filesystem::path folder = WHENCE_SHARED_DIR "/data/mnist";
    if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no MNIST beside the project";
    const data::ImageSet set = data::read_image_set(folder);
    std::vector<int64_t> rows(12'000);
    std::iota(rows.begin(), rows.end(), 0);
    const ModelState state = train(set.train, rows, {.epochs = 2}, {.seed = 1});
    // PyTorch 2.15, same network, rows and options: 0.906 to 0.912 over seeds 0 to 4.
    EXPECT_NEAR(accuracy(state.model(), set.test, all_rows(set.test), {}), 0.909, 0.01);
}

}  // namespace
}  // namespace whence::training
