// An ensemble as a model: outputs, scales, types.

#include "whence/trees/ensemble_model.h"

#include <gtest/gtest.h>

#include "message_of.h"
#include "random_ensembles.h"
#include "whence/core/evaluator.h"

namespace whence::trees {
namespace {

EnsembleParts some_parts(int64_t outputs, Link link) {
    EnsembleParts parts =
        testing::RandomEnsembles(7).parts({.trees = 6, .features = 3, .outputs = outputs});
    parts.link = link;
    return parts;
}

EnsembleModel model(int64_t outputs, Link link) {
    return EnsembleModel(Ensemble::build(some_parts(outputs, link)));
}

Tensor rows() {
    return Tensor::of<double>({4, 3}, testing::RandomEnsembles(8).rows(4, 3));
}

TEST(EnsembleModel, ARegressionHasOneOutput) {
    const EnsembleModel regression = model(2, Link::identity);
    ASSERT_EQ(regression.outputs().size(), 1U);
    EXPECT_EQ(regression.outputs()[0].name, "prediction");
    EXPECT_EQ(regression.outputs()[0].scale, Scale::raw);
    const Batch answer = regression.predict(rows(), {});
    EXPECT_EQ(answer.size(), 1U);
    EXPECT_EQ(answer[0].value.shape(), (Shape{4, 2}));
}

TEST(EnsembleModel, ALogisticOutputIsTwoClassesAndAMargin) {
    const EnsembleModel binary = model(1, Link::logistic);
    const Batch answer = binary.predict(rows(), {});
    const Tensor &p = answer.at("probabilities"), &m = answer.at("margin");
    EXPECT_EQ(binary.outputs()[0].scale, Scale::probability);
    EXPECT_EQ(p.shape(), (Shape{4, 2}));
    for (int64_t row = 0; row < 4; ++row) {
        EXPECT_NEAR(p.as<double>()[2 * row] + p.as<double>()[2 * row + 1], 1, 1e-15);
        EXPECT_NEAR(std::log(p.as<double>()[2 * row + 1] / p.as<double>()[2 * row]),
                    m.as<double>()[row], 1e-12);
    }
    const ResolvedTarget target =
        resolve({.output = "margin"}, binary, rows().slice_rows(0, 1), Scale::automatic, {});
    EXPECT_EQ(target_values(target, answer), m.to_doubles());
}

TEST(EnsembleModel, SeveralLogisticOutputsAreSoManyClasses) {
    EXPECT_EQ(model(3, Link::logistic).predict(rows(), {})[0].value.shape(), (Shape{4, 3}));
    const Batch answer = model(3, Link::softmax).predict(rows(), {});
    const std::span<const double> p = answer[0].value.as<double>();
    for (int64_t row = 0; row < 4; ++row)
        EXPECT_NEAR(p[3 * row] + p[3 * row + 1] + p[3 * row + 2], 1, 1e-15);
}

TEST(EnsembleModel, NamesClassesWhereTheyFit) {
    EnsembleParts parts = some_parts(1, Link::logistic);
    parts.output_names = {"no", "yes"};
    EXPECT_EQ(EnsembleModel(Ensemble::build(parts)).class_labels(),
              (std::vector<std::string>{"no", "yes"}));
    parts.output_names = {"yes"};
    EXPECT_TRUE(EnsembleModel(Ensemble::build(parts)).class_labels().empty());
    parts = some_parts(1, Link::exponential);
    parts.output_names = {"count"};
    EXPECT_TRUE(EnsembleModel(Ensemble::build(parts)).class_labels().empty());
}

TEST(EnsembleModel, TakesFloat32AndRefusesTheRest) {
    const EnsembleModel regression = model(1, Link::identity);
    const Tensor floats = rows().cast(ElementType::float32);
    EXPECT_EQ(regression.predict(floats, {})[0].value,
              regression.predict(floats.cast(ElementType::float64), {})[0].value);
    for (const Tensor& wrong :
         {Tensor(ElementType::float64, {4, 2}), Tensor(ElementType::int64, {4, 3}),
          Tensor(ElementType::float64, {3}), Tensor(ElementType::float64, {0, 3})})
        message_of(ErrorKind::input, [&] { static_cast<void>(regression.predict(wrong, {})); });
}

TEST(EnsembleModel, AnswersAfterItWasMoved) {
    EnsembleModel first = model(1, Link::identity);
    const Batch before = first.predict(rows(), {});
    const EnsembleModel second = std::move(first);
    EXPECT_EQ(second.predict(rows(), {})[0].value, before[0].value);
}

}  // namespace
}  // namespace whence::trees
