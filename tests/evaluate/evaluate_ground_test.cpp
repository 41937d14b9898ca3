// Values of every kind of player on the common ground: by hand, on the shipped models.

#include "whence/evaluate/ground.h"

#include <gtest/gtest.h>

#include <numeric>

#include "recipe/support.h"

namespace whence::evaluate {
namespace {

using namespace recipe::test;

struct Fixture {
    const recipe::Subject& subject;
    recipe::Input input;
    Asked asked;
    Ground ground;
    Fixture(const recipe::Subject& of, recipe::Input one, const GroundOptions& options = {})
        : subject(of),
          input(std::move(one)),
          asked(subject, input),
          ground(subject, asked, input,
                 resolve({}, asked.model(), asked.row_of(input), Scale::raw, {}), options, {}) {}
};

double sum(const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0);
}

TEST(Ground, SuperpixelsShareTheirValueByTheirPixels) {
    const Fixture f(image_subject(), cat());
    ASSERT_EQ(f.ground.players(), 32 * 32);
    std::vector<int32_t> labels(32 * 32, 1);
    for (int i = 0; i < 32; ++i) labels[i] = 0;  // the first row of pixels
    Explanation e;
    e.attribution.values = Tensor::of<double>({2}, std::vector<double>{3.2, -9.92});
    e.attribution.segments = Tensor::of<int32_t>({32, 32}, labels);
    const std::vector<double> values = f.ground.values_of(e);
    EXPECT_DOUBLE_EQ(values[0], 0.1);
    EXPECT_DOUBLE_EQ(values[32], -0.01);
    EXPECT_NEAR(sum(values), 3.2 - 9.92, 1e-12);
    labels[5] = 7;  // no value has this number
    e.attribution.segments = Tensor::of<int32_t>({32, 32}, labels);
    EXPECT_EQ(message_of(ErrorKind::unsupported, [&] { static_cast<void>(f.ground.values_of(e)); }),
              "its superpixels are not those of its values");
}

TEST(Ground, ChannelsAreAddedUpInEitherLayout) {
    const Fixture f(image_subject(), cat());
    std::vector<double> last(32 * 32 * 3), first(32 * 32 * 3);
    for (int64_t p = 0; p < 32 * 32; ++p)
        for (int64_t c = 0; c < 3; ++c)
            last[p * 3 + c] = first[c * 1024 + p] = static_cast<double>(p + 1000 * c);
    const auto a = f.ground.values_of(Tensor::of<double>({1, 32, 32, 3}, last));
    EXPECT_EQ(a, f.ground.values_of(Tensor::of<double>({1, 3, 32, 32}, first)));
    EXPECT_EQ(a[7], 3 * 7 + 3000);
    EXPECT_NE(
        message_of(
            ErrorKind::input,
            [&] {
                static_cast<void>(f.ground.values_of(Tensor(ElementType::float64, {1, 31, 32})));
            })
            .find("[1, 31, 32] for an input of 1024 pixels"),
        std::string::npos);
}

TEST(Ground, MapsOfALayerLieOverThePicture) {
    const Fixture f(image_subject(), cat());
    Explanation e;
    e.attribution.layer = "features";
    e.attribution.values = Tensor::of<double>({1, 2, 4, 4}, std::vector<double>(32, 0.5));
    const std::vector<double> values = f.ground.values_of(e);
    // Each cell has 1 over both channels and lies under 64 pixels.
    for (const double value : values) EXPECT_NEAR(value, 1.0 / 64, 1e-12);
    EXPECT_NEAR(sum(values), 16, 1e-9);
}

TEST(Ground, RegionsHaveTheSumOrTheMeanOfTheirPixels) {
    const Fixture f(image_subject(), cat(), {.regions = "grid:2x1"});
    std::vector<double> values(32 * 32, 0.0);
    values[0] = 5;
    values[1023] = -512;
    EXPECT_EQ(f.ground.values_of(Players::regions, false, values), (std::vector<double>{5, -512}));
    EXPECT_EQ(f.ground.values_of(Players::regions, true, values),
              (std::vector<double>{5.0 / 512, -1}));
    EXPECT_EQ(f.ground.values_of(Players::all, false, values), values);
    EXPECT_EQ(f.ground.masker(Players::regions).players(), 2);
    EXPECT_EQ(f.ground.masker(Players::imputed).players(), 1024);
}

TEST(Ground, ColumnsMeetByName) {
    const Fixture f(table_subject(), row(3));
    EXPECT_EQ(f.ground.modality(), "table");
    Explanation e;
    e.attribution.values = Tensor::of<double>({2}, std::vector<double>{2, -1});
    e.attribution.names = {"17 < worst radius", "mean area <= 3"};
    e.attribution.columns = {"worst radius", "mean area"};
    const std::vector<double> values = f.ground.values_of(e);
    for (size_t c = 0; c < values.size(); ++c) {
        const std::string& name = f.input.schema[c].name;
        EXPECT_EQ(values[c], name == "worst radius" ? 2 : name == "mean area" ? -1 : 0) << name;
    }
    e.attribution.columns = {"worst radius", "age"};
    EXPECT_NE(message_of(ErrorKind::unsupported, [&] { static_cast<void>(f.ground.values_of(e)); })
                  .find("'age', which is no column"),
              std::string::npos);
}

TEST(Ground, WordsMeetByTheirPlaces) {
    static const recipe::Subject subject =
        recipe::Subject::load(examples / "models/film_reviews.onnx");
    const Fixture f(subject, recipe::from_text(subject, "good, bad good"));
    ASSERT_EQ(f.ground.players(), 3);
    Explanation e;  // a bag of words: good stands twice
    e.attribution.values = Tensor::of<double>({2}, std::vector<double>{1, -3});
    e.attribution.text =
        ExplainedText{.text = "good, bad good", .parts = {{0, 4, 0}, {6, 9, 1}, {10, 14, 0}}};
    EXPECT_EQ(f.ground.values_of(e), (std::vector<double>{0.5, -3, 0.5}));
    EXPECT_EQ(f.ground.removed(), "left out");
}

TEST(Ground, RefusesWhatGivesNoValues) {
    const Fixture f(table_subject(), row(3));
    Explanation e;
    e.rule = Rule{};
    EXPECT_EQ(message_of(ErrorKind::unsupported, [&] { static_cast<void>(f.ground.values_of(e)); }),
              "it gives a rule, and metrics judge values of features");
    e = {};
    e.attribution.values = Tensor(ElementType::float64, {3});
    EXPECT_EQ(message_of(ErrorKind::unsupported, [&] { static_cast<void>(f.ground.values_of(e)); }),
              "it gives 3 values for 30 columns");
    EXPECT_NE(message_of(ErrorKind::unsupported,
                         [&] { static_cast<void>(f.ground.masker(Players::imputed)); })
                  .find("needs a picture"),
              std::string::npos);
}

// What goes into the model and back is the same input.
TEST(Ground, AskedRowsBecomeInputsAgain) {
    for (const bool table : {true, false}) {
        const Fixture f(table ? table_subject() : image_subject(), table ? row(3) : cat());
        const recipe::Input again = f.asked.input_of(f.ground.row(), 0, f.input);
        EXPECT_EQ(again.batch[0].value, f.input.batch[0].value);
        if (table) {
            EXPECT_EQ(*again.row, *f.input.row);
        }
    }
}

}  // namespace
}  // namespace whence::evaluate
