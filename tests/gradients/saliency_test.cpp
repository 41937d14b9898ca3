#include "whence/gradients/saliency.h"

#include <gtest/gtest.h>

#include "gradients/fakes.h"

namespace whence {
namespace {

using namespace fakes;

// Two classes over three features: scores 2a - 3b, and 5c.
FunctionModel linear() {
    return FunctionModel(
        3, 2,
        [](const Vector& x) {
            return Vector{2 * x[0] - 3 * x[1], 5 * x[2]};
        },
        [](const Vector&, int64_t k) {
            return k == 0 ? Vector{2, -3, 0} : Vector{0, 0, 5};
        });
}

TEST(Saliency, IsTheGradientByHand) {
    const FunctionModel model = linear();
    const Explanation absolute =
        Saliency(model).explain(batch_of({1, 1, 1}), {.index = 0}, plain_run);
    EXPECT_EQ(absolute.attribution.values.to_doubles(), (Vector{2, 3, 0}));
    const Explanation plain =
        Saliency(model, {.absolute = false}).explain(batch_of({1, 1, 1}), {.index = 0}, plain_run);
    EXPECT_EQ(plain.attribution.values.to_doubles(), (Vector{2, -3, 0}));
    EXPECT_EQ(plain.target.value, -1);
}

TEST(Saliency, LetsTheModelFindTheTopClassInItsOnlyPass) {
    const FunctionModel model = linear();
    const Explanation e = Saliency(model).explain(batch_of({1, 1, 1}), {}, plain_run);
    EXPECT_EQ(e.target.resolved.index, 1);
    EXPECT_EQ(e.target.resolved.classes, 2);
    EXPECT_EQ(e.target.value, 5);
    EXPECT_EQ(model.calls, 1);
    EXPECT_EQ(model.predictions, 0);
    EXPECT_EQ(model.gradient_rows, 1);
    EXPECT_EQ(e.provenance.evaluations, 0);
    EXPECT_EQ(e.provenance.gradient_evaluations, 1);
}

TEST(Saliency, ExplainsADifferenceOfClasses) {
    const FunctionModel model = linear();
    const Explanation e = Saliency(model, {.absolute = false})
                              .explain(batch_of({1, 1, 1}), {.index = 0, .minus = 1}, plain_run);
    EXPECT_EQ(e.attribution.values.to_doubles(), (Vector{2, -3, -5}));
    EXPECT_EQ(e.target.value, -6);
}

TEST(Saliency, ClaimsNoCompletenessAndSaysWhy) {
    const FunctionModel model = linear();
    const Explanation e = Saliency(model).explain(batch_of({1, 1, 1}), {}, plain_run);
    EXPECT_FALSE(e.diagnostics.attribution_error.has_value());
    EXPECT_FALSE(e.target.baseline_value.has_value());
    EXPECT_FALSE(e.diagnostics.no_error_because.empty());
}

TEST(Saliency, KeepsTheTypeOfTheInput) {
    const FunctionModel model(
        1, 1, [](const Vector& x) { return x; }, [](const Vector&, int64_t) { return Vector{1}; },
        ElementType::float32);
    const Explanation e = Saliency(model).explain(
        Batch(Tensor::of<float>({1, 1}, std::vector<float>{4})), {}, plain_run);
    EXPECT_EQ(e.attribution.values.type(), ElementType::float32);
}

}  // namespace
}  // namespace whence
