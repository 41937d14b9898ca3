// Which layers are suggested, which are chosen, and methods that work on them.

#include "whence/recipe/layers.h"

#include <cmath>

#include "recipe/support.h"
#include "whence/recipe/names.h"
#include "whence/recipe/predict.h"

namespace whence::recipe::test {
namespace {

const std::filesystem::path cams = std::filesystem::path(WHENCE_SOURCE_DIR) / "tests/golden/cams";

OnnxModel network(const std::string& name) {
    return OnnxModel::load(cams / (name + ".onnx"));
}

std::vector<std::string> names_of(const std::vector<SuggestedLayer>& layers, LayerRole role) {
    std::vector<std::string> names;
    for (const SuggestedLayer& layer : layers)
        if (layer.role == role) names.push_back(layer.name);
    return names;
}

// What the users of Grad-CAM take: after normalisation, activation, sum or concatenation.
TEST(Layers, TheLastConvolutionIsWhatPoolingReads) {
    for (const char* name : {"resnet", "mobilenet", "densenet", "vgg"})
        EXPECT_EQ(last_convolution(network(name)), "features") << name;
    // SqueezeNet classifies by a convolution: the last one is the classifier.
    EXPECT_EQ(last_convolution(network("squeezenet")), "/head/head.1/Relu_output_0");
    EXPECT_EQ(last_convolution(image_subject().onnx()), "features");
    EXPECT_EQ(last_convolution(table_subject().onnx()), "");
}

TEST(Layers, AttentionIsFoundInOrder) {
    const std::vector<std::string> all = {"attention0", "attention1", "attention2"};
    EXPECT_EQ(find_attention(network("vit")), all);
    // The softmax of a classifier is none.
    EXPECT_TRUE(find_attention(network("resnet")).empty());
    EXPECT_TRUE(find_attention(table_subject().onnx()).empty());
}

TEST(Layers, AreSuggestedByRole) {
    const std::vector<SuggestedLayer> resnet = suggested_layers(network("resnet"));
    ASSERT_FALSE(resnet.empty());
    EXPECT_EQ(resnet[0].name, "features");
    EXPECT_EQ(resnet[0].shape, "[?, 12, 6, 6]");
    // The last block is the last convolution's and not said twice.
    EXPECT_EQ(names_of(resnet, LayerRole::block).size(), 1u);
    const std::vector<SuggestedLayer> vit = suggested_layers(network("vit"));
    EXPECT_EQ(names_of(vit, LayerRole::attention).size(), 3u);
    EXPECT_EQ(names_of(vit, LayerRole::block).size(), 1u);
    for (const SuggestedLayer& layer : vit) EXPECT_FALSE(layer.reason.empty());
    EXPECT_TRUE(suggested_layers(table_subject().onnx()).empty());
}

TEST(Layers, OfARealTransformerAndDetector) {
    const auto folder = std::filesystem::path(WHENCE_SHARED_DIR) / "data/onnx_small";
    if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no " << folder;
    EXPECT_EQ(find_attention(OnnxModel::load(folder / "vit_pgd_2_3_16.onnx")).size(), 2u);
    // UltraFace ends in a softmax over two classes of 4420 boxes.
    EXPECT_TRUE(find_attention(OnnxModel::load(folder / "ultraface_rfb_320.onnx")).empty());
}

TEST(Names, ArePartedByCommas) {
    EXPECT_EQ(parse_names(" a, b/c ,,d"), (std::vector<std::string>{"a", "b/c", "d"}));
    EXPECT_TRUE(parse_names("").empty());
    EXPECT_TRUE(parse_names(" , ").empty());
}

Explanation explained(const Recipe& recipe) {
    return explain(image_subject(), cat(), recipe, {});
}

TEST(LayerMethods, ChooseTheLastConvolutionAndSaySo) {
    const Explanation chosen = explained({.method = "grad-cam"});
    EXPECT_EQ(chosen.attribution.layer, "features");
    EXPECT_EQ(chosen.provenance.options.back().name, "layer");
    ASSERT_FALSE(chosen.diagnostics.notes.empty());
    EXPECT_TRUE(contains(chosen.diagnostics.notes.back(), "layer features was chosen"));
    const Explanation given = explained({.method = "grad-cam", .layer = "features"});
    EXPECT_EQ(given.attribution.values, chosen.attribution.values);
    EXPECT_TRUE(given.diagnostics.notes.empty());
}

TEST(LayerMethods, AllAreReachable) {
    for (const char* method : {"grad-cam", "grad-cam++", "xgrad-cam", "hires-cam", "layer-cam",
                               "odam", "score-cam", "ablation-cam", "eigen-cam"}) {
        const Explanation e = explained({.method = method});
        EXPECT_EQ(e.provenance.method, method);
        EXPECT_EQ(e.attribution.values.shape(), (Shape{1, 1, 8, 8})) << method;
        EXPECT_TRUE(e.diagnostics.attribution_error || !e.diagnostics.no_error_because.empty());
        // What stands in the file is enough to make it again.
        const Replay again = replay(e, {});
        EXPECT_TRUE(again.differences.empty()) << method << ": " << again.differences[0];
    }
}

TEST(LayerMethods, GuidedGradCamIsOfTheInput) {
    const Explanation e = explained({.method = "guided-grad-cam"});
    EXPECT_EQ(e.attribution.values.shape(), cat().batch[0].value.shape());
    EXPECT_EQ(e.attribution.layer, "");
    EXPECT_TRUE(replay(e, {}).differences.empty());
}

TEST(LayerMethods, OneBoxIsOneElementOfAnOutput) {
    const Explanation odam = explained({.method = "odam", .target = "5"});
    const Explanation hires = explained({.method = "hires-cam", .target = "5"});
    EXPECT_EQ(odam.attribution.values, hires.attribution.values);
    EXPECT_EQ(odam.target.resolved.index, 5);
}

// A face detector on the photograph of an astronaut: why box 3697, of the level of 15 x 20 cells.
TEST(LayerMethods, ExplainABoxWithinTheBox) {
    const auto data = std::filesystem::path(WHENCE_SHARED_DIR) / "data";
    if (!std::filesystem::exists(data)) GTEST_SKIP() << "no " << data;
    const Subject detector = Subject::load(data / "onnx_small/ultraface_rfb_320.onnx", "tf");
    const Input astronaut = read_input(detector, data / "photos/ski_astronaut.png");
    const Batch found = predict(detector, astronaut, {});
    const std::vector<double> boxes = found.at("boxes").to_doubles();
    const double* box = &boxes[4 * 3697];  // left, top, right, bottom of the picture
    ASSERT_GT(found.at("scores").to_doubles()[2 * 3697 + 1], 0.99);
    for (const char* target : {"scores:7395", "boxes:14788"}) {
        const Explanation e =
            explain(detector, astronaut, {.method = "odam", .target = target, .layer = "360"}, {});
        ASSERT_EQ(e.attribution.values.shape(), (Shape{1, 1, 15, 20}));
        const std::vector<double> map = e.attribution.values.to_doubles();
        double inside = 0, all = 0;
        for (int64_t cell = 0; cell < 300; ++cell) {
            const double x = (cell % 20 + 0.5) / 20, y = (cell / 20 + 0.5) / 15;
            all += std::abs(map[cell]);
            if (x > box[0] && x < box[2] && y > box[1] && y < box[3]) inside += std::abs(map[cell]);
        }
        // The box covers a twentieth of the picture; a map of nothing would have as much in it.
        EXPECT_GT(inside, 0.5 * all) << target;
    }
    // The last convolution belongs to another level: it says so.
    const auto of_another = [&] {
        return explain(detector, astronaut, {.method = "odam", .target = "scores:7395"}, {});
    };
    EXPECT_TRUE(contains(message_of(ErrorKind::unsupported, of_another),
                         "no gradient with respect to '447'"));
}

TEST(LayerMethods, JoinLayers) {
    std::vector<std::string> convolutions;
    for (const LayerInfo& layer : image_subject().onnx().layers())
        if (layer.op == "Conv") convolutions.push_back(layer.name);
    const Explanation e =
        explained({.method = "layer-cam",
                   .options = {{"fuse", convolutions.front() + ", " + convolutions.back()}}});
    EXPECT_EQ(e.attribution.values.rank(), 4);
    EXPECT_GT(e.attribution.values.shape()[2], 8);
    for (const double value : e.attribution.values.to_doubles()) {
        EXPECT_GE(value, 0);
        EXPECT_LE(value, std::tanh(2.0) + 1e-6);
    }
    EXPECT_TRUE(contains(
        message_of(
            ErrorKind::usage,
            [] {
                explained({.method = "layer-cam", .options = {{"fuse", std::string("nowhere")}}});
            }),
        "'nowhere'"));
}

TEST(LayerMethods, SayWhatIsWrong) {
    const auto fails = [](ErrorKind kind, const Recipe& recipe, const std::string& part) {
        const std::string message = message_of(kind, [&] { explained(recipe); });
        EXPECT_TRUE(contains(message, part)) << message;
    };
    fails(ErrorKind::usage, {.method = "grad-cam", .layer = "featurs"}, "did you mean 'features'");
    fails(ErrorKind::usage, {.method = "grad-cam", .baseline = "zeros"}, "uses no baseline");
    fails(ErrorKind::unsupported, {.method = "attention-rollout"}, "no attention found");
    fails(ErrorKind::usage, {.method = "raw-attention", .layer = "features"}, "not a layer");
    const auto of_a_table = [] {
        return explain(table_subject(), row(0), {.method = "grad-cam"}, {});
    };
    EXPECT_TRUE(contains(message_of(ErrorKind::unsupported, of_a_table), "the model has none"));
}

TEST(AttentionMethods, FindTheirTensors) {
    const Subject vit = Subject::load(cams / "vit.onnx");
    Tensor x(ElementType::float32, {1, 3, 24, 24});
    for (int64_t i = 0; i < x.size(); ++i) x.as<float>()[i] = std::sin(static_cast<float>(i));
    const Input input = from_array(vit, x);
    for (const char* method : {"raw-attention", "attention-rollout", "attention-relevance"}) {
        const Explanation found = explain(vit, input, {.method = method}, {});
        EXPECT_EQ(found.attribution.values.shape(), (Shape{1, 1, 4, 4}));
        EXPECT_EQ(found.attribution.layer, "attention2");
        const Explanation named =
            explain(vit, input,
                    {.method = method,
                     .options = {{"attention", std::string("attention0,attention1,attention2")}}},
                    {});
        EXPECT_EQ(named.attribution.values, found.attribution.values);
        const Explanation fewer =
            explain(vit, input,
                    {.method = method, .options = {{"attention", std::string("attention0")}}}, {});
        EXPECT_NE(fewer.attribution.values, found.attribution.values);
        // Read by all tokens: the class token is one of them, and 17 are no grid.
        const Explanation pooled =
            explain(vit, input, {.method = method, .options = {{"token", int64_t{-1}}}}, {});
        EXPECT_EQ(pooled.attribution.values.shape(), (Shape{1, 17}));
    }
}

}  // namespace
}  // namespace whence::recipe::test
