#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "anchors/support.h"
#include "whence/core/error.h"

namespace whence::anchors {
namespace {

using testing::numbers;
using testing::row_of;
using testing::table_of;

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

// Two numbers and a category, twelve rows.
struct Small {
    Schema schema = {{.name = "age"},
                     {.name = "pay", .allows_missing = true},
                     {.name = "kind", .categories = {"a", "b", "c"}}};
    Tensor rows = table_of({{1, 10, 0},
                            {2, 20, 1},
                            {3, 30, 2},
                            {4, 40, 0},
                            {5, 50, 1},
                            {6, missing, 2},
                            {7, 70, 0},
                            {8, 80, 1},
                            {9, 90, 0},
                            {10, 100, 0},
                            {11, 110, 1},
                            {12, 120, 2}});
    BackgroundTable table{schema, rows, Discretizer::quartile, {}};
    std::vector<double> row = {9.5, 20, 1};
    TabularSampler sampler{table, row, 10000, 3};
};

std::vector<double> rows_drawn(const Sampler& sampler, const Anchor& anchor, int64_t count,
                               int64_t columns) {
    std::vector<Draw> draws;
    for (int64_t i = 0; i < count; ++i) draws.push_back({anchor, i});
    Batch rows({{"x", Tensor(ElementType::float64, {count, columns})}});
    sampler.draw(draws, rows, whence::Run{});
    return rows[0].value.to_doubles();
}

std::vector<std::string> texts(const Sampler& sampler, const Anchor& anchor) {
    std::vector<std::string> out;
    for (const Rule::Condition& c : sampler.conditions(anchor)) out.push_back(c.text);
    return out;
}

// Quartiles of age: 3.75, 6.5, 9.25; of pay without the missing one: 35, 70, 95.
TEST(TabularSampler, PredicatesAreThoseOfTheAnchorPackage) {
    const Small s;
    std::vector<std::string> all;
    for (int32_t p = 0; p < s.sampler.predicates(); ++p) all.push_back(texts(s.sampler, {p})[0]);
    EXPECT_EQ(all, (std::vector<std::string>{"age > 3.75", "age > 6.5", "age > 9.25", "pay <= 35",
                                             "pay <= 70", "pay <= 95", "kind = b"}));
    EXPECT_EQ(texts(s.sampler, {0, 2, 4}), (std::vector<std::string>{"age > 9.25", "pay <= 70"}));
}

TEST(TabularSampler, ARangeIsOneCondition) {
    const Small s;
    const TabularSampler inside(s.table, {5, missing, 2}, 10000, 0);
    EXPECT_EQ(texts(inside, {0, 1, 3, 4}),
              (std::vector<std::string>{"3.75 < age <= 6.5", "pay is missing", "kind = c"}));
}

TEST(TabularSampler, CoverageEqualsBruteForce) {
    const Small s;
    const auto n = static_cast<int32_t>(s.sampler.predicates());
    for (int32_t bits = 0; bits < 1 << n; ++bits) {
        Anchor anchor;
        for (int32_t p = 0; p < n; ++p)
            if (bits >> p & 1) anchor.push_back(p);
        int64_t count = 0;
        for (int64_t r = 0; r < s.table.rows(); ++r)
            count += std::ranges::all_of(s.sampler.merged(anchor), [&](const Condition& c) {
                return c.holds(s.table.row(r)[c.column]);
            });
        EXPECT_EQ(s.sampler.coverage(anchor), static_cast<double>(count) / 12);
    }
}

TEST(TabularSampler, CoverageOfALargeTableIsSampled) {
    const Tensor rows = testing::uniform_table(5000, 2, 1);
    const BackgroundTable table(numbers(2), rows, Discretizer::quartile, {});
    const TabularSampler all(table, {0.9, 0.1}, 5000, 0), some(table, {0.9, 0.1}, 1000, 0);
    for (const Anchor& anchor : {Anchor{0}, Anchor{2, 3}, Anchor{1, 4}}) {
        EXPECT_NE(some.coverage(anchor), all.coverage(anchor));
        EXPECT_NEAR(some.coverage(anchor), all.coverage(anchor), 0.06);  // four standard errors
    }
}

TEST(TabularSampler, EverySampleKeepsTheAnchor) {
    const Small s;
    const Anchor anchor = {1, 2, 4, 6};
    const std::vector<double> rows = rows_drawn(s.sampler, anchor, 500, 3);
    for (int64_t i = 0; i < 500; ++i)
        for (const Condition& c : s.sampler.merged(anchor))
            EXPECT_TRUE(c.holds(rows[3 * i + c.column])) << i;
}

// A row that keeps the anchor stays; else the column is any background value of the range.
TEST(TabularSampler, DrawsTheDistributionExactly) {
    const Small s;
    const Anchor anchor = {2, 6};  // age > 9.25: 10, 11, 12; kind = b
    constexpr int64_t count = 60000;
    const std::vector<double> rows = rows_drawn(s.sampler, anchor, count, 3);
    std::map<std::pair<double, double>, int64_t> seen;  // age, pay
    for (int64_t i = 0; i < count; ++i) {
        EXPECT_EQ(rows[3 * i + 2], 1);
        const double pay = rows[3 * i + 1];
        ++seen[{rows[3 * i], std::isnan(pay) ? -1 : pay}];
    }
    std::map<std::pair<double, double>, double> expected;
    for (int64_t r = 0; r < 12; ++r) {
        const double age = s.table.row(r)[0], pay = s.table.row(r)[1];
        const double at = std::isnan(pay) ? -1 : pay;
        if (age > 9.25)
            expected[{age, at}] += 1.0 / 12;
        else
            for (const double drawn : {10, 11, 12}) expected[{drawn, at}] += 1.0 / 36;
    }
    EXPECT_EQ(seen.size(), expected.size());
    for (const auto& [key, p] : expected)
        EXPECT_NEAR(static_cast<double>(seen[key]) / count, p, 4.5 * std::sqrt(p / count));
}

// Where kept says so the two rows are the same; and it says so as often as the column allows.
TEST(TabularSampler, KeptRowsAreTheSame) {
    const Small s;
    const auto n = static_cast<int32_t>(s.sampler.predicates());
    for (const Anchor& anchor : {Anchor{}, Anchor{0}, Anchor{2, 4}, Anchor{6}, Anchor{1, 3, 6}})
        for (int32_t p = 0; p < n; ++p) {
            if (std::ranges::binary_search(anchor, p)) continue;
            Anchor more = anchor;
            more.insert(std::ranges::upper_bound(more, p), p);
            const std::vector<double> a = rows_drawn(s.sampler, anchor, 192, 3),
                                      b = rows_drawn(s.sampler, more, 192, 3);
            int64_t kept = 0, changed = 0;
            for (int64_t i = 0; i < 192; ++i) {
                const bool same = std::equal(
                    a.begin() + 3 * i, a.begin() + 3 * i + 3, b.begin() + 3 * i,
                    [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); });
                if (s.sampler.kept(anchor, p, i / 64) >> (i % 64) & 1) {
                    EXPECT_TRUE(same);
                    ++kept;
                } else {
                    changed += !same;
                }
            }
            EXPECT_GT(kept, 0);
            if (!s.sampler.implied(anchor, p)) {
                EXPECT_GT(changed, 0);
            }
        }
}

TEST(TabularSampler, SaysWhatIsImplied) {
    const Small s;
    const Anchor high = {2};
    EXPECT_TRUE(s.sampler.implied(high, 0));  // age > 9.25 implies age > 3.75
    EXPECT_FALSE(s.sampler.implied(Anchor{0}, 2));
    EXPECT_FALSE(s.sampler.implied(high, 4));
}

TEST(TabularSampler, ARangeWithoutRowsIsUniform) {
    const Schema schema = numbers(1);
    const BackgroundTable table(schema, table_of({{1}, {1}, {2}, {2}}), Discretizer::quartile, {});
    const TabularSampler above(table, {5}, 100, 0), below(table, {-3}, 100, 0);
    // Edges 1, 1.5, 2: nothing lies above 2, so up to the input; and all is at most 2.
    EXPECT_EQ(texts(above, {2}), (std::vector<std::string>{"c0 > 2"}));
    double sum = 0;
    for (const double v : rows_drawn(above, {2}, 4000, 1)) {
        EXPECT_GT(v, 2);
        EXPECT_LE(v, 5);
        sum += v / 4000;
    }
    EXPECT_NEAR(sum, 3.5, 0.06);
    EXPECT_EQ(above.coverage(Anchor{2}), 0);
    EXPECT_EQ(texts(below, {0}), (std::vector<std::string>{"c0 <= 1"}));
}

TEST(TabularSampler, ConstantColumnsSayNothing) {
    const BackgroundTable table(numbers(2), table_of({{3, 1}, {3, 2}, {3, 3}}),
                                Discretizer::quartile, {});
    const TabularSampler sampler(table, {3, 1}, 100, 0);
    for (int32_t p = 0; p < sampler.predicates(); ++p)
        EXPECT_EQ(sampler.conditions(Anchor{p})[0].feature, 1);
    EXPECT_GT(sampler.predicates(), 0);
}

TEST(TabularSampler, OneRow) {
    const BackgroundTable table(numbers(2), table_of({{3, 1}}), Discretizer::decile, {});
    EXPECT_EQ(TabularSampler(table, {3, 1}, 100, 0).predicates(), 0);
    const TabularSampler other(table, {4, 1}, 100, 0);
    ASSERT_EQ(other.predicates(), 1);
    EXPECT_EQ(texts(other, {0}), (std::vector<std::string>{"c0 > 3"}));
}

TEST(TabularSampler, EdgesAreShownAsBrieflyAsTheDataAllow) {
    const BackgroundTable fine(numbers(1), table_of({{1.00001}, {1.00002}, {1.00003}, {1.00004}}),
                               Discretizer::quartile, {});
    const std::string shown = texts(TabularSampler(fine, {1}, 10, 0), {1})[0];
    ASSERT_TRUE(shown.starts_with("c0 <= ")) << shown;
    EXPECT_GE(std::stod(shown.substr(6)), 1.00002);
    EXPECT_LT(std::stod(shown.substr(6)), 1.00003);
    const BackgroundTable coarse(numbers(1), table_of({{123456}, {223456}, {323456}, {423456}}),
                                 Discretizer::quartile, {});
    EXPECT_EQ(texts(TabularSampler(coarse, {1}, 10, 0), {1}),
              (std::vector<std::string>{"c0 <= 273000"}));
}

TEST(TabularSampler, RefusesMorePredicatesThanCanBeSearched) {
    constexpr int64_t columns = 40000;
    const BackgroundTable table(numbers(columns), testing::uniform_table(5, columns, 1),
                                Discretizer::quartile, {});
    try {
        const TabularSampler sampler(table, std::vector<double>(columns, 0.5), 10, 0);
        FAIL() << sampler.predicates();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::limit);
    }
}

TEST(BackgroundTable, RefusesWhatItCannotDrawFrom) {
    const auto make = [](Schema schema, Tensor rows, Discretizer d = Discretizer::quartile) {
        return BackgroundTable(std::move(schema), std::move(rows), d, {});
    };
    EXPECT_THROW(make(numbers(1), table_of({{missing}})), Error);
    EXPECT_THROW(make(numbers(1), table_of({{INFINITY}})), Error);
    EXPECT_THROW(make(numbers(2), table_of({{1}})), Error);
    EXPECT_THROW(make(numbers(1), Tensor(ElementType::float64, {0, 1})), Error);
    EXPECT_THROW(make({}, Tensor(ElementType::float64, {1, 0})), Error);
    EXPECT_THROW(make(numbers(1), table_of({{1}}), Discretizer::none), Error);
    EXPECT_THROW(make(numbers(1), table_of({{1}}), Discretizer::entropy), Error);  // no labels
    EXPECT_NO_THROW(make({{.name = "m", .allows_missing = true}}, table_of({{missing}})));
}

}  // namespace
}  // namespace whence::anchors
