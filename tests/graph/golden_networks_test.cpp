// Whole networks against PyTorch's autograd: tests/golden/make_networks.py and make_architectures.py
// wrote the answers.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "whence/core/error.h"
#include "whence/data/npy.h"
#include "whence/runtime/onnx_model.h"

namespace whence {
namespace {

// Relative to the largest gradient: float32 sums of some hundred terms in another order.
constexpr double tolerance = 2e-5;

const std::filesystem::path folder = std::filesystem::path(WHENCE_SOURCE_DIR) / "tests/golden/networks";

std::vector<std::string> networks() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
        if (entry.path().extension() == ".onnx") names.push_back(entry.path().stem().string());
    std::sort(names.begin(), names.end());
    return names;
}

const Tensor& find(const std::vector<NamedTensor>& tensors, const std::string& name) {
    for (const NamedTensor& tensor : tensors)
        if (tensor.name == name) return tensor.value;
    throw Error(ErrorKind::input, "golden file lacks " + name);
}

double relative_error(const Tensor& got, const Tensor& wanted) {
    const std::vector<double> a = got.to_doubles(), b = wanted.to_doubles();
    EXPECT_EQ(a.size(), b.size());
    double worst = 0, scale = 0;
    for (size_t i = 0; i < b.size(); ++i) {
        worst = std::max(worst, std::abs(a[i] - b[i]));
        scale = std::max(scale, std::abs(b[i]));
    }
    return worst / scale;
}

class GoldenNetwork : public testing::TestWithParam<std::string> {};

TEST_P(GoldenNetwork, GradientMatchesAutograd) {
    const OnnxModel model = OnnxModel::load(folder / (GetParam() + ".onnx"));
    const auto golden = data::read_npz(folder / (GetParam() + ".npz"));
    const Tensor &x = find(golden, "x"), &wanted = find(golden, "grad");
    // A text model reads token ids: its gradient is taken at the embedding.
    const bool text = model.inputs()[0].type == ElementType::int64;
    const std::string input = text ? "embedding" : model.inputs()[0].name;
    const GradientRequest request{.output = model.outputs()[0].name, .gradients = {input}};
    const GradientResult all = model.run(x, request, whence::Run{});
    EXPECT_LT(relative_error(all.gradients[0], wanted), tolerance);
    const auto target = find(golden, "target").to_doubles();
    for (int64_t row = 0; row < x.rows(); ++row) {
        EXPECT_EQ(all.index[row], static_cast<int64_t>(target[row]));
        // Any batch size: each row alone gives the same.
        const GradientResult one = model.run(x.slice_rows(row, 1), request, whence::Run{});
        EXPECT_LT(relative_error(one.gradients[0], wanted.slice_rows(row, 1)), tolerance);
    }
}

// Second derivatives of smooth networks in float32: differences of gradients over a step h are off by h^2 and by
// rounding, 2^-24 / h, both some 1e-4 of the largest product.
constexpr double second_step = 1e-2, second_tolerance = 5e-3;

class SmoothNetwork : public testing::TestWithParam<std::string> {};

TEST_P(SmoothNetwork, SecondGradientIsTheSlopeOfTheGradient) {
    const OnnxModel model = OnnxModel::load(folder / (GetParam() + ".onnx"));
    const auto golden = data::read_npz(folder / (GetParam() + ".npz"));
    const Tensor x = find(golden, "x").slice_rows(0, 1), v = find(golden, "x").slice_rows(1, 1);
    GradientRequest request{.output = model.outputs()[0].name, .gradients = {model.inputs()[0].name}};
    const SecondGradient second = model.second_gradient(x, request, {v}, whence::Run{});
    request.index = second.first.index[0];
    const auto gradient_at = [&](double step) {
        Tensor moved = x;
        for (int64_t i = 0; i < x.size(); ++i) moved.as<float>()[i] += static_cast<float>(step) * v.as<float>()[i];
        return model.run(moved, request, whence::Run{}).gradients[0].to_doubles();
    };
    std::vector<double> slope = gradient_at(second_step);
    const std::vector<double> below = gradient_at(-second_step);
    for (size_t i = 0; i < slope.size(); ++i) slope[i] = (slope[i] - below[i]) / (2 * second_step);
    const Tensor slow = Tensor::of<double>(x.shape(), slope);
    EXPECT_LT(relative_error(second.products[0], slow), second_tolerance);
    EXPECT_GT(relative_error(second.first.gradients[0], slow), second_tolerance);  // not just anything
}

INSTANTIATE_TEST_SUITE_P(All, SmoothNetwork,
                         testing::Values("transformer16", "transformer11", "lstm", "gru", "efficient_net", "conv_next"),
                         [](const auto& network) { return network.param; });

INSTANTIATE_TEST_SUITE_P(All, GoldenNetwork, testing::ValuesIn(networks()),
                         [](const auto& network) { return network.param; });

}  // namespace
}  // namespace whence
