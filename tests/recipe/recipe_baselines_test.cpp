#include <cmath>

#include "recipe/support.h"

namespace whence::recipe::test {
namespace {

Tensor values(const std::string& text, const Subject& subject, const Input& input) {
    const Tensor& like = input.batch[0].value;
    return baseline_values(baseline_for(text, subject, input), like, whence::Run{});
}

TEST(Baselines, OfATableDefaultToTheMeanOfTheBackground) {
    const Input input = row(3);
    const data::Table& background = *table_subject().background();
    const std::vector<double> mean = values("", table_subject(), input).to_doubles();
    ASSERT_EQ(mean.size(), background.columns.size());
    for (size_t c = 0; c < mean.size(); ++c) {
        double sum = 0;
        for (const double value : background.columns[c]) sum += value;
        const double expected = sum / static_cast<double>(background.rows());
        EXPECT_NEAR(mean[c], expected, 1e-6 * std::abs(expected)) << c;  // stored as float32
    }
    EXPECT_EQ(describe(baseline_for("", table_subject(), input)), "mean");
}

TEST(Baselines, OfAPictureDefaultToBlack) {
    const Input input = cat();
    for (const double value : values("", image_subject(), input).to_doubles()) ASSERT_EQ(value, 0);
    EXPECT_EQ(describe(baseline_for("", image_subject(), input)), "zeros");
}

TEST(Baselines, ModelZerosAreWhatTheModelReadsAsZero) {
    const Tensor zeros = values("model-zeros", image_subject(), cat());
    const std::vector<double>& mean = image_subject().preprocessing().image.mean;
    const std::vector<double> pixels = zeros.to_doubles();
    for (size_t i = 0; i < pixels.size(); ++i) ASSERT_NEAR(pixels[i], mean[i % 3], 1e-7);
}

TEST(Baselines, AreReadFromFiles) {
    const std::string path = (examples / "data/breast_cancer.csv").string();
    const Tensor first = values(path, table_subject(), row(5));
    EXPECT_EQ(first.to_doubles(), row(0).batch[0].value.to_doubles());
    const std::string picture = (examples / "data/cat.png").string();
    EXPECT_EQ(values(picture, image_subject(), cat()).to_doubles(),
              cat().batch[0].value.to_doubles());
}

TEST(Baselines, ThatMakeNoSenseAreRefused) {
    EXPECT_TRUE(contains(
        message_of(ErrorKind::usage,
                   [] { static_cast<void>(baseline_for("dark", image_subject(), cat())); }),
        "dark"));
    EXPECT_TRUE(contains(
        message_of(ErrorKind::io,
                   [] { static_cast<void>(baseline_for("none.png", image_subject(), cat())); }),
        "none.png"));
    const Recipe recipe{.method = "lime", .baseline = "zeros"};
    EXPECT_TRUE(contains(
        message_of(
            ErrorKind::usage,
            [&] { static_cast<void>(explain(table_subject(), row(0), recipe, whence::Run{})); }),
        "uses no baseline"));
}

}  // namespace
}  // namespace whence::recipe::test
