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

INSTANTIATE_TEST_SUITE_P(All, GoldenNetwork, testing::ValuesIn(networks()),
                         [](const auto& network) { return network.param; });

}  // namespace
}  // namespace whence
