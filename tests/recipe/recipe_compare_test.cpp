#include "whence/recipe/compare.h"

#include <cmath>

#include "recipe/support.h"

namespace whence::recipe::test {
namespace {

const std::string last = "features";  // the layer that the classifier's pooling and head read

TEST(Compare, EveryMethodWithWhatItCanUse) {
    const ComparisonRequest request{.methods = {"input-x-gradient", "saliency", "lime"},
                                    .layers = {"input", last},
                                    .baselines = {"zeros", "mean"},
                                    .common = {.options = {{"segmentation", std::string("grid:4x4")},
                                                           {"num-samples", int64_t{100}}}}};
    const auto rows = compare(image_subject(), cat(), request, whence::Run{});
    ASSERT_EQ(rows.size(), 4u + 2u + 1u);
    for (const ComparisonRow& row : rows) ASSERT_TRUE(row.explanation) << row.failure;
    EXPECT_EQ(rows[0].layer, "");
    EXPECT_EQ(rows[2].layer, last);
    EXPECT_EQ(rows[2].explanation->attribution.values.shape(), (Shape{1, 128, 8, 8}));
    EXPECT_FALSE(sums_of(*rows[4].explanation)) << "saliency claims no sum";
}

// With a baseline determined by the input the target is the same at every layer (methods: baseline).
TEST(Compare, TargetsOfAllLayersCoincide) {
    const ComparisonRequest request{.methods = {"integrated-gradients"},
                                    .layers = {"input", "/block2/Add_output_0", last},
                                    .baselines = {"blur:4"}};
    const auto rows = compare(image_subject(), cat(), request, whence::Run{});
    const Sums at_input = *sums_of(*rows[0].explanation);
    for (const ComparisonRow& row : rows) {
        const Sums sums = *sums_of(*row.explanation);
        EXPECT_NEAR(sums.target, at_input.target, 1e-4 * std::abs(at_input.target));
        EXPECT_LE(*sums.relative, 1e-3);
        const std::vector<double> values = row.explanation->attribution.values.to_doubles();
        double sum = 0;
        for (const double v : values) sum += v;
        EXPECT_NEAR(sums.result, sum, 1e-9 * std::max(1.0, std::abs(sum)));
        EXPECT_NEAR(sums.error, sums.result - sums.target, 1e-12);
    }
    // Negative control: features given directly are another baseline with another target.
    const Recipe zeros{.method = "integrated-gradients", .baseline = "features:zeros", .layer = last};
    const Sums direct = *sums_of(explain(image_subject(), cat(), zeros, whence::Run{}));
    EXPECT_GT(std::abs(direct.target - at_input.target), 0.1);
}

// The classes with the largest scores, each as explained alone, by samples that the model answers once.
TEST(Compare, TopLabelsShareTheirSamples) {
    ComparisonRequest request{.methods = {"lime"},
                              .top_labels = 3,
                              .common = {.options = {{"segmentation", std::string("grid:4x4")},
                                                     {"num-samples", int64_t{100}}}}};
    const auto rows = compare(image_subject(), cat(), request, whence::Run{});
    ASSERT_EQ(rows.size(), 3u);
    double before = 2;
    for (size_t i = 0; i < rows.size(); ++i) {
        ASSERT_TRUE(rows[i].explanation) << rows[i].failure;
        const Explanation& e = *rows[i].explanation;
        EXPECT_LT(e.target.value, before);
        before = e.target.value;
        Recipe alone = request.common;
        alone.method = "lime";
        alone.target = rows[i].target;
        const Explanation other = explain(image_subject(), cat(), alone, whence::Run{});
        EXPECT_EQ(e.attribution.values.to_doubles(), other.attribution.values.to_doubles());
        EXPECT_EQ(e.provenance.evaluations, i == 0 ? other.provenance.evaluations : 0);
    }
    request.targets = {"top"};
    EXPECT_TRUE(contains(message_of(ErrorKind::usage,
                                    [&] { static_cast<void>(compare(image_subject(), cat(), request, whence::Run{})); }),
                         "give no targets"));
}

TEST(Compare, WhatCannotBeDoneIsARowThatSaysSo) {
    const ComparisonRequest request{.methods = {"input-x-gradient"},
                                    .layers = {"input", "featuers"},
                                    .baselines = {"zeros", "dark"}};
    const auto rows = compare(image_subject(), cat(), request, whence::Run{});
    ASSERT_EQ(rows.size(), 4u);
    EXPECT_TRUE(rows[0].explanation);
    EXPECT_TRUE(contains(rows[1].failure, "dark"));
    EXPECT_TRUE(contains(rows[2].failure, "'features'")) << rows[2].failure;
    EXPECT_TRUE(contains(message_of(ErrorKind::usage,
                                    [&] {
                                        static_cast<void>(compare(image_subject(), cat(),
                                                                  {.methods = {"magic"}}, whence::Run{}));
                                    }),
                         "magic"));
}

TEST(Layers, AReplayFindsLayerAndBaselineAgain) {
    const Recipe recipe{.method = "integrated-gradients", .baseline = "features:value:0.25", .layer = last};
    const Explanation saved = explain(image_subject(), cat(), recipe, whence::Run{});
    EXPECT_EQ(saved.attribution.layer, last);
    EXPECT_EQ(saved.target.baseline, "features:value:0.25");
    const Replay again = replay(saved, whence::Run{});
    EXPECT_TRUE(again.differences.empty());
    EXPECT_EQ(again.again.attribution.values, saved.attribution.values);
}

TEST(Layers, MisuseIsOneClearLine) {
    const auto refused = [&](const Recipe& recipe) {
        return message_of(ErrorKind::usage, [&] {
            static_cast<void>(explain(image_subject(), cat(), recipe, whence::Run{}));
        });
    };
    EXPECT_TRUE(contains(refused({.method = "saliency", .layer = "fetures"}), "did you mean 'features'"));
    EXPECT_TRUE(contains(refused({.method = "lime", .layer = last}), "not a layer"));
    EXPECT_TRUE(contains(refused({.method = "input-x-gradient", .baseline = "features:zeros"}), "--layer"));
}

// A set of baselines: a folder of pictures.
TEST(Baselines, OfASet) {
    const std::string folder = (examples / "data").string();
    const Tensor like = cat().batch[0].value;
    const auto of = [&](const std::string& text) {
        return std::get<baseline::Data>(baseline_for(text, image_subject(), cat())).values;
    };
    const Tensor all = of("set:" + (examples / "data/cat.png").string());
    EXPECT_EQ(all.to_doubles(), like.to_doubles());
    EXPECT_EQ(of("mean:" + (examples / "data/cat.png").string()).to_doubles(), like.to_doubles());
    EXPECT_EQ(of("set:" + (examples / "data/cat.png").string() + ":0").to_doubles(), like.to_doubles());
    const std::string message = message_of(ErrorKind::usage, [&] {
        static_cast<void>(of("set:" + (examples / "data/cat.png").string() + ":7"));
    });
    EXPECT_TRUE(contains(message, "numbered from 0")) << message;
    // Where one baseline is wanted a set is refused, not averaged in silence.
    const Recipe recipe{.method = "input-x-gradient", .baseline = "background"};
    EXPECT_TRUE(contains(message_of(ErrorKind::usage,
                                    [&] {
                                        static_cast<void>(explain(table_subject(), row(0), recipe, whence::Run{}));
                                    }),
                         "is a set of"));
}

}  // namespace
}  // namespace whence::recipe::test
