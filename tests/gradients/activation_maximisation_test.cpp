#include "whence/gradients/activation_maximisation.h"

#include <gtest/gtest.h>

#include "gradients/net_model.h"

namespace whence {
namespace {

using namespace fakes;
using Options = ActivationMaximisationOptions;

Explanation explain(const FunctionModel& model, const Vector& x, Options options = {},
                    uint64_t seed = 0, Shape shape = {}) {
    whence::Run run;
    run.seed = seed;
    if (shape.empty()) shape = {1, std::ssize(x)};
    return ActivationMaximisation(model, std::move(options))
        .explain(Batch(Tensor::of<double>(shape, x)), {}, run);
}

// -|x - a|^2: the summit is known, and it lies in the range of the input.
FunctionModel hill(const Vector& a) {
    return FunctionModel(
        std::ssize(a), 1,
        [=](const Vector& x) {
            double value = 0;
            for (size_t i = 0; i < a.size(); ++i) value -= (x[i] - a[i]) * (x[i] - a[i]);
            return Vector{value};
        },
        [=](const Vector& x, int64_t) {
            Vector g(a.size());
            for (size_t i = 0; i < a.size(); ++i) g[i] = 2 * (a[i] - x[i]);
            return g;
        });
}

TEST(ActivationMaximisation, FindsTheSummit) {
    const Vector summit = {0.2, -0.3, 0.7};
    const FunctionModel model = hill(summit);
    const Explanation e = explain(model, {-1, 0, 1}, {.steps = 500, .decay = 0});
    // Steps have one length, so it ends within one of the summit: 0.01 of a range of 2, in the root
    // mean square of three features.
    EXPECT_LE(largest_difference(values_of(e), summit), 0.02 * std::sqrt(3.0));
    EXPECT_EQ(e.provenance.gradient_evaluations, 500);
    EXPECT_EQ(model.gradient_rows, 500);
    EXPECT_EQ(e.provenance.evaluations, 2);
    EXPECT_FALSE(e.diagnostics.attribution_error.has_value());
    EXPECT_TRUE(has_note(e, "the one given -1.62"));
}

TEST(ActivationMaximisation, StaysInTheRangeOfTheInput) {
    const Explanation e = explain(hill({5, -5, 0.5}), {-1, 0, 1}, {.steps = 500, .decay = 0});
    EXPECT_NEAR(values_of(e)[0], 1, 1e-12);
    EXPECT_NEAR(values_of(e)[1], -1, 1e-12);
}

TEST(ActivationMaximisation, DecayHoldsItNearTheMean) {
    const Vector free = values_of(explain(hill({1, 1, -1}), {-1, 0, 1}, {.decay = 0})),
                 held = values_of(explain(hill({1, 1, -1}), {-1, 0, 1}, {.decay = 0.2}));
    EXPECT_GT(std::abs(free[0]), 2 * std::abs(held[0]));
}

TEST(ActivationMaximisation, TakesNothingButRangeMeanAndShapeOfTheInput) {
    const FunctionModel model = hill({0.2, -0.3, 0.7});
    const Options few{.steps = 5};
    const Vector once = values_of(explain(model, {-1, 0, 1}, few));
    EXPECT_EQ(values_of(explain(model, {1, -1, 0}, few)), once);
    EXPECT_GT(largest_difference(values_of(explain(model, {-1, 0, 1}, few, 1)), once), 1e-6);
}

TEST(ActivationMaximisation, BlursImagesAlone) {
    Vector checks(16);
    for (size_t i = 0; i < 16; ++i) checks[i] = (i / 4 + i) % 2 ? 1 : -1;
    const FunctionModel model = hill(checks);
    const Options often{.decay = 0, .blur = 2, .blur_every = 1}, never{.decay = 0, .blur = 0};
    const auto contrast = [&](const Options& options, const Shape& shape) {
        double sum = 0;
        const Vector found = values_of(explain(model, checks, options, 0, shape));
        for (size_t i = 0; i < 16; ++i) sum += found[i] * checks[i] / 16;
        return sum;
    };
    EXPECT_GT(contrast(never, {1, 1, 4, 4}), 0.9);
    EXPECT_LT(contrast(often, {1, 1, 4, 4}), 0.3);
    EXPECT_GT(contrast(often, {1, 16}), 0.9);
}

TEST(ActivationMaximisation, AFlatTargetStaysWhereItIs) {
    const FunctionModel model(
        2, 1, [](const Vector&) { return Vector{1}; },
        [](const Vector&, int64_t) {
            return Vector{0, 0};
        });
    for (const double v : values_of(explain(model, {0, 1}, {.steps = 3})))
        EXPECT_TRUE(std::isfinite(v));
    EXPECT_EQ(values_of(explain(model, {2, 2}, {.steps = 3})), (Vector{2, 2}));
}

TEST(ActivationMaximisation, RefusesWhatMakesNoSense) {
    const FunctionModel model = hill({1});
    for (const Options& options : {Options{.steps = 0}, Options{.rate = 2}, Options{.decay = -1},
                                   Options{.blur = std::nan("")}, Options{.blur_every = 0}})
        EXPECT_NE(message_of(ErrorKind::usage, [&] { ActivationMaximisation(model, options); })
                      .find(" from "),
                  std::string::npos);
}

}  // namespace
}  // namespace whence
