// Metrics by the groups of protected columns: who is in which group, what the card says, what is refused.

#include "whence/evaluate/groups.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/support.h"
#include "recipe/support.h"
#include "whence/evaluate/evaluate.h"
#include "whence/metrics/statistics.h"

namespace whence::evaluate {
namespace {

using namespace recipe::test;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
using Groups = std::vector<int64_t>;

TEST(Groups, OfCategoriesThoseThatOccur) {
    const Feature sex{.name = "sex", .categories = {"female", "male", "other"}};
    const std::vector<double> values = {1, 0, nan, 1};
    const Grouping groups = group_by(sex, values);
    EXPECT_EQ(groups.names, (std::vector<std::string>{"female", "male"}));
    EXPECT_EQ(groups.of, (Groups{1, 0, -1, 1}));
}

TEST(Groups, OfNumbersTheirValuesOrTheHalves) {
    const Feature age{.name = "age", .unit = "years"};
    const std::vector<double> few = {3, 1, 1, 3, nan};
    EXPECT_EQ(group_by(age, few).of, (Groups{1, 0, 0, 1, -1}));
    const std::vector<double> many = {10, 9, 8, 7, 6, 5, 4, 3, 2, nan};
    const Grouping halves = group_by(age, many);
    EXPECT_EQ(halves.of, (Groups{1, 1, 1, 1, 0, 0, 0, 0, 0, -1}));
    EXPECT_EQ(halves.names[0].substr(0, 7), "up to 6");
    EXPECT_EQ(halves.names[1].substr(0, 7), "above 6");
    const std::vector<double> none = {nan, nan};
    EXPECT_EQ(group_by(age, none).of, (Groups{-1, -1}));
}

Pool rows_of_the_table() {
    return read_pool(table_subject(), {.paths = {examples / "data/breast_cancer.csv"}, .label = "diagnosis"});
}

ScoreCard card(const std::string& protected_columns, int threads = 1) {
    Request request{.methods = {"integrated-gradients", "random"}, .metrics = {"deletion", "sparseness"}, .samples = 40};
    request.protected_columns = protected_columns;
    return evaluate(table_subject(), rows_of_the_table(), request, Run{.threads = threads});
}

// The slow twin: means and gap from the scores of the card and the rows of the file.
TEST(Groups, GapsAreThoseOfTheScores) {
    const ScoreCard found = card("mean radius");
    ASSERT_FALSE(found.gaps.empty());
    std::vector<double> radius;
    const Pool pool = rows_of_the_table();
    for (const int64_t row : found.rows) radius.push_back(pool.inputs[row]().row->to_doubles()[0]);
    std::vector<double> sorted = radius;
    std::ranges::sort(sorted);
    const double middle = 0.5 * (sorted[19] + sorted[20]);
    for (const ScoreCardRow& row : found.table)
        for (size_t m = 0; m < found.methods.size(); ++m) {
            std::vector<double> small, large;
            for (size_t i = 0; i < radius.size(); ++i)
                if (!std::isnan(row.of[m].scores[i])) (radius[i] > middle ? large : small).push_back(row.of[m].scores[i]);
            const auto gap = std::ranges::find_if(found.gaps, [&](const QualityGap& g) {
                return g.metric == row.metric && g.method == found.methods[m].name;
            });
            if (small.empty() && large.empty()) {
                EXPECT_EQ(gap, found.gaps.end()) << row.metric;
                continue;
            }
            ASSERT_NE(gap, found.gaps.end()) << row.metric;
            EXPECT_EQ(gap->column, "mean radius");
            ASSERT_EQ(gap->groups.size(), 2U);
            EXPECT_EQ(gap->groups[0].samples, std::ssize(small));
            EXPECT_NEAR(gap->groups[0].value, metrics::mean(small), 1e-12);
            EXPECT_NEAR(gap->groups[1].value, metrics::mean(large), 1e-12);
            EXPECT_NEAR(gap->gap, std::abs(metrics::mean(small) - metrics::mean(large)), 1e-12);
            EXPECT_LE(gap->low, gap->gap);
            EXPECT_GE(gap->high, gap->gap);
            EXPECT_TRUE(gap->p_value > 0 && gap->p_value <= 1);
        }
}

TEST(Groups, SameOnOneAndTwoThreadsAndNoneWithoutColumns) {
    ScoreCard one = card("mean radius"), two = card("mean radius", 2);
    for (ScoreCard* c : {&one, &two}) {
        c->seconds = 0;
        for (ScoredMethod& method : c->methods) method.seconds = 0;
    }
    EXPECT_EQ(to_json(one), to_json(two));
    EXPECT_TRUE(card("").gaps.empty());
    EXPECT_EQ(std::ranges::count(card("").table, "protected-share", &ScoreCardRow::metric), 0);
    EXPECT_EQ(std::ranges::count(one.table, "protected-share", &ScoreCardRow::metric), 1);
}

TEST(Groups, Refusals) {
    whence::testing::expect_within(whence::testing::error_of(ErrorKind::usage, [] { return card("religion").samples; }), "no column 'religion'");
    whence::testing::expect_within(whence::testing::error_of(ErrorKind::unsupported,
                                             [] {
                                                 Request request{.methods = {"random"}, .metrics = {"quality-gap"}};
                                                 return evaluate(table_subject(), rows_of_the_table(), request, {}).samples;
                                             }),
                           "--protected");
    const Tensor pixels = cat().batch[0].value;
    whence::testing::expect_within(whence::testing::error_of(ErrorKind::unsupported,
                                             [&] {
                                                 Request request{.methods = {"random"}, .metrics = {"sparseness"}};
                                                 request.protected_columns = "sex";
                                                 return evaluate(image_subject(), pool_of(image_subject(), pixels), request, {}).samples;
                                             }),
                           "a table with names");
}

}  // namespace
}  // namespace whence::evaluate
