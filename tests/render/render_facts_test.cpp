#include <gtest/gtest.h>

#include <algorithm>

#include "render/examples.h"
#include "whence/render/facts.h"

namespace whence::render {
namespace {

bool says(const Explanation& explanation, Level level, const std::string& words) {
    return std::ranges::any_of(findings(explanation), [&](const Finding& finding) {
        return finding.level == level && finding.text.find(words) != std::string::npos;
    });
}

TEST(Facts, NameTheTarget) {
    TargetRecord target = test::table_example().target;
    EXPECT_EQ(target_name(target), "malignant (class 0 of 2)");
    target.label.clear();
    EXPECT_EQ(target_name(target), "class 0 of 2");
    target.resolved.minus = 1;
    EXPECT_EQ(target_name(target), "class 0 minus class 1");
    target.resolved = {.output = "price"};
    EXPECT_EQ(target_name(target), "output price");
    EXPECT_EQ(scale_name(target), "raw output");
}

TEST(Facts, NameTheMethod) {
    EXPECT_EQ(method_title("integrated-gradients"), "Integrated gradients");
    EXPECT_EQ(method_title("kernel-shap"), "KernelSHAP");
    EXPECT_EQ(method_title(""), "Explanation");
}

TEST(Facts, SumUpInPlainWords) {
    EXPECT_EQ(
        summary(test::table_example()),
        "The model gives malignant (class 0 of 2) a probability of 0.904. At the baseline (mean) "
        "it is 0.3. KernelSHAP spreads the difference of +0.604 over 4 features. What raises it "
        "most: radius = 17.99 (+0.5). What lowers it most: texture = 10.38 (\u22120.2).");
}

TEST(Findings, SayHowMuchIsUnexplained) {
    EXPECT_TRUE(says(test::table_example(), Level::good,
                     "The attributions add up to 0.6 of 0.604, the difference f(x) - f(baseline): "
                     "0.66 % is unexplained."));
}

TEST(Findings, WarnAboutALargeError) {
    Explanation explanation = test::table_example();
    explanation.target.value = 1.5;
    state_attribution_error(explanation);
    EXPECT_TRUE(says(explanation, Level::warning, "50 % is unexplained"));
    explanation.target.value = 0.6;
    state_attribution_error(explanation);
    EXPECT_TRUE(says(explanation, Level::warning, "100 % too much"));
}

TEST(Findings, SayWhyThereIsNoError) {
    EXPECT_TRUE(says(test::segment_example(4, 4), Level::remark, "a local model"));
}

TEST(Findings, ReadStandardErrors) {
    Explanation explanation = test::table_example();
    explanation.attribution.standard_errors = {0.01, 0.01, 0.01, 0.04};
    EXPECT_TRUE(
        says(explanation, Level::remark, "For 1 of 4 weights even the sign is not settled"));
}

TEST(Findings, ReadFitAndConvergence) {
    Explanation explanation = test::table_example();
    explanation.diagnostics.surrogate_r2 = 0.3;
    explanation.diagnostics.converged = false;
    EXPECT_TRUE(says(explanation, Level::warning, "take the weights as rough"));
    EXPECT_TRUE(says(explanation, Level::warning, "used up its budget"));
}

TEST(Findings, DegenerateExplanationsAreNamed) {
    Explanation none = test::table_example();
    none.attribution = {};
    EXPECT_TRUE(says(none, Level::warning, "no features"));
    Explanation zero = test::table_example();
    zero.attribution.values = Tensor(ElementType::float64, {4});
    EXPECT_TRUE(says(zero, Level::remark, "exactly zero"));
}

TEST(Clean, RemovesWhatTerminalsAndEyesActOn) {
    EXPECT_EQ(clean("a\x1b[31mb\n"), "a?[31mb?");
    EXPECT_EQ(clean("a\u202eb"), "a?b");  // right-to-left override
    EXPECT_EQ(clean("\xED\xA0\x80 \xE0\x80\x80 \xF5\x80\x80\x80"), "??? ??? ????");
    EXPECT_EQ(clean("caf\u00e9 \u732b"), "caf\u00e9 \u732b");
}

}  // namespace
}  // namespace whence::render
