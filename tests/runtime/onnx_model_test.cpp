#include "whence/runtime/onnx_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/support.h"
#include "runtime/models.h"
#include "whence/core/file.h"
#include "whence/core/hash.h"

namespace whence {
namespace {

using testing::error_of;
using testing::expect_within;
using testing::load;
using testing::perceptron;
using testing::plain_run;
using testing::random_tensor;
using testing::single;

const std::filesystem::path root = WHENCE_SOURCE_DIR;

// y of the perceptron, straight from its definition.
std::vector<double> slow_perceptron(const Tensor& x) {
    const auto w = random_tensor({4, 5}, 1).to_doubles(), b = random_tensor({5}, 2).to_doubles();
    const auto v = random_tensor({5, 3}, 3).to_doubles(), in = x.to_doubles();
    std::vector<double> out;
    for (int64_t row = 0; row < x.rows(); ++row)
        for (int64_t k = 0; k < 3; ++k) {
            double score = 0;
            for (int64_t j = 0; j < 5; ++j) {
                double sum = b[j];
                for (int64_t i = 0; i < 4; ++i) sum += in[row * 4 + i] * w[i * 5 + j];
                score += std::tanh(sum) * v[j * 3 + k];
            }
            out.push_back(score);
        }
    return out;
}

void expect_close(const std::vector<double>& got, const std::vector<double>& wanted,
                  double tolerance) {
    ASSERT_EQ(got.size(), wanted.size());
    for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], wanted[i], tolerance) << i;
}

TEST(OnnxModel, SaysWhatItReadsAndGives) {
    const OnnxModel model = load(perceptron(-1, ElementType::float32, true));
    ASSERT_EQ(model.inputs().size(), 1U);
    EXPECT_EQ(model.inputs()[0].name, "x");
    EXPECT_EQ(model.inputs()[0].shape, (Shape{-1, 4}));
    EXPECT_EQ(model.outputs()[0].shape, (Shape{-1, 3}));
    EXPECT_EQ(model.outputs()[0].scale, Scale::probability);
    EXPECT_EQ(model.fixed_batch(), 0);
    EXPECT_EQ(model.batch_note(), "");
    EXPECT_EQ(load(perceptron(-1)).outputs()[0].scale, Scale::raw);
    EXPECT_GE(model.preferred_batch(), 1);
}

TEST(OnnxModel, Predicts) {
    const OnnxModel model = load(perceptron(-1, ElementType::float32));
    const Tensor x = random_tensor({7, 4}, 5);
    // Sums of 4 and 5 float products of size about 1.
    expect_close(model.predict(x, plain_run).at("y").to_doubles(), slow_perceptron(x), 1e-5);
    EXPECT_EQ(model.predict(Batch({{"x", x}}), plain_run).at("y"),
              model.predict(x, plain_run).at("y"));
}

TEST(OnnxModel, ConvertsFloatsBothWays) {
    const Tensor narrow = random_tensor({3, 4}, 5), wide = narrow.cast(ElementType::float64);
    const OnnxModel floats = load(perceptron(-1, ElementType::float32));
    EXPECT_EQ(floats.predict(wide, plain_run).at("y"), floats.predict(narrow, plain_run).at("y"));
    const OnnxModel doubles = load(perceptron(-1, ElementType::float64));
    EXPECT_EQ(doubles.predict(narrow, plain_run).at("y"), doubles.predict(wide, plain_run).at("y"));
    const GradientRequest request{.output = "y", .index = 1, .gradients = {"x"}};
    EXPECT_EQ(doubles.run(narrow, request, plain_run).gradients,
              doubles.run(wide, request, plain_run).gradients);
}

TEST(OnnxModel, WrongInputsAreNamed) {
    const OnnxModel model = load(perceptron(-1, ElementType::float32));
    const auto with = [&](const Batch& batch) {
        const std::string line =
            error_of(ErrorKind::input, [&] { return model.predict(batch, plain_run); });
        const GradientRequest request{.output = "y", .gradients = {"x"}};
        EXPECT_EQ(error_of(ErrorKind::input, [&] { return model.run(batch, request, plain_run); }),
                  line);
        return line;
    };
    const auto zeros = [](ElementType type, const Shape& shape) {
        return Batch(Tensor(type, shape));
    };
    const std::string wide = with(zeros(ElementType::float32, {2, 5}));
    expect_within(wide, "input 'x' has shape [2, 5]; the model reads [?, 4]");
    expect_within(with(zeros(ElementType::float32, {4})), "has shape [4]");
    expect_within(with(zeros(ElementType::float32, {1, 4, 1})), "has shape [1, 4, 1]");
    expect_within(with(zeros(ElementType::float32, {0, 4})), "no rows");
    expect_within(with(Batch()), "no rows");
    expect_within(with(zeros(ElementType::int32, {1, 4})),
                  "input 'x' holds int32; the model reads float32");
    expect_within(with(zeros(ElementType::string, {1, 4})), "holds string");
    expect_within(with(Batch({{"z", Tensor(ElementType::float32, {1, 4})}})),
                  "no tensor named 'x'; there is 'z'");
}

