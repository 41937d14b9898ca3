#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "surrogate/support.h"
#include "whence/core/error.h"
#include "whence/surrogate/linear.h"
#include "whence/surrogate/rules.h"

namespace whence::surrogate {
namespace {

using test::Example;
using test::uniform_rows;

double steps(std::span<const double> x) {
    return x[0] <= 0 ? (x[1] <= 0.25 ? 1 : 2) : 5;
}

// Splits by trying all: every column, every place.
double best_squared_error(const Example& e, int64_t min_rows) {
    double best = 1e300;
    const int64_t n = e.rows.rows(), columns = std::ssize(e.schema);
    for (int64_t c = 0; c < columns; ++c)
        for (int64_t at = 0; at < n; ++at) {
            double weight[2] = {}, sum[2] = {}, error = 0;
            int64_t count[2] = {};
            const auto side = [&](int64_t i) {
                return e.answers().row(i)[c] <= e.answers().row(at)[c] ? 0 : 1;
            };
            for (int64_t i = 0; i < n; ++i) {
                weight[side(i)] += e.answers().weight(i);
                sum[side(i)] += e.answers().weight(i) * e.values[i];
                ++count[side(i)];
            }
            if (count[0] < min_rows || count[1] < min_rows) continue;
            for (int64_t i = 0; i < n; ++i)
                error += e.answers().weight(i) *
                         std::pow(e.values[i] - sum[side(i)] / weight[side(i)], 2);
            best = std::min(best, error);
        }
    return best;
}

double squared_error(const Example& e, const SurrogateTree& tree) {
    double out = 0;
    for (int64_t i = 0; i < e.rows.rows(); ++i)
        out += e.answers().weight(i) *
               std::pow(e.values[i] - value_at(tree, e.schema, e.answers().row(i)), 2);
    return out;
}

TEST(SurrogateTree, FindsStepsExactly) {
    const Example e(3, uniform_rows(400, 3), steps);
    const SurrogateTree tree = fit_tree(e.answers(), split_rows(400, {}), {}, {});
    EXPECT_EQ(std::ranges::count_if(tree.nodes, [](const auto& n) { return n.leaf(); }), 3);
    EXPECT_EQ(tree.nodes[0].left_if.feature, 0);
    EXPECT_NEAR(tree.nodes[0].left_if.high, 0, 0.05);
    EXPECT_TRUE(tree.fidelity.held_out);
    EXPECT_EQ(tree.fidelity.rows, 100);
    EXPECT_GT(*tree.fidelity.r2, 0.9);
    EXPECT_FALSE(tree.fidelity.agreement);
}

TEST(SurrogateTree, FirstSplitIsTheBestOfAll) {
    Example e(3, uniform_rows(40, 3),
              [](std::span<const double> x) { return std::sin(4 * x[0]) + x[1] * x[2]; });
    for (const bool weighted : {false, true}) {
        if (weighted)
            for (int i = 0; i < 40; ++i) e.weights.push_back(i % 3);
        const SurrogateTree tree =
            fit_tree(e.answers(), e.all(), {.max_depth = 1, .min_rows = 1}, {});
        EXPECT_NEAR(squared_error(e, tree), best_squared_error(e, 1), 1e-9);
    }
}

TEST(SurrogateTree, KeepsItsLimits) {
    const Example e(3, uniform_rows(300, 3),
                    [](std::span<const double> x) { return std::exp(x[0] + x[1]); });
    const auto leaves = [&](const TreeOptions& options) {
        return std::ranges::count_if(fit_tree(e.answers(), e.all(), options, {}).nodes,
                                     [](const auto& n) { return n.leaf(); });
    };
    EXPECT_EQ(leaves({.max_depth = 0}), 1);
    EXPECT_EQ(leaves({.max_depth = 2}), 4);
    EXPECT_EQ(leaves({.max_depth = 10, .max_leaves = 7}), 7);
    EXPECT_EQ(leaves({.max_depth = 10, .min_rows = 151}), 1);
    EXPECT_THROW((void)leaves({.max_depth = -1}), Error);
    EXPECT_THROW((void)leaves({.max_leaves = 0}), Error);
}

TEST(SurrogateTree, WeightsAreRowsGivenTwice) {
    const std::vector<double> cells = uniform_rows(50, 2);
    const auto formula = [](std::span<const double> x) { return x[0] * x[1] + x[0]; };
    std::vector<double> doubled = cells;
    doubled.insert(doubled.end(), cells.begin(), cells.begin() + 20);
    Example weighted(2, cells, formula);
    for (int i = 0; i < 50; ++i) weighted.weights.push_back(i < 10 ? 2 : 1);
    const Example twice(2, doubled, formula);
    const TreeOptions options{.min_rows = 1};
    const SurrogateTree a = fit_tree(weighted.answers(), weighted.all(), options, {}),
                        b = fit_tree(twice.answers(), twice.all(), options, {});
    ASSERT_EQ(a.nodes.size(), b.nodes.size());
    for (size_t i = 0; i < a.nodes.size(); ++i) {
        EXPECT_NEAR(a.nodes[i].value, b.nodes[i].value, 1e-12);
        EXPECT_EQ(a.nodes[i].left_if.high, b.nodes[i].left_if.high);
    }
}

TEST(SurrogateTree, SplitsCategoriesAsSets) {
    std::vector<double> cells;
    for (int i = 0; i < 40; ++i) cells.push_back(i % 4);
    Example e(1, cells, [](std::span<const double> x) { return x[0] == 0 || x[0] == 2 ? 1 : 0; });
    e.schema[0].categories = {"red", "green", "blue", "grey"};
    const SurrogateTree tree = fit_tree(e.answers(true), e.all(), {}, {});
    ASSERT_EQ(tree.nodes.size(), 3U);
    EXPECT_EQ(to_text(tree.nodes[0].left_if, e.schema), "c0 in {green, grey}");
    EXPECT_EQ(*tree.fidelity.r2, 1);
    EXPECT_EQ(*tree.fidelity.agreement, 1);
}

TEST(SurrogateTree, SendsMissingWhereItBelongs) {
    std::vector<double> cells;
    for (int i = 0; i < 60; ++i) cells.push_back(i % 3 == 0 ? NAN : i);
    const auto fitted = [&](auto formula) {
        Example e(1, cells, formula);
        e.schema[0].allows_missing = true;
        const SurrogateTree tree = fit_tree(e.answers(), e.all(), {}, {});
        EXPECT_NEAR(*tree.fidelity.r2, 1, 1e-12);
        return to_text(tree.nodes[0].left_if, e.schema);
    };
    EXPECT_EQ(fitted([](std::span<const double> x) { return x[0] > 30.5 ? 1.0 : 0.0; }),
              "c0 <= 30 or missing");
    EXPECT_EQ(fitted([](std::span<const double> x) { return x[0] <= 30.5 ? 1.0 : 0.0; }),
              "c0 <= 30");
    EXPECT_EQ(fitted([](std::span<const double> x) { return std::isnan(x[0]) ? 1.0 : 0.0; }),
              "c0 is known");
}

TEST(SurrogateTree, OfConstantAnswersColumnsAndOneRow) {
    const Example constant(2, uniform_rows(30, 2), [](auto) { return 0.1; });
    const SurrogateTree tree = fit_tree(constant.answers(), constant.all(), {}, {});
    EXPECT_EQ(tree.nodes.size(), 1U);
    EXPECT_NEAR(tree.nodes[0].value, 0.1, 1e-15);
    EXPECT_FALSE(tree.fidelity.r2);
    const Example one(2, {1, 2}, [](auto) { return 3; });
    EXPECT_EQ(fit_tree(one.answers(), split_rows(1, {}), {}, {}).nodes[0].value, 3);
    EXPECT_EQ(fit_rules(one.answers(), split_rows(1, {}), {}, {}).rules.size(), 1U);
    EXPECT_EQ(fit_linear(one.answers(), split_rows(1, {}), {}, {}).intercept, 3);
}

TEST(SurrogateTree, SameForAnyThreads) {
    const Example e(5, uniform_rows(200, 5),
                    [](std::span<const double> x) { return x[0] * x[1] + x[4]; });
    const auto values = [&](int threads) {
        std::vector<double> out;
        for (const auto& node : fit_tree(e.answers(), e.all(), {}, {.threads = threads}).nodes) {
            out.push_back(node.value);
            out.push_back(node.left_if.high);
        }
        return out;
    };
    EXPECT_EQ(values(1), values(2));
    EXPECT_EQ(values(1), values(8));
}

TEST(RuleList, WithoutToleranceIsTheTree) {
    const Example e(3, uniform_rows(200, 3),
                    [](std::span<const double> x) { return std::sin(3 * x[0]) * x[1]; });
    const SurrogateTree tree = fit_tree(e.answers(), e.all(), {}, {});
    const RuleList list = fit_rules(e.answers(), e.all(), {.tolerance = 0}, {});
    for (int64_t i = 0; i < 200; ++i)
        EXPECT_NEAR(value_at(list, e.schema, e.answers().row(i)),
                    value_at(tree, e.schema, e.answers().row(i)), 1e-12);
    EXPECT_TRUE(list.rules.back().conditions.empty());
}

TEST(RuleList, JoinsAndDropsConditions) {
    const Example e(3, uniform_rows(400, 3), steps);
    const RuleList list = fit_rules(e.answers(), e.all(), {}, {});
    // "c0 > 0: 5" is half of the rows and comes last; of the other two the second needs only that
    // it is not the first and c0 <= 0.
    ASSERT_EQ(list.rules.size(), 3U);
    EXPECT_EQ(list.rules[2].value, 5);
    EXPECT_EQ(list.rules[0].conditions.size() + list.rules[1].conditions.size(), 3U);
    EXPECT_NEAR(*list.fidelity.r2, 1, 1e-12);
    double share = 0;
    for (const auto& rule : list.rules) share += rule.share;
    EXPECT_NEAR(share, 1, 1e-12);
    // A tolerance of all the variance leaves one test in each rule.
    for (const auto& rule : fit_rules(e.answers(), e.all(), {.tolerance = 1}, {}).rules)
        EXPECT_LE(rule.conditions.size(), 1U);
}

TEST(LinearSurrogate, FindsALinearModel) {
    Example e(4, uniform_rows(300, 4),
              [](std::span<const double> x) { return 2 + 3 * x[0] - 0.5 * x[2]; });
    const LinearSurrogate linear = fit_linear(e.answers(), split_rows(300, {}), {.terms = 2}, {});
    ASSERT_EQ(linear.terms.size(), 2U);
    EXPECT_EQ(linear.terms[0].feature, 0);
    EXPECT_NEAR(linear.terms[0].weight, 3, 1e-9);
    EXPECT_NEAR(linear.terms[1].weight, -0.5, 1e-9);
    EXPECT_NEAR(linear.intercept, 2, 1e-9);
    EXPECT_NEAR(*linear.fidelity.r2, 1, 1e-9);
    EXPECT_EQ(fit_linear(e.answers(), e.all(), {.terms = 1}, {}).terms.size(), 1U);
    EXPECT_THROW((void)fit_linear(e.answers(), e.all(), {.terms = 0}, {}), Error);
}

TEST(LinearSurrogate, OfCategoriesMissingAndConstantColumns) {
    std::vector<double> cells;
    for (int i = 0; i < 90; ++i) {
        cells.push_back(i % 3);
        cells.push_back(i % 5 ? i : NAN);
        cells.push_back(7);
    }
    Example e(3, cells, [](std::span<const double> x) {
        return x[0] == 1 ? 4.0 : x[0] == 2 ? -1.0 : 1.0;
    });
    e.schema[0].categories = {"a", "b", "c"};
    e.schema[1].allows_missing = true;
    const LinearSurrogate linear = fit_linear(e.answers(), e.all(), {}, {});
    EXPECT_NEAR(*linear.fidelity.r2, 1, 1e-9);
    for (const auto& term : linear.terms) {
        EXPECT_NE(term.feature, 2);
        if (term.category == 1) {
            EXPECT_NEAR(term.weight, 3, 1e-9);
        }
    }
}

TEST(Surrogates, SayWhatIsWrong) {
    Example e(2, uniform_rows(30, 2), [](std::span<const double> x) { return x[0]; });
    e.values[3] = NAN;
    EXPECT_THROW((void)fit_tree(e.answers(), e.all(), {}, {}), Error);
    e.values[3] = 0;
    e.weights.assign(30, 0);
    EXPECT_THROW((void)fit_tree(e.answers(), e.all(), {}, {}), Error);
    EXPECT_THROW((void)fit_linear(e.answers(), e.all(), {}, {}), Error);
    e.weights[0] = -1;
    EXPECT_THROW((void)fit_rules(e.answers(), e.all(), {}, {}), Error);
    std::stop_source stop;
    stop.request_stop();
    e.weights.clear();
    EXPECT_THROW((void)fit_tree(e.answers(), e.all(), {}, {.stop = stop.get_token()}), Error);
}

TEST(SplitRows, HoldsAQuarterOut) {
    const Split split = split_rows(100, {.seed = 1});
    EXPECT_EQ(split.test.size(), 25U);
    std::vector<int64_t> all = split.test;
    all.insert(all.end(), split.training.begin(), split.training.end());
    std::ranges::sort(all);
    for (int64_t i = 0; i < 100; ++i) EXPECT_EQ(all[i], i);
    EXPECT_NE(split.test, split_rows(100, {.seed = 2}).test);
    EXPECT_FALSE(split_rows(19, {}).held_out);
}

// R2 and agreement by hand: f = 0, 0.4, 0.6, 1; s = 0.5 for all.
TEST(Fidelity, IsTheFormula) {
    Example e(1, {0, 0.4, 0.6, 1}, [](std::span<const double> x) { return x[0]; });
    const Fidelity half = fidelity(e.answers(true), e.all(), [](auto) { return 0.5; });
    EXPECT_NEAR(*half.r2, 0, 1e-15);
    EXPECT_EQ(*half.agreement, 0.5);
    const Fidelity shifted = fidelity(e.answers(), e.all(), [](auto row) { return row[0] + 0.1; });
    EXPECT_NEAR(*shifted.r2, 1 - 0.04 / 0.52, 1e-12);
    EXPECT_FALSE(shifted.agreement);
}

}  // namespace
}  // namespace whence::surrogate
