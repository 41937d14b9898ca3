#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>

#include "anchors/support.h"
#include "whence/anchors/anchors.h"
#include "whence/anchors/bounds.h"
#include "whence/anchors/search.h"
#include "whence/core/error.h"
#include "whence/core/explanation_json.h"

namespace whence {
namespace {

using anchors::Anchor;
using testing::ClassModel;
using testing::numbers;
using testing::row_of;
using testing::table_of;
using testing::uniform_table;

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

std::vector<std::string> texts(const Explanation& e) {
    std::vector<std::string> out;
    for (const Rule::Condition& c : e.rule->conditions) out.push_back(c.text);
    return out;
}

std::string one_note(const Explanation& e) {
    std::string out;
    for (const std::string& note : e.diagnostics.notes) out += note + "\n";
    return out;
}

// The predicates behind a rule in words.
Anchor anchor_named(const anchors::Sampler& sampler, const std::vector<std::string>& wanted) {
    const auto n = static_cast<int32_t>(sampler.predicates());
    for (int32_t bits = 0; bits < 1 << n; ++bits) {
        Anchor anchor;
        std::vector<std::string> named;
        for (int32_t p = 0; p < n; ++p)
            if (bits >> p & 1) anchor.push_back(p);
        for (const Rule::Condition& c : sampler.conditions(anchor)) named.push_back(c.text);
        if (named == wanted) return anchor;
    }
    return {};
}

// The exact precision: every background row, with every value that may stand for what breaks the
// anchor.
double exact_precision(const anchors::BackgroundTable& table,
                       const anchors::TabularSampler& sampler, const Anchor& anchor,
                       const ClassModel::Says& says, bool wanted) {
    double total = 0;
    for (int64_t r = 0; r < table.rows(); ++r) {
        std::vector<std::vector<double>> choices;
        std::vector<double> row(table.row(r).begin(), table.row(r).end());
        std::vector<int64_t> columns;
        for (const anchors::Condition& c : sampler.merged(anchor)) {
            if (c.holds(row[c.column])) continue;
            columns.push_back(c.column);
            std::vector<double>& values = choices.emplace_back();
            if (c.exact) values.push_back(c.value);
            for (int64_t other = 0; !c.exact && other < table.rows(); ++other)
                if (c.holds(table.row(other)[c.column]))
                    values.push_back(table.row(other)[c.column]);
        }
        std::vector<size_t> at(choices.size());
        int64_t good = 0, all = 0;
        while (true) {
            for (size_t i = 0; i < at.size(); ++i) row[columns[i]] = choices[i][at[i]];
            good += says(row) == wanted;
            ++all;
            size_t i = 0;
            while (i < at.size() && ++at[i] == choices[i].size()) at[i++] = 0;
            if (i == at.size()) break;
        }
        total += static_cast<double>(good) / static_cast<double>(all);
    }
    return total / static_cast<double>(table.rows());
}

TEST(AnchorTabular, FindsTheRuleOfTheModel) {
    const ClassModel::Says says = [](auto v) { return v[1] > 0.75 && v[3] <= 0.5; };
    const ClassModel model({-1, 6}, says);
    const AnchorTabular method(model, numbers(6), uniform_table(4000, 6, 3));
    const Explanation e =
        method.explain(row_of({0.5, 0.9, 0.5, 0.2, 0.5, 0.5}), Target{}, whence::Run{.seed = 1});
    ASSERT_EQ(e.rule->conditions.size(), 2) << to_json(e);
    EXPECT_EQ(e.rule->conditions[0].feature, 1);
    EXPECT_EQ(e.rule->conditions[1].feature, 3);
    EXPECT_NEAR(std::stod(texts(e)[0].substr(5)), 0.75, 0.03);
    EXPECT_NEAR(std::stod(texts(e)[1].substr(6)), 0.5, 0.03);
    EXPECT_GT(e.rule->precision, 0.9);
    EXPECT_NEAR(e.rule->coverage, 0.125, 0.02);
    EXPECT_EQ(e.diagnostics.converged, true);
    EXPECT_EQ(e.provenance.evaluations, model.asked);
    EXPECT_EQ(e.attribution.values.to_doubles(), (std::vector<double>{0, 1, 0, 1, 0, 0}));
    EXPECT_EQ(e.target.resolved.index, 1);
}

// A table small enough to enumerate D(z | A): every precision lies in its interval.
TEST(AnchorTabular, PrecisionIsTheExactOne) {
    Schema schema = numbers(3);
    schema[2].categories = {"a", "b"};
    const Tensor rows = table_of({{1, 4, 0},
                                  {2, 9, 1},
                                  {3, 1, 0},
                                  {4, 7, 1},
                                  {5, 3, 0},
                                  {6, 8, 1},
                                  {7, 2, 0},
                                  {8, 6, 1},
                                  {9, 5, 1}});
    const ClassModel::Says says = [](auto v) { return v[0] + 2 * v[2] > 0.7 * v[1] + 1; };
    const ClassModel model({-1, 3}, says);
    AnchorTabularOptions options;
    options.search.confirm_samples = 20000;
    options.search.confidence = 0.9999;
    const anchors::BackgroundTable table(schema, rows, Discretizer::quartile, {});
    const std::vector<std::vector<double>> inputs = {{8, 2, 1}, {1, 9, 0}, {5, 5, 0}, {3, 2, 1}};
    for (const std::vector<double>& input : inputs) {
        const Explanation e = AnchorTabular(model, schema, rows, options)
                                  .explain(row_of(input), Target{}, whence::Run{.seed = 5});
        const anchors::TabularSampler sampler(table, input, 100, 5);
        const Anchor anchor = anchor_named(sampler, texts(e));
        ASSERT_TRUE(anchor.empty() == texts(e).empty());
        const double exact = exact_precision(table, sampler, anchor, says, says(input));
        EXPECT_LE(e.rule->precision_low, exact) << to_json(e);
        EXPECT_GE(e.rule->precision_high, exact) << to_json(e);
        EXPECT_EQ(e.rule->coverage, sampler.coverage(anchor));
    }
}

// An answer that nobody can foresee: true for four of five rows, by their bits.
bool scattered(std::span<const double> row) {
    uint64_t bits = 0;
    for (const double v : row) bits = (bits ^ std::bit_cast<uint64_t>(v)) * 0x9E3779B97F4A7C15u;
    return (bits >> 40) % 5 != 0;
}

// Every rule is right for about four of five rows. The interval of fresh samples holds the exact
// share as often as it says; the samples of the search flatter the rule that was chosen among 120
// for being lucky.
TEST(AnchorTabular, TheIntervalIsHonest) {
    constexpr int64_t columns = 40;
    const Tensor rows = uniform_table(200, columns, 9);
    const ClassModel model({-1, columns}, scattered);
    const anchors::BackgroundTable table(numbers(columns), rows, Discretizer::quartile, {});
    std::vector<double> row(columns, 0.1);
    while (!scattered(row)) row[0] += 0.001;
    const Batch input = row_of(row);
    const AnchorOptions options{.threshold = 0.9,
                                .tau = 0.6,
                                .batch_size = 20,
                                .max_anchor_size = 1,
                                .confirm_samples = 200};
    constexpr int runs = 300;
    int held = 0, naive_held = 0;
    double bias = 0;
    for (uint64_t seed = 0; seed < runs; ++seed) {
        const anchors::TabularSampler sampler(table, row, 500, seed);
        const whence::Run run{.seed = seed, .threads = 1};
        anchors::Judge judge(model, Target{}, input, 0, run);
        const anchors::Found found = anchors::search(sampler, judge, options, run);
        const double truth = exact_precision(table, sampler, found.anchor, scattered, true);
        const Explanation e = anchors::explain(model, sampler, input, Target{}, options, run);
        held += e.rule->precision_low <= truth && truth <= e.rule->precision_high;
        const anchors::Interval naive =
            anchors::clopper_pearson(found.tally.hits, found.tally.drawn, 0.95);
        naive_held += naive.low <= truth && truth <= naive.high;
        bias += (found.tally.mean() - truth) / runs;
    }
    EXPECT_GE(held, 275);  // at least 285 expected; fewer than 275 with a probability of 1%
    EXPECT_LT(naive_held, 255);
    EXPECT_GT(bias, 0.05);
}

TEST(AnchorTabular, AConstantModelNeedsNoCondition) {
    const ClassModel model({-1, 3}, [](auto) { return true; });
    const Explanation e = AnchorTabular(model, numbers(3), uniform_table(50, 3, 1))
                              .explain(row_of({0.1, 0.5, 0.9}), Target{}, whence::Run{});
    EXPECT_TRUE(e.rule->conditions.empty());
    EXPECT_EQ(e.rule->precision, 1);
    EXPECT_EQ(e.rule->precision_high, 1);
    EXPECT_GT(e.rule->precision_low, 0.99);
    EXPECT_EQ(e.rule->coverage, 1);
    EXPECT_EQ(e.diagnostics.converged, true);
}

// The answer hangs on digits that no bin sees.
TEST(AnchorTabular, SaysWhenThereIsNoAnchor) {
    const ClassModel model({-1, 2}, [](auto v) {
        return static_cast<int64_t>(std::floor((v[0] + v[1]) * 1e6)) % 2 == 0;
    });
    const Explanation e = AnchorTabular(model, numbers(2), uniform_table(400, 2, 1))
                              .explain(row_of({0.3, 0.7}), Target{}, whence::Run{});
    EXPECT_EQ(e.diagnostics.converged, false);
    EXPECT_NE(one_note(e).find("no rule was found with a precision of 0.95"), std::string::npos);
    EXPECT_NEAR(e.rule->precision, 0.5, 0.15);
}

TEST(AnchorTabular, OneRowOfBackground) {
    const ClassModel model({-1, 2}, [](auto v) { return v[0] > 2; });
    const Explanation e = AnchorTabular(model, numbers(2), table_of({{1, 1}}))
                              .explain(row_of({5, 1}), Target{}, whence::Run{});
    // Above 1 means uniform between 1 and 5: 3/4 of it is above 2.
    EXPECT_EQ(e.diagnostics.converged, false);
    EXPECT_NEAR(e.rule->precision, 0.75, 0.06);
    const Explanation same = AnchorTabular(model, numbers(2), table_of({{5, 1}}))
                                 .explain(row_of({5, 1}), Target{}, whence::Run{});
    EXPECT_TRUE(same.rule->conditions.empty());
    EXPECT_EQ(same.rule->precision, 1);
}

TEST(AnchorTabular, ConstantColumnsNeverStandInARule) {
    Tensor rows = uniform_table(300, 3, 2);
    for (int64_t r = 0; r < 300; ++r) rows.as<double>()[3 * r] = 7;
    const ClassModel model({-1, 3}, [](auto v) { return v[0] > 6 && v[2] > 0.5; });
    const Explanation e = AnchorTabular(model, numbers(3), rows)
                              .explain(row_of({7, 0.5, 0.9}), Target{}, whence::Run{});
    ASSERT_EQ(e.rule->conditions.size(), 1);
    EXPECT_EQ(e.rule->conditions[0].feature, 2);
}

TEST(AnchorTabular, CategoriesAndMissingValues) {
    Schema schema = numbers(2);
    schema[0].allows_missing = true;
    schema[1].categories = {"no", "yes", "maybe"};
    Tensor rows = uniform_table(900, 2, 4);
    for (int64_t r = 0; r < 900; ++r) {
        if (r % 3 == 0) rows.as<double>()[2 * r] = missing;
        rows.as<double>()[2 * r + 1] = static_cast<double>(r / 3 % 3);
    }
    const ClassModel model({-1, 2}, [](auto v) { return std::isnan(v[0]) && v[1] == 2; });
    const Explanation e =
        AnchorTabular(model, schema, rows).explain(row_of({missing, 2}), Target{}, whence::Run{});
    EXPECT_EQ(texts(e), (std::vector<std::string>{"c0 is missing", "c1 = maybe"}));
    EXPECT_EQ(e.rule->precision, 1);
    EXPECT_NEAR(e.rule->coverage, 1.0 / 9, 1e-12);
    const Explanation other =
        AnchorTabular(model, schema, rows).explain(row_of({0.5, 2}), Target{}, whence::Run{});
    EXPECT_GT(other.rule->precision, 0.9);
}

TEST(AnchorTabular, OptionsDoWhatTheySay) {
    const ClassModel model({-1, 4}, [](auto v) { return v[0] + v[1] + v[2] + v[3] > 2.2; });
    const Tensor rows = uniform_table(2000, 4, 6);
    const Batch input = row_of({0.95, 0.9, 0.92, 0.97});
    const auto with = [&](const AnchorOptions& search, Discretizer d = Discretizer::quartile) {
        return AnchorTabular(model, numbers(4), rows, {.search = search, .discretizer = d})
            .explain(input, Target{}, whence::Run{.seed = 2});
    };
    EXPECT_LE(with({.max_anchor_size = 1}).rule->conditions.size(), 1);
    const Explanation wide = with({.threshold = 0.7}), strict = with({.threshold = 0.99});
    EXPECT_GT(wide.rule->coverage, strict.rule->coverage);
    EXPECT_GE(with({.beam_size = 4}).rule->coverage, 0.8 * with({}).rule->coverage);
    EXPECT_LE(with({.stop_on_first = true}).provenance.evaluations,
              with({}).provenance.evaluations);
    EXPECT_GT(with({.confirm_samples = 100}).rule->precision_high -
                  with({.confirm_samples = 100}).rule->precision_low,
              with({}).rule->precision_high - with({}).rule->precision_low);
    EXPECT_TRUE(with({}, Discretizer::decile).rule.has_value());
    for (const AnchorOptions& bad :
         {AnchorOptions{.threshold = 0}, AnchorOptions{.threshold = 1.1}, AnchorOptions{.delta = 0},
          AnchorOptions{.tau = 1}, AnchorOptions{.epsilon_stop = 0}, AnchorOptions{.beam_size = 0},
          AnchorOptions{.batch_size = 0}, AnchorOptions{.coverage_samples = 0},
          AnchorOptions{.max_anchor_size = -1}, AnchorOptions{.confirm_samples = 0},
          AnchorOptions{.confidence = 1}, AnchorOptions{.within = -1},
          AnchorOptions{.threshold = missing}})
        EXPECT_THROW(with(bad), Error);
}

TEST(AnchorTabular, TheSameBitsOnAnyNumberOfThreads) {
    const ClassModel model({-1, 5}, [](auto v) { return v[0] * v[1] + 0.3 * v[4] > 0.5; });
    const AnchorTabular method(model, numbers(5), uniform_table(1500, 5, 8),
                               {.search = {.beam_size = 3}});
    const auto run = [&](int threads, uint64_t seed) {
        Explanation e = method.explain(row_of({0.9, 0.8, 0.5, 0.5, 0.6}), Target{},
                                       whence::Run{.seed = seed, .threads = threads});
        e.provenance.seconds = 0;
        return to_json(e);
    };
    const std::string once = run(1, 3);
    for (const int threads : {1, 2, 8}) EXPECT_EQ(run(threads, 3), once);
    EXPECT_NE(run(1, 4), once);
}

TEST(AnchorTabular, StopsWhenAsked) {
    const ClassModel model({-1, 2}, [](auto v) { return v[0] > 0.5; });
    const AnchorTabular method(model, numbers(2), uniform_table(100, 2, 8));
    const auto kind_of = [&](const whence::Run& run) {
        try {
            static_cast<void>(method.explain(row_of({0.9, 0.8}), Target{}, run));
        } catch (const Error& error) {
            return error.kind();
        }
        return ErrorKind::internal;
    };
    std::stop_source source;
    int reports = 0;
    const whence::Run stopped{.stop = source.get_token(), .progress = [&](auto, auto, auto) {
                                  if (++reports == 2) source.request_stop();
                              }};
    EXPECT_EQ(kind_of(stopped), ErrorKind::interrupted);
    EXPECT_EQ(reports, 2);
    whence::Run late;
    late.deadline = std::chrono::steady_clock::now();
    EXPECT_EQ(kind_of(late), ErrorKind::limit);
}

TEST(AnchorTabular, RefusesRowsThatDoNotFit) {
    const ClassModel model({-1, 2}, [](auto v) { return v[0] > 0.5; });
    const AnchorTabular method(model, numbers(2), uniform_table(100, 2, 8));
    EXPECT_THROW(static_cast<void>(method.explain(row_of({1}), Target{}, whence::Run{})), Error);
    EXPECT_THROW(static_cast<void>(method.explain(row_of({1, missing}), Target{}, whence::Run{})),
                 Error);
    EXPECT_THROW(static_cast<void>(method.explain(row_of({1, INFINITY}), Target{}, whence::Run{})),
                 Error);
    EXPECT_THROW(static_cast<void>(method.explain(Batch({{"x", uniform_table(2, 2, 1)}}), Target{},
                                                  whence::Run{})),
                 Error);
}

TEST(AnchorTabular, AnswerOfOneNumber) {
    const testing::FormulaModel model({-1, 2}, ElementType::float64,
                                      [](auto v) { return 10 * v[0]; });
    AnchorTabularOptions options;
    options.search.within = 2;
    const Explanation e = AnchorTabular(model, numbers(2), uniform_table(1000, 2, 8), options)
                              .explain(row_of({0.9, 0.8}), Target{}, whence::Run{});
    ASSERT_EQ(e.rule->conditions.size(), 1);
    EXPECT_EQ(e.rule->conditions[0].feature, 0);
    EXPECT_NE(one_note(e).find("within 2 of 9"), std::string::npos);
}

}  // namespace
}  // namespace whence