TEST(OnnxModel, BrokenFilesAreNamed) {
    const testing::Folder folder;
    const auto path = folder / "bro\tken.onnx";
    write_file(path, std::string_view("this is no model"));
    expect_within(error_of(ErrorKind::model, [&] { return OnnxModel::load(path); }),
                  "bro?ken.onnx: ");
    error_of(ErrorKind::io, [&] { return OnnxModel::load(folder / "none.onnx"); });
    error_of(ErrorKind::model, [&] { return OnnxModel::parse({}); });
    // A model that reads well, and an operator that does not exist.
    const std::string line =
        error_of(ErrorKind::model, [] { return load(single("Frobnicate", {})); });
    expect_within(line, "the model cannot be run: ");
    expect_within(line, "Frobnicate");
}

TEST(OnnxModel, FreesTheBatchAndVerifiesIt) {
    const OnnxModel one = load(perceptron(1)), free = load(perceptron(-1));
    EXPECT_EQ(one.fixed_batch(), 0);
    expect_within(one.batch_note(), "freed and verified");
    const Tensor x = random_tensor({6, 4}, 9, ElementType::float64);
    EXPECT_EQ(one.predict(x, plain_run).at("y"), free.predict(x, plain_run).at("y"));
}

// What one row gives depends on the others: a mean over the batch.
graph::Graph centred(int64_t rows) {
    graph::Graph graph =
        testing::empty_graph({testing::value_info("x", ElementType::float32, {rows, 3})});
    graph::Builder b(graph);
    const std::string mean = b.reduce_mean("x", {0}, true);
    testing::add_output(graph, b.add(b.sub("x", mean), b.mul("x", "x")), "y",
                        testing::value_info("y", ElementType::float32, {rows, 3}));
    return graph;
}

TEST(OnnxModel, DependentRowsRunOneByOneAndItSaysSo) {
    const OnnxModel model = load(centred(1));
    EXPECT_EQ(model.fixed_batch(), 1);
    EXPECT_EQ(model.preferred_batch(), 1);
    expect_within(model.batch_note(), "rows run 1 by 1");
    const Tensor x = random_tensor({4, 3}, 3);
    const Tensor y = model.predict(x, plain_run).at("y");
    const GradientRequest request{.output = "y", .index = 2, .gradients = {"x"}};
    const Tensor gradient = model.run(x, request, plain_run).gradients[0];
    for (int64_t i = 0; i < 12; ++i) {
        EXPECT_EQ(y.as<float>()[i],
                  x.as<float>()[i] * x.as<float>()[i]);  // alone, a row is its own mean
        // 1 less a mean of one row is 0 but for rounding.
        EXPECT_NEAR(gradient.as<float>()[i], i % 3 == 2 ? 2 * x.as<float>()[i] : 0, 1e-6);
    }
}

TEST(OnnxModel, ABatchOfThreeStaysAThree) {
    const OnnxModel model = load(centred(3));
    EXPECT_EQ(model.fixed_batch(), 3);
    expect_within(model.batch_note(), "rows run 3 by 3");
    EXPECT_EQ(model.predict(random_tensor({6, 3}, 1), plain_run).rows(), 6);
    expect_within(error_of(ErrorKind::input,
                           [&] {
                               return model.predict(random_tensor({4, 3}, 1), plain_run);
                           }),
                  "reads 3 rows at a time; 4 were given");
}

// An output that is no answer to each row would be mistaken for one.
TEST(OnnxModel, OutputsHaveARowForEachRow) {
    graph::Graph graph =
        testing::empty_graph({testing::value_info("x", ElementType::float32, {-1, 3})});
    graph::Builder b(graph);
    testing::add_output(graph, b.reduce_sum("x", {0}, true), "total",
                        testing::value_info("total", ElementType::float32, {1, 3}));
    const OnnxModel model = load(graph);
    expect_within(error_of(ErrorKind::unsupported,
                           [&] {
                               return model.predict(random_tensor({4, 3}, 1), plain_run);
                           }),
                  "output 'total' has 1 rows for 4 rows of input");
}

TEST(OnnxModel, LayersInTheOrderInWhichTheyAreMade) {
    const std::vector<LayerInfo> layers = load(perceptron(-1)).layers();
    const auto hidden = std::ranges::find(layers, "hidden", &LayerInfo::name);
    ASSERT_NE(hidden, layers.end());
    EXPECT_EQ(hidden->op, "Tanh");
    EXPECT_EQ(hidden->type, ElementType::float64);
    EXPECT_EQ(hidden->shape, (Shape{-1, 5}));
    EXPECT_EQ(layers.back().name, "y");
}

