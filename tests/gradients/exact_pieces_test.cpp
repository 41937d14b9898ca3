// Exact integration against a slow twin that looks inside the network and computes every kink.

#include <gtest/gtest.h>

#include "gradients/fakes.h"
#include "whence/gradients/integrated_gradients.h"

namespace whence {
namespace {

using namespace fakes;
using Options = IntegratedGradientsOptions;

Vector along(const Vector& x, double t) {
    Vector out = x;
    for (double& v : out) v *= t;
    return out;
}

// Between the kinks of all layers before, every unit is affine in t: where it changes sign is a
// kink.
Vector kinks(const Net& net, const Vector& x) {
    Vector cuts = {0, 1};
    for (size_t layer = 0; layer + 1 < net.layers.size(); ++layer) {
        Vector more = cuts;
        for (size_t k = 0; k + 1 < cuts.size(); ++k) {
            const double a = cuts[k], b = cuts[k + 1];
            const Vector left = net.forward(along(x, a))[layer],
                         right = net.forward(along(x, b))[layer];
            for (size_t unit = 0; unit < left.size(); ++unit) {
                const double t = a + (b - a) * left[unit] / (left[unit] - right[unit]);
                if (left[unit] * right[unit] < 0) more.push_back(t);
            }
        }
        std::ranges::sort(more);
        cuts = more;
    }
    return cuts;
}

struct Truth {
    Vector values;
    int64_t pieces = 1;
};

Truth slow_twin(const Net& net, const Vector& x, int64_t index) {
    const Vector cuts = kinks(net, x);
    Truth truth{Vector(x.size(), 0.0)};
    Vector before;
    for (size_t k = 0; k + 1 < cuts.size(); ++k) {
        const Vector g = net.gradient(along(x, (cuts[k] + cuts[k + 1]) / 2), index);
        for (size_t i = 0; i < x.size(); ++i)
            truth.values[i] += x[i] * g[i] * (cuts[k + 1] - cuts[k]);
        // A kink of a unit that nothing downstream reads at this point changes no gradient.
        if (k > 0 && g != before) ++truth.pieces;
        before = g;
    }
    return truth;
}

Explanation exact(const FunctionModel& model, const Vector& x, Options options = {.exact = true}) {
    return IntegratedGradients(model, baseline::Zeros{}, options)
        .explain(batch_of(x), {}, plain_run);
}

struct Case {
    std::string name;
    std::vector<int64_t> widths;
    bool biases;
};
void PrintTo(const Case& c, std::ostream* out) {
    *out << c.name;
}
class ReluNets : public testing::TestWithParam<Case> {};

TEST_P(ReluNets, MatchTheSlowTwinToRounding) {
    for (uint64_t seed = 0; seed < 10; ++seed) {
        const Net net = Net::random(GetParam().widths, Net::Kind::relu, seed, GetParam().biases);
        const Vector x = random_input(GetParam().widths[0], seed);
        const Explanation e = exact(net.model(), x);
        const Truth truth = slow_twin(net, x, e.target.resolved.index);
        const Vector values = e.attribution.values.to_doubles();
        for (size_t i = 0; i < x.size(); ++i)
            EXPECT_NEAR(values[i], truth.values[i], 1e-10) << seed;
        // Kinks are located to 64 roundings of the path's length.
        EXPECT_LT(*e.diagnostics.relative_error, 1e-11) << seed;
        EXPECT_TRUE(*e.diagnostics.converged);
        EXPECT_EQ(e.diagnostics.notes.at(0),
                  "exact: " + std::to_string(truth.pieces) + " linear pieces")
            << seed;
        // Three windows of at most 19 gradients, then about five for each piece.
        EXPECT_LE(e.provenance.gradient_evaluations, 62 + 5.2 * truth.pieces) << seed;
    }
}

INSTANTIATE_TEST_SUITE_P(, ReluNets,
                         testing::Values(Case{"one_layer", {5, 10, 2}, true},
                                         Case{"two_layers", {6, 24, 16, 3}, true},
                                         Case{"deep", {6, 20, 20, 20, 20, 3}, true},
                                         Case{"wide", {10, 200, 30, 3}, true},
                                         Case{"no_biases", {6, 24, 16, 3}, false},
                                         Case{"one_feature", {1, 24, 16, 3}, true}),
                         testing::PrintToStringParamName());

// The baseline itself is a kink of every unit of the first layer.
TEST(ExactPieces, WithoutBiasesThereIsOnePiece) {
    const Explanation e =
        exact(Net::random({6, 24, 16, 3}, Net::Kind::relu, 1, false).model(), random_input(6, 1));
    EXPECT_EQ(e.diagnostics.notes.at(0), "exact: 1 linear pieces");
}

TEST(ExactPieces, SinglePrecisionIsExactToItsOwnRounding) {
    const Net net = Net::random({6, 24, 16, 3}, Net::Kind::relu, 2);
    const Vector x = random_input(6, 2);
    const std::vector<float> single(x.begin(), x.end());
    const FunctionModel model = net.model(ElementType::float32);
    const Explanation e = IntegratedGradients(model, baseline::Zeros{}, {.exact = true})
                              .explain(Batch(Tensor::of<float>({1, 6}, single)), {}, plain_run);
    EXPECT_LT(*e.diagnostics.relative_error, 1e-4);
    EXPECT_TRUE(*e.diagnostics.converged);
}

// The model reads float32 although it is given float64: its rounding is that of float32.
TEST(ExactPieces, TakesThePrecisionOfTheModel) {
    const Net net = Net::random({6, 24, 16, 3}, Net::Kind::relu, 2);
    const FunctionModel model = net.model(ElementType::float32);
    const Explanation e = exact(model, random_input(6, 2));
    EXPECT_EQ(e.attribution.values.type(), ElementType::float64);
    EXPECT_LT(*e.diagnostics.relative_error, 1e-4);
}

TEST(ExactPieces, RefusesMorePiecesThanAllowed) {
    const Net net = Net::random({10, 200, 30, 3}, Net::Kind::relu, 3);
    const FunctionModel model = net.model();
    const Vector x = random_input(10, 3);
    const int64_t pieces = slow_twin(net, x, 0).pieces;
    EXPECT_GT(pieces, 30);
    const std::string message = message_of(
        ErrorKind::unsupported, [&] { (void)exact(model, x, {.exact = true, .max_pieces = 5}); });
    EXPECT_NE(message.find("allows 5 linear pieces"), message.npos) << message;
}

TEST(ExactPieces, RefusesOnePieceTooMany) {
    const Net net = Net::random({6, 24, 16, 3}, Net::Kind::relu, 4);
    const FunctionModel model = net.model();
    const Vector x = random_input(6, 4);
    const int64_t pieces = slow_twin(net, x, exact(model, x).target.resolved.index).pieces;
    EXPECT_NO_THROW((void)exact(model, x, {.exact = true, .max_pieces = pieces}));
    EXPECT_THROW((void)exact(model, x, {.exact = true, .max_pieces = pieces - 1}), Error);
}

TEST(ExactPieces, RefusesSmoothModels) {
    const FunctionModel model = Net::random({6, 24, 16, 3}, Net::Kind::tanh, 5).model();
    const std::string message =
        message_of(ErrorKind::unsupported, [&] { (void)exact(model, random_input(6, 5)); });
    EXPECT_NE(message.find("not piecewise linear"), message.npos) << message;
    EXPECT_LT(model.gradient_rows, 100);  // and soon
}

// A tent between two pieces of the same gradient: the ends agree in slope, only the value tells.
TEST(ExactPieces, SeesATentBetweenEqualGradients) {
    const auto tent = [](double x) { return std::max(0.0, 0.01 - std::abs(x - 0.3)); };
    const auto slope = [](double x) {
        return std::abs(x - 0.3) > 0.01 ? 0.0 : x < 0.3 ? 1.0 : -1.0;
    };
    const auto step = [](double x) { return std::max(0.0, std::min(x - 0.6, 0.02)); };
    const auto rise = [](double x) { return x > 0.6 && x < 0.62 ? 1.0 : 0.0; };
    const FunctionModel model(
        1, 1, [&](const Vector& x) { return Vector{x[0] + tent(x[0]) + step(x[0])}; },
        [&](const Vector& x, int64_t) { return Vector{1 + slope(x[0]) + rise(x[0])}; });
    const Explanation e = exact(model, {1});
    EXPECT_NEAR(e.attribution.values.to_doubles()[0], 1.02, 1e-12);
}

}  // namespace
}  // namespace whence
