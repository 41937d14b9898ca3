#include "whence/gradients/layer_path.h"

#include <gtest/gtest.h>

#include "gradients/net_model.h"

namespace whence {
namespace {

using namespace fakes;

constexpr double accumulated = 1e-12;

const Batch& input() {
    static const Batch batch = batch_of(random_input(6, 1));
    return batch;
}

Explanation conductance(const NetModel& model, const std::string& layer, int64_t steps = 50) {
    return LayerConductance(model, layer, baseline::Value{0.2}, {.steps = steps})
        .explain(input(), {}, plain_run);
}

// The definition, by many left-hand steps with features and gradients asked one by one.
TEST(LayerConductance, IsItsDefinition) {
    const NetModel model(Net::random({6, 12, 8, 2}, Net::Kind::tanh, 3));
    const Explanation e = conductance(model, "h2", 400);
    const Vector x = input()[0].value.to_doubles();
    constexpr int64_t fine = 20000;
    Vector twin(8, 0.0);
    for (int64_t k = 0; k < fine; ++k) {
        const auto at = [&](double a) {
            Vector p = x;
            for (double& v : p) v = 0.2 + a * (v - 0.2);
            return p;
        };
        const Vector from = model.level(at(static_cast<double>(k) / fine), 2),
                     to = model.level(at(static_cast<double>(k + 1) / fine), 2);
        const GradientResult result =
            model.run(batch_of(at((static_cast<double>(k) + 0.5) / fine)),
                      {.index = e.target.resolved.index, .gradients = {"h2"}}, plain_run);
        const Vector gradient = result.gradients[0].to_doubles();
        for (size_t j = 0; j < 8; ++j) twin[j] += gradient[j] * (to[j] - from[j]);
    }
    // 400 chords of a smooth path: the trapezoid rule errs by a curvature of about one / (12 n^2).
    EXPECT_LE(largest_difference(values_of(e), twin), 1e-5);
    EXPECT_EQ(e.attribution.layer, "h2");
    EXPECT_EQ(e.attribution.values.shape(), (Shape{1, 8}));
}

TEST(LayerConductance, AddsUpToTheSameAtEveryLayer) {
    const NetModel model(Net::random({6, 12, 8, 2}, Net::Kind::tanh, 3));
    const double coarse = *conductance(model, "h1", 20).diagnostics.attribution_error;
    const double fine = *conductance(model, "h1", 40).diagnostics.attribution_error;
    EXPECT_LE(std::abs(fine), 1e-2);
    EXPECT_NEAR(coarse / fine, 4, 0.5) << "second order in the step";
    // Above the last layer the model is linear: one chord is enough.
    EXPECT_NEAR(*conductance(model, "h2", 1).diagnostics.attribution_error, 0, accumulated);
}

TEST(LayerConductance, CountsWhatItAsksAndIsTheSameForEveryBatchSize) {
    NetModel model(Net::random({6, 12, 8, 2}, Net::Kind::relu, 3));
    const Explanation e = conductance(model, "h1");
    EXPECT_EQ(e.provenance.gradient_evaluations, model.gradient_rows);
    EXPECT_EQ(model.gradient_rows, 51);
    EXPECT_EQ(e.provenance.evaluations, 1);
    for (const int64_t batch : {1, 13, 100}) {
        model.batch = batch;
        EXPECT_EQ(values_of(conductance(model, "h1")), values_of(e));
    }
}

TEST(InternalInfluence, IsTheMeanGradientOfTheLayer) {
    const NetModel model(Net::random({6, 12, 8, 2}, Net::Kind::relu, 3));
    const Explanation e = InternalInfluence(model, "h1", baseline::Value{0.2},
                                            {.steps = 3000, .rule = gradients::QuadratureRule::midpoint})
                              .explain(input(), {}, plain_run);
    const Vector x = input()[0].value.to_doubles();
    constexpr int64_t fine = 3000;
    Vector twin(12, 0.0);
    for (int64_t k = 0; k < fine; ++k) {
        Vector p = x;
        for (double& v : p) v = 0.2 + (static_cast<double>(k) + 0.5) / fine * (v - 0.2);
        const Vector gradient =
            model
                .run(batch_of(p), {.index = e.target.resolved.index, .gradients = {"h1"}},
                     plain_run)
                .gradients[0]
                .to_doubles();
        for (size_t j = 0; j < 12; ++j) twin[j] += gradient[j] / fine;
    }
    EXPECT_LE(largest_difference(values_of(e), twin), accumulated);
    EXPECT_FALSE(e.diagnostics.attribution_error.has_value());
    EXPECT_NE(e.diagnostics.no_error_because, "");
    EXPECT_EQ(e.provenance.gradient_evaluations, 3000);
}

// A model whose layer mixes the rows of a batch.
class Mixed final : public FunctionModel {
  public:
    Mixed()
        : FunctionModel(
              2, 1, [](const Vector& x) { return Vector{x[0]}; },
              [](const Vector&, int64_t) {
                  return Vector{1, 0};
              }) {}
    GradientResult run(const Batch& inputs, const GradientRequest& request,
                       const Run& run) const override {
        GradientResult result = FunctionModel::run(inputs, request, run);
        if (!request.gradients.empty())
            result.gradients[0] = Tensor(ElementType::float64, {2 * inputs.rows(), 1});
        if (!request.values.empty()) result.values = {result.gradients.at(0)};
        return result;
    }
};

TEST(LayerPaths, RefuseWhatTheyCannot) {
    const Mixed mixed;
    EXPECT_NE(message_of(
                  ErrorKind::unsupported,
                  [&] {
                      (void)LayerConductance(mixed, "odd").explain(batch_of({1, 2}), {}, plain_run);
                  })
                  .find("layer 'odd' does not keep the rows of a batch apart"),
              std::string::npos);
    const NetModel model(Net::random({6, 12, 2}, Net::Kind::relu, 3));
    const auto usage = [](auto make) { return message_of(ErrorKind::usage, make); };
    EXPECT_NE(usage([&] { LayerConductance(model, ""); }).find("needs the name of a layer"),
              std::string::npos);
    EXPECT_NE(usage([&] { LayerConductance(model, "h1", {}, {.steps = 0}); }).find("from 1 to"),
              std::string::npos);
    EXPECT_NE(usage([&] { InternalInfluence(model, "h1", {}, {.steps = -1}); }).find("from 1 to"),
              std::string::npos);
}

}  // namespace
}  // namespace whence