TEST(OnnxModel, HashIsTheFiles) {
    const std::string bytes = graph::serialize(perceptron(-1));
    const auto span = std::as_bytes(std::span(bytes.data(), bytes.size()));
    EXPECT_EQ(OnnxModel::parse(span).sha256(), sha256(span));
}

TEST(OnnxModel, BreastCancerKnowsItsRows) {
    const OnnxModel model = OnnxModel::load(root / "examples/models/breast_cancer.onnx");
    const Tensor x = Tensor::of<float>(
        {1, 30}, std::vector<float>{17.99F,   10.38F,    122.8F,    1001,     0.1184F,  0.2776F,
                                    0.3001F,  0.1471F,   0.2419F,   0.07871F, 1.095F,   0.9053F,
                                    8.589F,   153.4F,    0.006399F, 0.04904F, 0.05373F, 0.01587F,
                                    0.03003F, 0.006193F, 25.38F,    17.33F,   184.6F,   2019,
                                    0.1622F,  0.6656F,   0.7119F,   0.2654F,  0.4601F,  0.1189F});
    const Batch outputs = model.predict(x, plain_run);
    const auto scores = std::ranges::find_if(
        model.outputs(), [](const TensorInfo& o) { return o.type == ElementType::float32; });
    ASSERT_NE(scores, model.outputs().end());
    const std::vector<double> p = outputs.at(scores->name).to_doubles();
    ASSERT_EQ(p.size(), 2U);
    EXPECT_NEAR(p[0] + p[1], 1, 1e-6);
    EXPECT_GT(p[0], 0.9);  // the first row of examples/data/breast_cancer.csv is malignant
}

TEST(OnnxModel, Cifar10LoadsAndIsDifferentiable) {
    const OnnxModel model = OnnxModel::load(root / "examples/models/cifar10_cnn.onnx");
    const Shape shape = model.inputs()[0].shape;
    EXPECT_EQ(shape, (Shape{-1, 3, 32, 32}));
    EXPECT_EQ(model.predict(random_tensor({2, 3, 32, 32}, 1), plain_run)
                  .at(model.outputs()[0].name)
                  .shape(),
              (Shape{2, 10}));
    ASSERT_EQ(model.differentiability().size(), 1U);
    EXPECT_TRUE(model.differentiability()[0].connected);
    EXPECT_TRUE(model.differentiability()[0].missing.empty());
}

// A half-precision tensor of any bits, of sizes between 1/2 and 1.
Tensor half_tensor(ElementType type, const Shape& shape, uint64_t seed) {
    Tensor tensor(type, shape);
    Rng rng(seed, 2, 2);
    auto* bits = reinterpret_cast<uint16_t*>(tensor.data());
    for (int64_t i = 0; i < tensor.size(); ++i) {
        const auto any = static_cast<uint16_t>(rng.uniform() * 65535);
        bits[i] = type == ElementType::float16 ? static_cast<uint16_t>((any & 0x83FF) | 0x3800)
                                               : static_cast<uint16_t>((any & 0x807F) | 0x3F00);
    }
    return tensor;
}

// Half precision in the file: weights, inputs and outputs; the model reads and computes float32.
TEST(OnnxModel, HalfPrecisionIsComputedInSingle) {
    for (const ElementType half : {ElementType::float16, ElementType::bfloat16}) {
        graph::Graph wide = testing::perceptron(-1, ElementType::float32), narrow = wide;
        for (auto& [name, constant] : narrow.initializers)
            if (constant->type() == ElementType::float32) {
                constant = std::make_shared<const Tensor>(half_tensor(half, constant->shape(), 3));
                wide.initializers[name] = std::make_shared<const Tensor>(constant->cast(ElementType::float32));
            }
        narrow.inputs[0].type = narrow.outputs[0].type = half;
        const OnnxModel model = load(narrow), twin = load(wide);
        EXPECT_EQ(model.inputs()[0].type, ElementType::float32);
        ASSERT_EQ(model.notes().size(), 1U);
        EXPECT_TRUE(twin.notes().empty());
        const Tensor x = testing::random_tensor({3, 4}, 1);
        EXPECT_EQ(model.predict(x, plain_run).at("y"), twin.predict(x, plain_run).at("y"));
        const GradientRequest request{.output = "y", .gradients = {"x"}};
        EXPECT_EQ(model.run(x, request, plain_run).gradients, twin.run(x, request, plain_run).gradients);
    }
}

}  // namespace
}  // namespace whence
