// What is refused, and in which words.

#include <gtest/gtest.h>

#include <limits>
#include <stop_token>

#include "gradients/fakes.h"
#include "whence/gradients/expected_gradients.h"
#include "whence/gradients/guided_ig.h"
#include "whence/gradients/idgi.h"
#include "whence/gradients/input_x_gradient.h"
#include "whence/gradients/integrated_gradients.h"
#include "whence/gradients/layer_path.h"
#include "whence/gradients/relu_rules.h"
#include "whence/gradients/saliency.h"
#include "whence/gradients/smooth_grad.h"
#include "whence/gradients/taylor.h"

namespace whence {
namespace {

using namespace fakes;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

FunctionModel identity(
    std::function<double(double)> gradient = [](double) { return 1.0; },
    std::function<double(double)> value = [](double x) { return x; }) {
    return FunctionModel(
        3, 1, [=](const Vector& x) { return Vector{value(x[0])}; },
        [=](const Vector& x, int64_t) {
            return Vector{gradient(x[0]), 0, 0};
        });
}

// Every method says the same about the same mistake.
template <class Check>
void for_every_method(const DifferentiableModel& model, const Check& check) {
    const int64_t features = model.inputs().back().shape.at(1);
    check(Saliency(model));
    check(InputXGradient(model));
    check(IntegratedGradients(model));
    check(IntegratedGradients(model, baseline::Zeros{}, {.steps = 3}));
    check(IntegratedGradients(model, baseline::Zeros{}, {.exact = true}));
    check(Taylor(model, {.order = 2}));
    check(SmoothGrad(model, {.samples = 3}));
    check(ExpectedGradients(model, Tensor(ElementType::float64, {2, features}), "zeros",
                            {.samples = 3}));
    check(ReluRules(model));
    check(Idgi(model, baseline::Zeros{}, {.steps = 3}));
    check(GuidedIg(model, baseline::Zeros{}, {.steps = 3}));
    check(InternalInfluence(model, "x", baseline::Zeros{}, {.steps = 3}));
}

void expect_message(const DifferentiableModel& model, const Batch& input, ErrorKind kind,
                    const std::string& part) {
    for_every_method(model, [&](const Explainer& method) {
        const std::string message =
            message_of(kind, [&] { (void)method.explain(input, {}, plain_run); });
        EXPECT_NE(message.find(part), message.npos) << "'" << message << "'";
    });
}

TEST(GradientErrors, NanInTheInputIsNamedWithItsPlace) {
    expect_message(identity(), batch_of({1, nan, 2}), ErrorKind::input,
                   "input 'x' holds NaN at position 1");
    expect_message(identity(), batch_of({1, 2, -infinity}), ErrorKind::input,
                   "input 'x' holds infinity at position 2");
}

TEST(GradientErrors, NanFromTheModel) {
    expect_message(identity([](double) { return 1.0; }, [](double) { return nan; }),
                   batch_of({1, 2, 3}), ErrorKind::model, "the model returned NaN as its output");
    expect_message(identity([](double) { return infinity; }), batch_of({1, 2, 3}), ErrorKind::model,
                   "the model returned infinity as its gradient");
}

TEST(GradientErrors, NanAlongThePathOnly) {
    const FunctionModel model =
        identity([](double) { return 1.0; }, [](double x) { return x > 0 && x < 1 ? nan : x; });
    EXPECT_NE(
        message_of(ErrorKind::model,
                   [&] {
                       (void)IntegratedGradients(model).explain(batch_of({1, 2, 3}), {}, plain_run);
                   })
            .find("output along the path"),
        std::string::npos);
}

TEST(GradientErrors, OneRowAtATime) {
    expect_message(identity(), Batch(Tensor::of<double>({2, 3}, Vector(6, 1.0))), ErrorKind::input,
                   "one row");
}

TEST(GradientErrors, IntegersHaveNoGradient) {
    expect_message(identity(), Batch(Tensor::of<int64_t>({1, 3}, std::vector<int64_t>{1, 2, 3})),
                   ErrorKind::unsupported, "no gradient");
}

TEST(GradientErrors, UnknownNames) {
    const FunctionModel model = identity();
    EXPECT_NE(
        message_of(
            ErrorKind::usage,
            [&] {
                (void)Saliency(model, {.input = "z"}).explain(batch_of({1, 2, 3}), {}, plain_run);
            })
            .find("the model has: x"),
        std::string::npos);
    expect_message(model, Batch({{"w", Tensor::of<double>({1, 3}, Vector{1, 2, 3})}}),
                   ErrorKind::input, "no tensor named 'x'");
}

TEST(GradientErrors, ClassThatDoesNotExist) {
    const FunctionModel model = identity();
    for_every_method(model, [&](const Explainer& method) {
        EXPECT_NE(message_of(ErrorKind::usage,
                             [&] {
                                 (void)method.explain(batch_of({1, 2, 3}), {.index = 7}, plain_run);
                             })
                      .find("class 7 does not exist"),
                  std::string::npos);
    });
}

TEST(GradientErrors, BaselineOfAnotherShapeOrWithNan) {
    const FunctionModel model = identity();
    const auto explain_with = [&](const Vector& values) {
        const auto count = static_cast<int64_t>(values.size());
        (void)IntegratedGradients(model,
                                  baseline::Data{Tensor::of<double>({1, count}, values), "mine"})
            .explain(batch_of({1, 2, 3}), {}, plain_run);
    };
    EXPECT_NE(message_of(ErrorKind::input, [&] { explain_with({1}); }).find("has shape"),
              std::string::npos);
    EXPECT_NE(message_of(ErrorKind::input,
                         [&] {
                             explain_with({1, 2, nan});
                         })
                  .find("baseline 'mine' holds NaN at position 2"),
              std::string::npos);
}

TEST(GradientErrors, OptionsThatMakeNoSense) {
    const FunctionModel model = identity();
    using Options = IntegratedGradientsOptions;
    for (const Options& options :
         {Options{.steps = -1}, Options{.steps = 5, .exact = true}, Options{.tolerance = 0},
          Options{.tolerance = nan}, Options{.max_steps = 1}, Options{.max_pieces = 0},
          Options{.steps = 1'000'001}, Options{.max_steps = 1'000'001},
          Options{.steps = 1, .rule = gradients::QuadratureRule::trapezoid}})
        EXPECT_NE(
            message_of(ErrorKind::usage, [&] { (void)IntegratedGradients(model, {}, options); }),
            "");
}

TEST(GradientErrors, StopsWhenAsked) {
    const FunctionModel model = identity();
    std::stop_source stop;
    stop.request_stop();
    whence::Run run;
    run.stop = stop.get_token();
    for_every_method(model, [&](const Explainer& method) {
        EXPECT_NE(message_of(ErrorKind::interrupted,
                             [&] {
                                 (void)method.explain(batch_of({1, 2, 3}), {}, run);
                             }),
                  "");
    });
}

// Two inputs: the first of numbers is explained, the other is passed on as it is.
class TwoInputs final : public DifferentiableModel {
  public:
    const std::vector<TensorInfo>& inputs() const override { return inputs_; }
    const std::vector<TensorInfo>& outputs() const override { return outputs_; }
    Batch predict(const Batch&, const Run&) const override { throw std::logic_error("not asked"); }
    int concurrency() const override { return 1; }
    int64_t preferred_batch() const override { return 3; }
    GradientResult run(const Batch& inputs, const GradientRequest& request,
                       const Run&) const override {
        GradientResult result;
        const Vector x = inputs.at("x").to_doubles(), ids = inputs.at("ids").to_doubles();
        for (size_t row = 0; row < x.size(); ++row) result.target.push_back(x[row] * ids[row]);
        result.index.assign(x.size(), 0);
        if (!request.gradients.empty())
            result.gradients = {Tensor::of<double>({inputs.rows(), 1}, ids)};
        return result;
    }

  private:
    std::vector<TensorInfo> inputs_ = {{"ids", ElementType::int64, {-1, 1}},
                                       {"x", ElementType::float64, {-1, 1}}};
    std::vector<TensorInfo> outputs_ = {{"y", ElementType::float64, {-1, 1}}};
};

TEST(ExplainedInput, OthersAreHeldConstantAndSaidSo) {
    const TwoInputs model;
    const Batch input({{"ids", Tensor::of<int64_t>({1, 1}, std::vector<int64_t>{4})},
                       {"x", Tensor::of<double>({1, 1}, Vector{2})}});
    for_every_method(model, [&](const Explainer& method) {
        const Explanation e = method.explain(input, {}, plain_run);
        EXPECT_EQ(e.target.value, 8);
        EXPECT_NE(e.diagnostics.notes.at(0).find("only input 'x' is explained"), std::string::npos);
    });
    EXPECT_NEAR(
        IntegratedGradients(model).explain(input, {}, plain_run).attribution.values.to_doubles()[0],
        8, 1e-12);
}

}  // namespace
}  // namespace whence
