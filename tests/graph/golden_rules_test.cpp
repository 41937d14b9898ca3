// Guided backpropagation, deconvolution and DeepLIFT on whole networks: completeness on every
// golden network, captum's answers (tests/golden/make_rules.py) where it has them.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "core/support.h"
#include "whence/core/rng.h"
#include "whence/data/npy.h"
#include "whence/runtime/onnx_model.h"

namespace whence {
namespace {

using testing::plain_run;

// Relative to the largest value: float32 sums of some hundred terms in another order.
constexpr double tolerance = 2e-5;
// Attributions add up, relative to the sum of their sizes: each carries the rounding of the
// quotients above it on, a few units each.
constexpr double complete = 2e-5;

const std::filesystem::path golden = std::filesystem::path(WHENCE_SOURCE_DIR) / "tests/golden";

std::vector<std::string> names_in(const std::string& folder) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(golden / folder))
        if (entry.path().extension() == ".onnx") names.push_back(entry.path().stem().string());
    std::sort(names.begin(), names.end());
    return names;
}

const Tensor* find(const std::vector<NamedTensor>& tensors, const std::string& name) {
    const auto found = std::ranges::find(tensors, name, &NamedTensor::name);
    return found == tensors.end() ? nullptr : &found->value;
}

double relative_error(const std::vector<double>& a, const std::vector<double>& b) {
    EXPECT_EQ(a.size(), b.size());
    double worst = 0, scale = 0;
    for (size_t i = 0; i < b.size(); ++i) {
        worst = std::max(worst, std::abs(a[i] - b[i]));
        scale = std::max(scale, std::abs(b[i]));
    }
    return worst / scale;
}

// (x - x0) m
std::vector<double> attributions(const Tensor& x, const Tensor& reference,
                                 const Tensor& multipliers) {
    std::vector<double> values = x.to_doubles(), other = reference.to_doubles(),
                        m = multipliers.to_doubles();
    for (size_t i = 0; i < values.size(); ++i) values[i] = (values[i] - other[i]) * m[i];
    return values;
}

// How far the attributions of each row are from the change of its target, the worst of all rows.
double worst_gap(const std::vector<double>& attribution, const GradientResult& result) {
    const size_t rows = result.target.size(), size = attribution.size() / rows;
    double worst = 0;
    for (size_t row = 0; row < rows; ++row) {
        double sum = 0,
               scale = std::abs(result.target[row]) + std::abs(result.reference_target[row]);
        for (size_t i = row * size; i < (row + 1) * size; ++i) {
            sum += attribution[i];
            scale += std::abs(attribution[i]);
        }
        worst = std::max(
            worst, std::abs(sum - (result.target[row] - result.reference_target[row])) / scale);
    }
    return worst;
}

Tensor elsewhere(const Tensor& x, double spread) {
    std::vector<double> values = x.to_doubles();
    Rng rng(5, 1, 1);
    for (double& value : values) value = value * 0.3 + spread * rng.normal();
    return Tensor::of<double>(x.shape(), values).cast(x.type());
}

class EveryNetwork : public ::testing::TestWithParam<std::string> {};

