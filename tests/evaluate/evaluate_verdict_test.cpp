// Every rule of the verdict: where it must speak, and beside it the card on which it must not.

#include "whence/evaluate/verdict.h"

#include <gtest/gtest.h>

namespace whence::evaluate {
namespace {

ScoreEstimate estimate(double value, std::vector<int64_t> better_than = {}, bool best = false) {
    return {.value = value,
            .low = value - 0.1,
            .high = value + 0.1,
            .defined = 50,
            .better_than = std::move(better_than),
            .best = best};
}

ScoreCardRow row(std::string metric, std::string category, std::vector<ScoreEstimate> of) {
    return {.metric = std::move(metric),
            .category = std::move(category),
            .higher_is_better = true,
            .assumes = "something holds",
            .cannot_tell = "something else",
            .of = std::move(of)};
}

// Two methods and the control; the first is better than both on deletion.
ScoreCard card() {
    ScoreCard out{
        .modality = "table", .samples = 50, .available = 50, .scale = "logit", .removed = "mean"};
    out.methods = {{.name = "a", .baseline = "zeros", .scale = "logit"},
                   {.name = "b", .baseline = "blur:4", .scale = "logit"},
                   {.name = "random", .control = true}};
    out.table = {row("deletion", "faithfulness",
                     {estimate(0.9, {1, 2}, true), estimate(0.5, {2}), estimate(0.1)})};
    return out;
}

bool says(const rules::Conclusions& all, const std::string& part) {
    for (const Conclusion& one : all)
        if (one.text.find(part) != std::string::npos) return true;
    return false;
}

TEST(Verdict, NamesTheBest) {
    EXPECT_TRUE(says(rules::best(card()),
                     "a is distinguishably better than every other method on deletion"));
    EXPECT_FALSE(says(rules::best(card()), "b is"));
    ScoreCard open = card();
    open.table[0].of[0].best = false;
    EXPECT_TRUE(rules::best(open).empty());
    // Random values that come out best are no recommendation.
    open.table[0].of[2].best = true;
    EXPECT_TRUE(rules::best(open).empty());
}

TEST(Verdict, SaysWhatIsUndecided) {
    EXPECT_TRUE(rules::undecided(card()).empty());
    ScoreCard open = card();
    open.table[0].of[0].best = false;
    EXPECT_TRUE(says(rules::undecided(open), "On deletion no method"));
    open.samples = 5;  // then few_samples says it
    EXPECT_TRUE(rules::undecided(open).empty());
}

TEST(Verdict, HoldsMethodsAgainstChance) {
    EXPECT_TRUE(rules::against_chance(card()).empty());
    ScoreCard poor = card();
    poor.table[0].of[1].better_than.clear();
    EXPECT_TRUE(says(rules::against_chance(poor),
                     "b is not distinguishable from random values on deletion"));
    EXPECT_FALSE(says(rules::against_chance(poor), "a is not"));
    // A map of random values may well be the sparsest.
    poor.table[0].category = "complexity";
    EXPECT_TRUE(rules::against_chance(poor).empty());
    poor = card();
    poor.table[0].of[1].better_than.clear();
    poor.methods[2].control = false;
    EXPECT_TRUE(rules::against_chance(poor).empty());
}

TEST(Verdict, SaysWhichMetricsDisagree) {
    ScoreCard c = card();
    c.agreements = {{"deletion", "insertion", 0.8, 0.6, 0.9}};
    EXPECT_TRUE(rules::disagreement(c).empty());
    c.agreements.push_back({"deletion", "sparseness", -0.5, -0.7, -0.2});
    c.agreements.push_back({"insertion", "sparseness", 0.1, -0.2, 0.3});
    const auto found = rules::disagreement(c);
    ASSERT_EQ(found.size(), 2);
    EXPECT_TRUE(says({found[0]}, "contradict each other"));
    EXPECT_TRUE(says({found[0]}, "deletion with sparseness (-0.50)"));
    EXPECT_TRUE(says({found[1]}, "insertion with sparseness (+0.10)"));
    EXPECT_FALSE(says(found, "deletion with insertion"));
}

TEST(Verdict, CountsSamples) {
    EXPECT_TRUE(rules::few_samples(card()).empty());
    ScoreCard c = card();
    c.samples = 29;
    EXPECT_TRUE(says(rules::few_samples(c), "29 samples are few"));
    c.samples = 5;
    EXPECT_TRUE(says(rules::few_samples(c), "5 samples: too few to tell methods apart"));
}

TEST(Verdict, SaysWhereMeansAreOfOtherSamples) {
    ScoreCard c = card();
    ScoreEstimate& e = c.table[0].of[1];
    e.undefined = 5;
    e.defined = 45;
    EXPECT_TRUE(rules::undefined(c).empty());  // a tenth
    e.undefined = 20;
    e.defined = 30;
    e.undefined_because = "f(x) is 0";
    EXPECT_TRUE(
        says(rules::undefined(c), "deletion of b is undefined for 20 of 50 samples (f(x) is 0)"));
    e.defined = 0;  // never defined: no mean to mislead
    EXPECT_TRUE(rules::undefined(c).empty());
}

TEST(Verdict, SaysWhereSumsAreOff) {
    ScoreCard c = card();
    c.methods[0].relative_error_stated = 50;
    c.methods[0].median_relative_error = 0.009;
    EXPECT_TRUE(rules::sums(c).empty());
    c.methods[0].median_relative_error = 0.2;
    EXPECT_TRUE(says(rules::sums(c), "The values of a miss f(x) - f(baseline) by 20 %"));
    c.methods[0].relative_error_stated = 0;
    EXPECT_TRUE(rules::sums(c).empty());
}

TEST(Verdict, SaysWhereUnitsDiffer) {
    EXPECT_TRUE(rules::units(card()).empty());
    ScoreCard c = card();
    c.methods[1].scale = "probability";
    EXPECT_TRUE(says(rules::units(c), "b (probability)"));
}

TEST(Verdict, SaysWhoseBaselineJudges) {
    EXPECT_TRUE(rules::baseline(card()).empty());
    ScoreCard c = card();
    c.removed = "zeros";
    EXPECT_TRUE(
        says(rules::baseline(c),
             "What is removed becomes zeros, which is also the baseline of a and not of b"));
    c.table[0].category = "complexity";  // nothing is removed
    EXPECT_TRUE(rules::baseline(c).empty());
    c = card();
    c.removed = c.methods[1].baseline = "zeros";  // nobody is at a disadvantage
    EXPECT_TRUE(rules::baseline(c).empty());
}

TEST(Verdict, AsksWhetherTheModelIsRight) {
    EXPECT_TRUE(rules::model_quality(card()).empty());
    ScoreCard c = card();
    c.table.push_back(
        row("roc-auc", "localisation", {estimate(0.5), estimate(0.5), estimate(0.5)}));
    EXPECT_TRUE(says(rules::model_quality(c), "no labels were given"));
    c.accuracy = 0.7;
    EXPECT_TRUE(says(rules::model_quality(c), "right on 70 %"));
    c.accuracy = 0.95;
    EXPECT_TRUE(rules::model_quality(c).empty());
}

QualityGap gap(const std::string& method, double p) {
    return {.column = "sex",
            .metric = "deletion",
            .method = method,
            .groups = {{"female", 20, 0.2, 0.1, 0.3}, {"male", 30, 0.5, 0.4, 0.6}},
            .gap = 0.3,
            .low = 0.1,
            .high = 0.5,
            .higher = "male",
            .lower = "female",
            .p_value = p};
}

TEST(Verdict, SaysWhichGroupsDiffer) {
    EXPECT_TRUE(rules::groups(card()).empty());
    ScoreCard differs = card();
    differs.gaps = {gap("a", 0.001), gap("b", 0.04), gap("random", 0.4)};
    // 0.04 is not enough for two comparisons together; the control is none of them.
    EXPECT_TRUE(says(rules::groups(differs), "By sex, deletion of a is 0.5 for male and 0.2 for female: a gap of 0.3 (0.1 to 0.5)"));
    EXPECT_TRUE(says(rules::groups(differs), "2 comparisons together"));
    EXPECT_FALSE(says(rules::groups(differs), "deletion of b"));
    EXPECT_FALSE(says(rules::groups(differs), "Random values"));
    EXPECT_TRUE(says(rules::groups(differs), "Why groups differ is not said"));
    differs.gaps[2].p_value = 0.02;
    EXPECT_TRUE(says(rules::groups(differs), "Random values have a gap of 0.3 there, too"));
}

TEST(Verdict, DoesNotTakeNoGapForEquality) {
    ScoreCard alike = card();
    alike.gaps = {gap("a", 0.3), gap("b", 0.04)};
    const auto said = rules::groups(alike);
    ASSERT_EQ(said.size(), 1U);
    EXPECT_TRUE(said[0].caution);
    EXPECT_TRUE(says(said, "no gap of 2 comparisons is distinguishable"));
    EXPECT_TRUE(says(said, "the smallest group compared has 20 samples"));
}

TEST(Verdict, CountsComparisons) {
    EXPECT_TRUE(rules::by_chance(card()).empty());
    ScoreCard c = card();
    for (int i = 0; i < 11; ++i) c.table.push_back(c.table[0]);
    EXPECT_TRUE(
        says(rules::by_chance(c), "12 metrics were compared and 12 decided; at 95 % about 0.6"));
    for (ScoreCardRow& one : c.table) one.of[0].best = false;
    EXPECT_TRUE(rules::by_chance(c).empty());
}

TEST(Verdict, SharesSentencesOfOneAssumption) {
    ScoreCard c = card();
    c.table.push_back(c.table[0]);
    c.table.back().metric = "insertion";
    const auto one = rules::assumptions(c);
    ASSERT_EQ(one.size(), 1);
    EXPECT_EQ(one[0].text,
              "deletion and insertion assume that something holds. They cannot tell something "
              "else.");
    c.table.back().cannot_tell = "a third thing";
    EXPECT_EQ(rules::assumptions(c).size(), 2);
}

}  // namespace
}  // namespace whence::evaluate
