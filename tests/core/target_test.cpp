#include "whence/core/target.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/support.h"
#include "whence/core/model.h"

namespace whence {
namespace {

using testing::error_of;
using testing::expect_within;
using testing::plain_run;

const std::vector<std::string> labels = {"cat", "dog",       "T-shirt", "a-b",
                                         "b",   "ratio 3:1", "7",       "b-T-shirt"};

// The same scores for every row.
class Scores : public Model {
  public:
    Scores(std::vector<double> scores, Scale scale, Shape shape) : scores_(std::move(scores)) {
        outputs_ = {
            {.name = "label", .type = ElementType::int64, .shape = {-1}},
            {.name = "y", .type = ElementType::float64, .shape = std::move(shape), .scale = scale}};
    }
    const std::vector<TensorInfo>& inputs() const override { return inputs_; }
    const std::vector<TensorInfo>& outputs() const override { return outputs_; }
    int concurrency() const override { return 1; }
    int64_t preferred_batch() const override { return 4; }
    Batch predict(const Batch& inputs, const whence::Run&) const override {
        ++asked;
        const Tensor row = Tensor::of<double>({1, static_cast<int64_t>(scores_.size())}, scores_);
        return Batch({{"label", Tensor(ElementType::int64, {inputs.rows()})},
                      {"y", row.repeat_row(inputs.rows())}});
    }
    mutable int asked = 0;

