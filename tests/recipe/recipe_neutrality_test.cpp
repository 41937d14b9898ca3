#include "whence/recipe/neutrality.h"

#include <cmath>

#include "recipe/support.h"
#include "whence/recipe/predict.h"

namespace whence::recipe::test {
namespace {

// Slow twin: probabilities of one row, asked for on their own.
std::vector<double> probabilities(const Subject& subject, const Tensor& row) {
    const Batch outputs = subject.model().predict(Batch(row), whence::Run{});
    return scores_of(subject, outputs).values;
}

double half_l1(const std::vector<double>& p, const std::vector<double>& q) {
    double sum = 0;
    for (size_t i = 0; i < p.size(); ++i) sum += std::abs(p[i] - q[i]) / 2;
    return sum;
}

TEST(Neutrality, OfAPictureIsTheDistanceFromEqualProbabilities) {
    const Input input = cat();
    const Tensor& pixels = input.batch[0].value;
    const Tensor zeros(pixels.type(), pixels.shape());
    const auto found = neutrality(image_subject(), input, zeros, "", whence::Run{});
    const auto& n = found.neutrality;
    ASSERT_TRUE(n);
    EXPECT_EQ(found.evaluations, 1);
    const std::vector<double> equal(10, 0.1);
    EXPECT_NEAR(n->distance, half_l1(probabilities(image_subject(), zeros), equal), 1e-12);
    EXPECT_EQ(n->compared_with, "equal probabilities");
    // Negative control: the cat itself, of which the model is nearly certain.
    const auto certain = neutrality(image_subject(), input, pixels, "", whence::Run{}).neutrality;
    EXPECT_GT(certain->distance, 0.7);
    EXPECT_TRUE(contains(certain->prediction, "cat"));
}

TEST(Neutrality, OfATableIsTheDistanceFromTheMeanAnswer) {
    const Tensor rows = table_subject().background()->matrix();
    std::vector<double> mean(2);
    for (int64_t row = 0; row < rows.rows(); ++row) {
        const auto p = probabilities(table_subject(), rows.slice_rows(row, 1).cast(ElementType::float32));
        for (size_t c = 0; c < 2; ++c) mean[c] += p[c] / static_cast<double>(rows.rows());
    }
    const Input input = row(17);
    const Tensor at = rows.slice_rows(40, 1);
    const auto found = neutrality(table_subject(), input, at, "", whence::Run{});
    const auto& n = found.neutrality;
    ASSERT_TRUE(n);
    EXPECT_EQ(found.evaluations, rows.rows() + 1);  // the cost is stated, the background's too
    EXPECT_NEAR(n->distance,
                half_l1(probabilities(table_subject(), at.cast(ElementType::float32)), mean), 1e-9);
    EXPECT_EQ(n->compared_with, "the mean answer to " + std::to_string(rows.rows()) + " background rows");
}

TEST(Neutrality, AutoTakesTheNearestAndSaysWhy) {
    const Input input = cat();
    const BaselineChoice choice = choose_baseline(image_subject(), input, "", whence::Run{});
    const Tensor& like = input.batch[0].value;
    double chosen = 0, least = 1;
    for (const char* text : {"zeros", "model-zeros", "mean", "value:0.5", "blur:10", "noise:0:1"}) {
        const Tensor values =
            baseline_values(baseline_for(text, image_subject(), input), like, whence::Run{});
        const double distance = neutrality(image_subject(), input, values, "", whence::Run{}).neutrality->distance;
        least = std::min(least, distance);
        if (choice.baseline == text) chosen = distance;
        EXPECT_TRUE(contains(choice.why, text)) << choice.why;
    }
    EXPECT_EQ(chosen, least);
}

TEST(Neutrality, IsStatedWithEveryBaseline) {
    const Recipe recipe{.method = "input-x-gradient", .baseline = "auto"};
    const Explanation e = explain(image_subject(), cat(), recipe, whence::Run{});
    ASSERT_TRUE(e.target.neutrality);
    EXPECT_NE(e.target.baseline, "auto");  // a replay compares with the same one
    EXPECT_TRUE(contains(e.diagnostics.notes.back(), "most neutral"));
    const Explanation none = explain(image_subject(), cat(), {.method = "saliency"}, whence::Run{});
    EXPECT_FALSE(none.target.neutrality);
}

}  // namespace
}  // namespace whence::recipe::test
