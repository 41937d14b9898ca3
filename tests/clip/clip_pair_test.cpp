// Encoders, embeddings and joined models of a tiny pair: golden/pair, made by make_pair_golden.py.

#include "whence/clip/pair.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "../message_of.h"
#include "pair_folder.h"
#include "whence/core/error.h"

namespace whence::clip {
namespace {

using nlohmann::json;
using test::PairFolder;

// Embeddings and logits come from float32 sums of at most a few hundred terms near 1, in another
// order.
constexpr double rounding = 2e-5;

const json& expected() {
    static const json read = [] {
        std::ifstream stream(test::golden / "pair.json");
        return json::parse(stream);
    }();
    return read;
}

std::vector<std::filesystem::path> pictures() {
    std::vector<std::filesystem::path> out;
    for (const json& name : expected()["pictures"])
        out.push_back(std::filesystem::path(WHENCE_SOURCE_DIR) / "tests/data/files" /
                      name.get<std::string>());
    return out;
}

std::vector<std::string> texts() {
    return expected()["texts"].get<std::vector<std::string>>();
}

void expect_rows(const Tensor& rows, const json& wanted, double within = rounding) {
    ASSERT_EQ(rows.rows(), static_cast<int64_t>(wanted.size()));
    ASSERT_EQ(rows.row_size(), static_cast<int64_t>(wanted[0].size()));
    const std::vector<double> values = rows.to_doubles();
    for (size_t i = 0; i < values.size(); ++i)
        EXPECT_NEAR(values[i], wanted[i / wanted[0].size()][i % wanted[0].size()].get<double>(),
                    within)
            << i;
}

Tensor prepared(const Pair& pair, const std::vector<std::filesystem::path>& files) {
    std::vector<float> all;
    Shape shape;
    for (const auto& file : files) {
        const Tensor one = data::prepare_image(data::read_image(file), pair.preprocessing(), 0, 0);
        shape = one.shape();
        all.insert(all.end(), one.as<float>().begin(), one.as<float>().end());
    }
    shape[0] = static_cast<int64_t>(files.size());
    return Tensor::of<float>(shape, all);
}

TEST(ClipPair, EmbeddingsAreThoseOfOnnxRuntimeAndPillow) {
    const PairFolder folder;
    const Pair pair = Pair::load(folder.path());
    EXPECT_EQ(pair.width(), 6);
    EXPECT_EQ(pair.context(), 12);
    EXPECT_EQ(pair.activation(), Activation::softmax);
    const ImageEmbeddings images = pair.embed_images(pictures());
    EXPECT_TRUE(images.unreadable.empty());
    expect_rows(images.values, expected()["images"]);
    const TextEmbeddings words = pair.embed_texts(texts());
    EXPECT_EQ(words.cut, std::vector<size_t>{3});
    expect_rows(words.values, expected()["words"]);
}

// Negative control: the comparison sees bilinear pictures in place of bicubic ones.
TEST(ClipPair, AnotherFilterIsSeen) {
    const PairFolder folder;
    folder.change("preprocessor_config.json", [](json& how) { how["resample"] = 2; });
    const ImageEmbeddings images = Pair::load(folder.path()).embed_images(pictures());
    double worst = 0;
    const std::vector<double> values = images.values.to_doubles();
    for (size_t i = 0; i < values.size(); ++i)
        worst =
            std::max(worst, std::abs(values[i] - expected()["images"][i / 6][i % 6].get<double>()));
    EXPECT_GT(worst, 100 * rounding);
}

TEST(ClipPair, OneFileOfBothSidesIsCutInTwo) {
    const PairFolder folder(PairFolder::Form::single);
    // Its table of positions has 12 rows, CLIP's has 77.
    EXPECT_NE(message_of(ErrorKind::model, [&] { (void)Pair::load(folder.path()); })
                  .find("a text of 77 tokens"),
              std::string::npos);
    folder.write("config.json", R"({"text_config": {"max_position_embeddings": 12}})");
    const Pair pair = Pair::load(folder.path());
    expect_rows(pair.embed_images(pictures()).values, expected()["images"]);
    expect_rows(pair.embed_texts(texts()).values, expected()["words"]);
    // Its scale and bias are found by running it.
    EXPECT_NEAR(pair.logit_scale(), expected()["scale"].get<double>(), 1e-3);
    EXPECT_NEAR(pair.logit_bias(), expected()["bias"].get<double>(), 1e-3);
    const std::vector<double> logits =
        logits_of(pair, pair.embed_images(pictures()).values, pair.embed_texts(texts()).values);
    for (size_t i = 0; i < logits.size(); ++i)
        EXPECT_NEAR(logits[i], expected()["logits"][i / 5][i % 5].get<double>(), 1e-3);
}

TEST(ClipPair, JoinedModelsAnswerScaleTimesCosinePlusBias) {
    const PairFolder folder;
    folder.write("config.json", R"({"logit_scale": 14.5, "logit_bias": -3.25})");
    const Pair pair = Pair::load(folder.path());
    EXPECT_EQ(pair.activation(), Activation::sigmoid);
    const Tensor images = pair.embed_images(pictures()).values,
                 words = pair.embed_texts(texts()).values;

    const auto by_picture = pair.image_model(words);
    ASSERT_EQ(by_picture->inputs().size(), 1);
    EXPECT_EQ(by_picture->inputs()[0].shape, (Shape{-1, 16, 16, 3}));
    ASSERT_EQ(by_picture->outputs().size(), 1);
    EXPECT_EQ(by_picture->outputs()[0].name, "logits");
    const Tensor logits = by_picture->predict(Batch(prepared(pair, pictures())), {})[0].value;
    expect_rows(logits, expected()["logits"], 15 * rounding);
    const std::vector<double> apart = logits_of(pair, images, words), joined = logits.to_doubles();
    ASSERT_EQ(joined.size(), apart.size());
    for (size_t i = 0; i < joined.size(); ++i) EXPECT_NEAR(joined[i], apart[i], 15 * rounding);

    const auto by_text = pair.text_model(images);
    const text::TextModel of_strings(*by_text, pair.token_encoder());
    Batch batch;
    batch.add("text", Tensor::of<std::string>({5}, texts()));
    const std::vector<double> transposed = of_strings.predict(batch, {})[0].value.to_doubles();
    ASSERT_EQ(transposed.size(), apart.size());
    for (size_t t = 0; t < 5; ++t)
        for (size_t i = 0; i < 4; ++i)
            EXPECT_NEAR(transposed[t * 4 + i], apart[i * 5 + t], 15 * rounding);
}

// d logit / d pixel by the gradient graph, and by differences of the plain embeddings.
TEST(ClipPair, JoinedModelsHaveGradients) {
    const PairFolder folder;
    const Pair pair = Pair::load(folder.path());
    const Tensor words = pair.embed_texts(texts()).values;
    const auto model = pair.image_model(words);
    Tensor pixels = prepared(pair, {pictures()[0]});
    const GradientResult result =
        model->run(Batch(pixels),
                   {.output = "logits", .index = 1, .gradients = {model->inputs()[0].name}}, {});
    const std::vector<double> gradient = result.gradients[0].to_doubles();
    constexpr float step = 0.02F;
    double largest = 0;
    for (const double value : gradient) largest = std::max(largest, std::abs(value));
    ASSERT_GT(largest, 0);
    for (const size_t at : {0UL, 100UL, 333UL, 767UL}) {
        double sides[2];
        for (const int side : {0, 1}) {
            Tensor moved = pixels;
            moved.as<float>()[at] += side == 0 ? -step : step;
            const Tensor raw = pair.image_encoder().predict(Batch(moved), {})[0].value;
            double dot = 0, square = 0;
            for (size_t d = 0; d < 6; ++d) {
                dot += static_cast<double>(raw.as<float>()[d]) * words.as<float>()[6 + d];
                square += static_cast<double>(raw.as<float>()[d]) * raw.as<float>()[d];
            }
            sides[side] = pair.logit_scale() * dot / std::sqrt(square);
        }
        // Second differences and rounding of float32 scores near 100 over a step of 0.04.
        EXPECT_NEAR(gradient[at], (sides[1] - sides[0]) / (2 * step), 0.02 * largest) << at;
    }
}

TEST(ClipPair, TheSameBitsOnAnyNumberOfThreads) {
    const PairFolder folder;
    std::vector<std::filesystem::path> many;
    for (int i = 0; i < 40; ++i)
        for (const auto& picture : pictures()) many.push_back(picture);
    std::vector<Tensor> images, words;
    for (const int threads : {1, 2, 8}) {
        const Pair pair = Pair::load(folder.path(), threads);
        images.push_back(pair.embed_images(many, {.threads = threads}).values);
        words.push_back(pair.embed_texts(texts(), {.threads = threads}).values);
    }
    for (size_t i = 1; i < images.size(); ++i) {
        EXPECT_TRUE(images[i] == images[0]);
        EXPECT_TRUE(words[i] == words[0]);
    }
}

TEST(ClipPair, BrokenPicturesAreNamedAndLeftOut) {
    const PairFolder folder;
    folder.write("broken.png", "this is no picture");
    const Pair pair = Pair::load(folder.path());
    const std::vector<std::filesystem::path> files = {pictures()[0], folder.path() / "broken.png",
                                                      pictures()[1], folder.path() / "missing.png"};
    const ImageEmbeddings some = pair.embed_images(files);
    ASSERT_EQ(some.unreadable.size(), 2);
    EXPECT_EQ(some.unreadable[0].index, 1);
    EXPECT_NE(some.unreadable[0].reason.find("broken.png"), std::string::npos);
    EXPECT_EQ(some.unreadable[1].index, 3);
    const std::span<const float> values = some.values.as<float>();
    for (size_t d = 0; d < 6; ++d) {
        EXPECT_EQ(values[6 + d], 0);
        EXPECT_NEAR(values[12 + d], expected()["images"][1][d].get<double>(), rounding);
    }
}

TEST(ClipPair, PicturesAreTakenBatchByBatchAndAStopEndsIt) {
    const PairFolder folder;
    const Pair pair = Pair::load(folder.path());
    const data::Image picture = data::read_image(pictures()[0]);
    std::vector<size_t> firsts;
    std::stop_source stop;
    (void)message_of(ErrorKind::interrupted, [&] {
        pair.embed_images(
            1000, [&](size_t) { return picture; },
            [&](size_t first, const ImageEmbeddings& some) {
                firsts.push_back(first);
                EXPECT_GT(some.values.rows(), 0);
                if (firsts.size() == 2) stop.request_stop();
            },
            {.stop = stop.get_token()});
    });
    ASSERT_EQ(firsts.size(), 2);
    EXPECT_EQ(firsts[0], 0);
    EXPECT_GT(firsts[1], 0);
}

TEST(ClipPair, TheFingerprintTellsWhatChangesEmbeddings) {
    const PairFolder folder, same, other_picture, other_words, other_scale,
        single(PairFolder::Form::single);
    other_picture.change("preprocessor_config.json", [](json& how) { how["image_mean"][0] = 0.5; });
    // Two tokens change places.
    other_words.change("vocab.json", [](json& words) { std::swap(words["a"], words["b"]); });
    other_scale.write("config.json", R"({"logit_scale": 20})");
    single.write("config.json", R"({"text_config": {"max_position_embeddings": 12}})");
    const std::string print = Pair::load(folder.path()).fingerprint();
    EXPECT_EQ(print.size(), 64);
    EXPECT_EQ(Pair::load(same.path()).fingerprint(), print);
    EXPECT_EQ(Pair::load(other_scale.path()).fingerprint(), print);
    for (const PairFolder* other : {&other_picture, &other_words, &single})
        EXPECT_NE(Pair::load(other->path()).fingerprint(), print);
}

TEST(ClipPair, ConfidencesAreSoftmaxOrSigmoid) {
    const std::vector<double> soft =
        confidences_of(Activation::softmax, {1, 2, 3, 1000, 1000, -1000}, 3);
    EXPECT_NEAR(soft[2], 0.66524095, 1e-8);
    EXPECT_NEAR(soft[0] + soft[1] + soft[2], 1, 1e-12);
    EXPECT_NEAR(soft[3], 0.5, 1e-12);
    EXPECT_EQ(soft[5], 0);
    const std::vector<double> sigmoid = confidences_of(Activation::sigmoid, {0, 2, -1000}, 3);
    EXPECT_NEAR(sigmoid[0], 0.5, 1e-12);
    EXPECT_NEAR(sigmoid[1], 0.88079708, 1e-8);
    EXPECT_EQ(sigmoid[2], 0);
}

TEST(ClipPair, EmbeddingsOfAnotherWidthAreRefused) {
    const PairFolder folder;
    const Pair pair = Pair::load(folder.path());
    EXPECT_EQ(message_of(ErrorKind::usage,
                         [&] {
                             (void)pair.image_model(Tensor(ElementType::float32, {2, 5}));
                         }),
              "embeddings of this model are float32 [rows, 6], not float32 [2, 5]");
}

}  // namespace
}  // namespace whence::clip
