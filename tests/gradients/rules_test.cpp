// Methods that ask for another rule at nonlinearities: DeepLIFT, DeepSHAP, guided backpropagation,
// deconvolution.

#include <gtest/gtest.h>

#include "gradients/net_model.h"
#include "whence/gradients/deep_lift.h"
#include "whence/gradients/relu_rules.h"
#include "whence/gradients/saliency.h"

namespace whence {
namespace {

using namespace fakes;

constexpr double accumulated = 1e-12;

// Shrikumar et al. 2017: y = max(0, i1 + i2 - 1) hardly saturates the other way: with reference
// (0, 0) and inputs (1, 1), u goes from -1 to 1 and y from 0 to 1, so each input gets 1/2.
TEST(DeepLift, WorkedExample) {
    const NetModel model(Net{.layers = {{{{1, 1}}, {-1}}, {{{1}}, {0}}}});
    const Explanation e = DeepLift(model).explain(batch_of({1, 1}), {}, plain_run);
    EXPECT_EQ(values_of(e), (Vector{0.5, 0.5}));
    EXPECT_EQ(e.target.value, 1);
    EXPECT_EQ(e.target.baseline_value, 0);
    EXPECT_EQ(e.diagnostics.attribution_error, 0);
}

TEST(DeepLift, AddsUpForEveryNetworkOfOneInputNonlinearities) {
    for (const Net::Kind kind : {Net::Kind::relu, Net::Kind::tanh}) {
        const NetModel model(Net::random({6, 16, 16, 3}, kind, 2));
        const Explanation e = DeepLift(model, baseline::Value{0.3})
                                  .explain(batch_of(random_input(6, 1)), {}, plain_run);
        EXPECT_NEAR(*e.diagnostics.attribution_error, 0, accumulated);
        EXPECT_EQ(e.provenance.gradient_evaluations, 1);
        EXPECT_EQ(e.provenance.evaluations, 0);
    }
}

// The negative control: with the gradient's own rule the same products do not add up.
TEST(DeepLift, IsNotInputTimesGradient) {
    const NetModel model(Net::random({6, 16, 16, 3}, Net::Kind::tanh, 2));
    const Vector x = random_input(6, 1);
    Vector products =
        values_of(Saliency(model, {.absolute = false}).explain(batch_of(x), {}, plain_run));
    for (size_t i = 0; i < x.size(); ++i) products[i] *= x[i];
    const Vector values = values_of(DeepLift(model).explain(batch_of(x), {}, plain_run));
    EXPECT_GT(largest_difference(products, values), 1e-2);
}

TEST(DeepShap, IsTheMeanOfDeepLift) {
    const NetModel model(Net::random({6, 16, 16, 3}, Net::Kind::relu, 2));
    const Vector x = random_input(6, 1);
    std::vector<Vector> rows;
    for (uint64_t k = 0; k < 9; ++k)
        rows.push_back(random_input(6, 20 + k));  // two batches and one
    Vector twin(6, 0.0);
    double baseline_value = 0;
    for (const Vector& row : rows) {
        const Explanation one = DeepLift(model, baseline::Data{rows_tensor({row}), "row"})
                                    .explain(batch_of(x), {}, plain_run);
        for (size_t i = 0; i < 6; ++i) twin[i] += values_of(one)[i] / 9;
        baseline_value += *one.target.baseline_value / 9;
    }
    const Explanation e =
        DeepShap(model, rows_tensor(rows), "nine rows").explain(batch_of(x), {}, plain_run);
    EXPECT_LE(largest_difference(values_of(e), twin), accumulated);
    EXPECT_NEAR(*e.target.baseline_value, baseline_value, accumulated);
    EXPECT_NEAR(*e.diagnostics.attribution_error, 0, accumulated);
    EXPECT_EQ(e.target.baseline, "nine rows");
    EXPECT_LE(model.largest, model.batch);
}

TEST(DeepLift, BaselineOfAnotherShapeOrWithNan) {
    const NetModel model(Net::random({2, 1}, Net::Kind::relu, 2));
    const auto message = [&](const Vector& row) {
        return message_of(ErrorKind::input, [&] {
            (void)DeepLift(model, baseline::Data{rows_tensor({row}), "mine"})
                .explain(batch_of({1, 2}), {}, plain_run);
        });
    };
    EXPECT_NE(message({1, 2, 3}).find("has shape"), std::string::npos);
    EXPECT_NE(message({1, std::nan("")}).find("baseline 'mine' holds NaN"), std::string::npos);
    EXPECT_NE(message_of(ErrorKind::input,
                         [&] {
                             (void)DeepShap(model, rows_tensor({{1, 2, 3}}), "rows")
                                 .explain(batch_of({1, 2}), {}, plain_run);
                         })
                  .find("background 'rows' has shape"),
              std::string::npos);
}

// One unit of each kind: on with positive and negative gradient above, off with both.
TEST(ReluRules, ByHand) {
    Net net;
    net.layers.push_back(
        {{{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, -1, 0}, {0, 0, 0, -1}}, Vector(4, 0)});
    net.layers.push_back({{{2, -3, 5, -7}}, {0}});
    const NetModel model(net);
    const auto values = [&](Rules rules) {
        return values_of(ReluRules(model, {.rules = rules})
                             .explain(batch_of({1, 1, 1, 1}), {.index = 0}, plain_run));
    };
    EXPECT_EQ(values(Rules::guided), (Vector{2, 0, 0, 0}));
    EXPECT_EQ(values(Rules::deconvolution), (Vector{2, 0, -5, 0}));
}

TEST(ReluRules, ClaimNothingAndRefuseOtherRules) {
    const NetModel model(Net::random({3, 4, 2}, Net::Kind::relu, 2));
    const Explanation e = ReluRules(model).explain(batch_of({1, 2, 3}), {}, plain_run);
    EXPECT_FALSE(e.diagnostics.attribution_error.has_value());
    EXPECT_FALSE(e.target.baseline_value.has_value());
    EXPECT_NE(e.diagnostics.no_error_because, "");
    EXPECT_EQ(e.provenance.method, "guided-backprop");
    EXPECT_NE(message_of(ErrorKind::usage, [&] { ReluRules(model, {.rules = Rules::deep_lift}); }),
              "");
}

}  // namespace
}  // namespace whence