TEST_P(EveryNetwork, AttributionsAddUpOrTheOperatorIsNamed) {
    const OnnxModel model = OnnxModel::load(golden / "networks" / (GetParam() + ".onnx"));
    const auto arrays = data::read_npz(golden / "networks" / (GetParam() + ".npz"));
    const Tensor& x = *find(arrays, "x");
    if (x.type() == ElementType::int64) GTEST_SKIP() << "token ids are not compared";
    const Batch reference(elsewhere(x, 0.5));
    const std::string input = model.inputs()[0].name;
    const GradientRequest request{.output = model.outputs()[0].name,
                                  .gradients = {input},
                                  .rules = Rules::deep_lift,
                                  .reference = &reference};
    try {
        const GradientResult result = model.run(x, request, plain_run);
        std::vector<double> attribution = attributions(x, reference[0].value, result.gradients[0]);
        EXPECT_LT(worst_gap(attribution, result), complete);
        // The checker refuses a sum that is off by twice as much.
        double scale = std::abs(result.target[0]) + std::abs(result.reference_target[0]);
        for (size_t i = 0; i < attribution.size() / static_cast<size_t>(x.rows()); ++i)
            scale += std::abs(attribution[i]);
        attribution[0] += 3 * complete * scale;
        EXPECT_GT(worst_gap(attribution, result), complete);
        // The target of the reference is that of the reference, for the class of the input.
        for (int64_t row = 0; row < x.rows(); ++row) {
            const GradientResult alone =
                model.run(reference[0].value.slice_rows(row, 1),
                          {.output = request.output, .index = result.index[row]}, plain_run);
            EXPECT_NEAR(alone.target[0], result.reference_target[row],
                        1e-4 * (1 + std::abs(alone.target[0])));
        }
    } catch (const Error& error) {
        const std::string line = error.what();
        const std::vector<std::string> refused = {"LpPool", "LRN", "ReduceProd", "TopK", "Where"};
        EXPECT_TRUE(std::ranges::any_of(refused, [&](const std::string& op) {
            return line.find("no DeepLIFT multiplier through " + op) != std::string::npos ||
                   line.find("no DeepLIFT multiplier through Global" + op) != std::string::npos;
        })) << line;
        RecordProperty("refused", line);
        std::printf("  refused: %s\n", line.c_str());
    }
}

INSTANTIATE_TEST_SUITE_P(GoldenRules, EveryNetwork, ::testing::ValuesIn(names_in("networks")),
                         [](const auto& network) { return network.param; });

class AgainstCaptum : public ::testing::TestWithParam<std::string> {};

TEST_P(AgainstCaptum, SameAnswers) {
    const OnnxModel model = OnnxModel::load(golden / "rules" / (GetParam() + ".onnx"));
    const auto arrays = data::read_npz(golden / "rules" / (GetParam() + ".npz"));
    const Tensor& x = *find(arrays, "x");
    const Batch reference(*find(arrays, "reference"));
    GradientRequest request{.output = "y", .gradients = {"x"}, .reference = &reference};
    const auto answer = [&](Rules rules) {
        request.rules = rules;
        const GradientResult result = model.run(x, request, plain_run);
        EXPECT_EQ(std::vector<double>(result.index.begin(), result.index.end()),
                  find(arrays, "target")->to_doubles());
        return result;
    };
    for (const auto& [name, rules] :
         {std::pair{"guided", Rules::guided}, std::pair{"deconvolution", Rules::deconvolution}})
        if (const Tensor* wanted = find(arrays, name)) {
            EXPECT_LT(relative_error(answer(rules).gradients[0].to_doubles(), wanted->to_doubles()),
                      tolerance)
                << name;
            EXPECT_GT(relative_error(answer(Rules::gradient).gradients[0].to_doubles(),
                                     wanted->to_doubles()),
                      0.1)
                << name;
        }
    const GradientResult result = answer(Rules::deep_lift);
    const std::vector<double> attribution =
        attributions(x, reference[0].value, result.gradients[0]);
    EXPECT_LT(worst_gap(attribution, result), complete);
    std::vector<double> change;
    for (size_t row = 0; row < result.target.size(); ++row)
        change.push_back(result.target[row] - result.reference_target[row]);
    EXPECT_LT(relative_error(change, find(arrays, "change")->to_doubles()), 1e-4);
    if (const Tensor* wanted = find(arrays, "deep_lift")) {
        EXPECT_LT(relative_error(attribution, wanted->to_doubles()), tolerance);
        const std::vector<double> gradient =
            attributions(x, reference[0].value, answer(Rules::gradient).gradients[0]);
        EXPECT_GT(relative_error(gradient, wanted->to_doubles()), 0.01);
    }
}

INSTANTIATE_TEST_SUITE_P(GoldenRules, AgainstCaptum, ::testing::ValuesIn(names_in("rules")),
                         [](const auto& network) { return network.param; });

}  // namespace
}  // namespace whence