  private:
    std::vector<double> scores_;
    std::vector<TensorInfo> inputs_ = {{.name = "x", .shape = {-1, 1}}}, outputs_;
};

const Batch row = Tensor(ElementType::float32, {1, 1});

Target parsed(std::string_view text) {
    return Target::parse(text, labels);
}

void expect_classes(const std::string& text, std::string_view output, std::optional<int64_t> index,
                    std::optional<int64_t> minus = std::nullopt) {
    const Target target = parsed(text);
    EXPECT_EQ(target.output, output) << text;
    EXPECT_EQ(target.index, index) << text;
    EXPECT_EQ(target.minus, minus) << text;
    EXPECT_EQ(target.scale, Scale::automatic);
}

TEST(TargetParse, TopNumbersAndNames) {
    expect_classes("", "", std::nullopt);
    expect_classes("top", "", std::nullopt);
    expect_classes("3", "", 3);
    expect_classes("dog", "", 1);
    expect_classes("7", "", 6);  // a label before a number
    expect_classes("100", "", 100);
}

TEST(TargetParse, Differences) {
    expect_classes("3-5", "", 3, 5);
    expect_classes("cat-dog", "", 0, 1);
    expect_classes("cat-5", "", 0, 5);
    expect_classes("cat-7", "", 0, 6);
}

TEST(TargetParse, NamesWithDashes) {
    expect_classes("T-shirt", "", 2);
    expect_classes("a-b", "", 3);  // a class of that name before a difference
    expect_classes("T-shirt-cat", "", 2, 0);
    expect_classes("cat-T-shirt", "", 0, 2);
    expect_classes("T-shirt-a-b", "", 2, 3);
    expect_classes("b-T-shirt", "", 7);
}

TEST(TargetParse, OutputsAndNamesWithColons) {
    expect_classes("y:3", "y", 3);
    expect_classes("y:", "y", std::nullopt);
    expect_classes("y:top", "y", std::nullopt);
    expect_classes("y:cat-dog", "y", 0, 1);
    expect_classes("dense/Softmax:0:3", "dense/Softmax:0", 3);  // TensorFlow's names
    expect_classes("ratio 3:1", "", 5);
    expect_classes("ratio 3:1-cat", "", 5, 0);
    expect_classes("cat-ratio 3:1", "", 0, 5);
    expect_classes(":3", "", 3);
}

// Read from the right: the shortest name that is a class, here the number 1.
TEST(TargetParse, TheLastColonWins) {
    expect_classes("y:ratio 3:1", "y:ratio 3", 1);
}

TEST(TargetParse, UnknownClassesNameTheChoices) {
    expect_within(error_of(ErrorKind::usage, [] { return parsed("bird"); }),
                  "no class 'bird'; give its number or one of: cat, dog, T-shirt");
    expect_within(error_of(ErrorKind::usage, [] { return parsed("y:bird"); }), "no class 'bird'");
    for (const char* text :
         {"-1", "1-", "-", "--", "3--5", "1.5", "0x3", "99999999999999999999", "cat-bird", ":bird"})
        error_of(ErrorKind::usage, [&] { return parsed(text); });
    expect_within(error_of(ErrorKind::usage, [] { return Target::parse("a\x1b", {}); }),
                  "no class 'a?'; give its number");
    const std::vector<std::string> many(20, "name");
    expect_within(error_of(ErrorKind::usage, [&] { return Target::parse("x", many); }), "... (20)");
}

TEST(Scale, NamesAreTheirOwnInverse) {
    for (const Scale scale :
         {Scale::automatic, Scale::raw, Scale::logit, Scale::probability, Scale::log_probability})
        EXPECT_EQ(parse_scale(name(scale)), scale);
    expect_within(error_of(ErrorKind::usage, [] { return parse_scale("odds"); }),
                  "choose raw, logit");
}

TEST(Resolve, TopClassOfTheFirstOutputOfNumbers) {
    const Scores model({0.1, 0.7, 0.2}, Scale::probability, {-1, 3});
    const ResolvedTarget target = resolve({}, model, row, Scale::raw, plain_run);
    EXPECT_EQ(target.output, "y");
    EXPECT_EQ(target.index, 1);
    EXPECT_EQ(target.classes, 3);
    EXPECT_EQ(target.scale, Scale::probability);  // raw is what the model returns
    EXPECT_EQ(target.output_scale, Scale::probability);
    EXPECT_EQ(model.asked, 1);
}

TEST(Resolve, AKnownClassNeedsNoRun) {
    const Scores model({1, 2, 3}, Scale::raw, {-1, 3});
    EXPECT_EQ(resolve({.index = 2}, model, row, Scale::raw, plain_run).index, 2);
    EXPECT_EQ(model.asked, 0);
    const Scores open({1, 2, 3}, Scale::raw, {-1, -1});
    EXPECT_EQ(resolve({.index = 2}, open, row, Scale::raw, plain_run).classes, 3);
    EXPECT_EQ(open.asked, 1);
}

TEST(Resolve, RefusesWhatDoesNotExist) {
    const Scores model({1, 2, 3}, Scale::raw, {-1, 3});
    const auto with = [&](const Target& target) {
        return error_of(ErrorKind::usage,
                        [&] { return resolve(target, model, row, Scale::raw, plain_run); });
    };
    expect_within(with({.index = 3}), "class 3 does not exist: output 'y' has 3 (numbered from 0)");
    expect_within(with({.index = 0, .minus = 3}), "class 3 does not exist");
    expect_within(with({.index = -1}), "class -1 does not exist");
    expect_within(with({.output = "z"}), "no output 'z'; the model has: label, y");
}

TEST(Resolve, ScalesSettle) {
    const auto scale = [](Scale wanted, Scale preferred, Scale output, int64_t classes) {
        const Scores model(std::vector<double>(classes, 0.5), output, {-1, classes});
        return resolve({.scale = wanted}, model, row, preferred, plain_run).scale;
    };
    EXPECT_EQ(scale(Scale::automatic, Scale::logit, Scale::probability, 3), Scale::logit);
    EXPECT_EQ(scale(Scale::probability, Scale::logit, Scale::probability, 3), Scale::probability);
    EXPECT_EQ(scale(Scale::automatic, Scale::automatic, Scale::raw, 3), Scale::raw);
    EXPECT_EQ(scale(Scale::logit, Scale::raw, Scale::raw, 3), Scale::raw);  // scores are logits
    EXPECT_EQ(scale(Scale::probability, Scale::raw, Scale::raw, 3), Scale::probability);
    // A regression has no other scale; a method's preference does not matter, a user's wish is an
    // error.
    EXPECT_EQ(scale(Scale::automatic, Scale::logit, Scale::raw, 1), Scale::raw);
    expect_within(error_of(ErrorKind::usage,
                           [&] { return scale(Scale::probability, Scale::raw, Scale::raw, 1); }),
                  "one number");
    EXPECT_EQ(scale(Scale::logit, Scale::raw, Scale::probability, 1), Scale::logit);
}

using Vector = std::vector<double>;

// Softmax of scores up to 40 apart: probabilities down to e-40 keep their relative precision.
TEST(ConvertScores, RoundTripsOverClasses) {
    const Vector logits = {-20, 0, 3, 20, 19.5};
    const Vector p = convert_scores(logits, Scale::raw, Scale::probability);
    double sum = 0;
    for (const double value : p) sum += value;
    EXPECT_NEAR(sum, 1, 1e-15);
    const Vector log_p = convert_scores(logits, Scale::logit, Scale::log_probability);
    const Vector back = convert_scores(p, Scale::probability, Scale::logit);
    const Vector there = convert_scores(log_p, Scale::log_probability, Scale::probability);
    for (size_t i = 0; i < logits.size(); ++i) {
        EXPECT_NEAR(std::log(p[i]), log_p[i], 1e-13);
        EXPECT_NEAR(back[i] - back[0], logits[i] - logits[0],
                    1e-12);  // up to a constant of the row
        EXPECT_NEAR(there[i] / p[i], 1, 1e-12);
    }
}

TEST(ConvertScores, RoundTripsOfOneClass) {
    for (const double logit : {-700.0, -50.0, -1.0, 0.0, 1.0, 30.0}) {
        const Vector one = {logit};
        const double p = convert_scores(one, Scale::logit, Scale::probability)[0];
        EXPECT_NEAR(p / (1 / (1 + std::exp(-logit))), 1, 1e-14) << logit;
        const Vector log_p = convert_scores(one, Scale::logit, Scale::log_probability);
        EXPECT_NEAR(convert_scores(log_p, Scale::log_probability, Scale::logit)[0], logit,
                    1e-12 * (1 + std::abs(logit)));
    }
    EXPECT_NEAR(convert_scores(Vector{0.25}, Scale::probability, Scale::logit)[0],
                std::log(1.0 / 3), 1e-15);
}

TEST(ConvertScores, NothingOverflows) {
    EXPECT_EQ(convert_scores(Vector{1e4, 0}, Scale::raw, Scale::probability), (Vector{1, 0}));
    EXPECT_EQ(convert_scores(Vector{-1e4, -1e4 - 1000}, Scale::raw, Scale::log_probability)[1],
              -1000);
    EXPECT_EQ(convert_scores(Vector{-1e4}, Scale::logit, Scale::log_probability)[0], -1e4);
    EXPECT_EQ(convert_scores(Vector{1e4}, Scale::logit, Scale::probability)[0], 1);
    // 50 is beyond what a probability near 1 can say, but not its logarithm.
    const Vector log_p = convert_scores(Vector{50}, Scale::logit, Scale::log_probability);
    EXPECT_NEAR(convert_scores(log_p, Scale::log_probability, Scale::logit)[0], 50, 1e-12);
    EXPECT_EQ(convert_scores(Vector{0}, Scale::probability, Scale::log_probability)[0],
              -std::numeric_limits<double>::infinity());
    EXPECT_TRUE(convert_scores(Vector{}, Scale::raw, Scale::probability).empty());
}

TEST(ConvertScores, SameScaleIsTheSameBits) {
    const Vector scores = {0.1, 0.3};
    for (const Scale scale : {Scale::raw, Scale::logit, Scale::probability})
        EXPECT_EQ(convert_scores(scores, scale, scale), scores);
    EXPECT_EQ(convert_scores(scores, Scale::probability, Scale::raw), scores);
    EXPECT_EQ(convert_scores(scores, Scale::raw, Scale::logit), scores);
}

TEST(TargetValues, OneForEachRow) {
    const Batch outputs({{"y", Tensor::of<float>({2, 3}, std::vector<float>{1, 2, 4, 8, 16, 32})}});
    ResolvedTarget target{.output = "y", .index = 2, .classes = 3};
    EXPECT_EQ(target_values(target, outputs), (Vector{4, 32}));
    target.minus = 0;
    EXPECT_EQ(target_values(target, outputs), (Vector{3, 24}));
    target.minus.reset();
    target.scale = Scale::probability;
    EXPECT_NEAR(target_values(target, outputs)[1], 1 / (1 + std::exp(-16) + std::exp(-24)), 1e-15);
}

TEST(TargetValues, ChecksTheNumberOfClasses) {
    const Batch outputs({{"y", Tensor(ElementType::float32, {2, 3})}});
    expect_within(
        error_of(ErrorKind::input,
                 [&] { return target_values({.output = "y", .index = 4, .classes = 5}, outputs); }),
        "output 'y' has 3 scores per row, not 5");
    error_of(ErrorKind::input,
             [&] { return target_values({.output = "z", .classes = 3}, outputs); });
}

TEST(RequestFor, CarriesTheTarget) {
    const GradientRequest request =
        request_for({.output = "y", .index = 2, .minus = 1, .scale = Scale::logit});
    EXPECT_EQ(request.output, "y");
    EXPECT_EQ(request.index, 2);
    EXPECT_EQ(request.minus, 1);
    EXPECT_EQ(request.scale, Scale::logit);
    EXPECT_TRUE(request.gradients.empty());
}

}  // namespace
}  // namespace whence
