#include <algorithm>
#include <chrono>

#include "models.h"
#include "whence/counterfactual/counterfactual.h"

namespace whence {
namespace {

using namespace testing;

// ---- what a counterfactual must never do

struct Rules {
    std::vector<size_t> fixed, increasing, decreasing, whole;
    std::vector<size_t> block;  // one-hot
    size_t ranged = 0;
    double low = 0, high = 0;
    std::vector<double> most, least;  // of the data
};

std::vector<std::string> violations(const Rules& rules, std::span<const double> from,
                                    std::span<const double> to) {
    std::vector<std::string> out;
    const auto broken = [&](const char* what, size_t c) {
        out.push_back(what + std::to_string(c));
    };
    for (const size_t c : rules.fixed)
        if (to[c] != from[c]) broken("fixed ", c);
    for (const size_t c : rules.increasing)
        if (to[c] < from[c]) broken("increasing ", c);
    for (const size_t c : rules.decreasing)
        if (to[c] > from[c]) broken("decreasing ", c);
    for (const size_t c : rules.whole)
        if (to[c] != std::round(to[c])) broken("whole ", c);
    if (to[rules.ranged] < rules.low || to[rules.ranged] > rules.high)
        broken("range ", rules.ranged);
    for (size_t c = 0; c < to.size(); ++c)
        if (c != rules.ranged && (to[c] < rules.least[c] || to[c] > rules.most[c]))
            broken("data ", c);
    double ones = 0;
    bool binary = true;
    for (const size_t c : rules.block) {
        ones += to[c];
        binary = binary && (to[c] == 0 || to[c] == 1);
    }
    if (ones != 1 || !binary) broken("one-hot ", rules.block[0]);
    return out;
}

// Columns: 0-3 numbers, 4 a whole number, 5-7 one-hot, 8 fixed, 9 only grows, 10 only falls, 11 in
// a range.
constexpr size_t columns = 12;

struct RandomTask {
    Schema schema = numbers(columns);
    std::vector<double> cells, input;
    std::vector<double> weights;
    double offset = 0;
    Rules rules;

    explicit RandomTask(uint64_t seed) {
        Rng rng(seed, 1, 0);
        schema[5].name = "port_a", schema[6].name = "port_b", schema[7].name = "port_c";
        for (int row = 0; row < 120; ++row) {
            const std::vector<double> one = random_row(rng);
            cells.insert(cells.end(), one.begin(), one.end());
        }
        input.assign(cells.begin(), cells.begin() + columns);
        for (size_t i = 0; i < 2 * columns; ++i) weights.push_back(rng.normal());
        offset = 0.5 * rng.normal();
        rules = {.fixed = {8},
                 .increasing = {9},
                 .decreasing = {10},
                 .whole = {4},
                 .block = {5, 6, 7},
                 .ranged = 11,
                 .low = input[11] - 0.5,
                 .high = input[11] + 0.75};
        for (size_t c = 0; c < columns; ++c) {
            double low = input[c], high = input[c];
            for (size_t i = c; i < cells.size(); i += columns) {
                low = std::min(low, cells[i]);
                high = std::max(high, cells[i]);
            }
            rules.least.push_back(low);
            rules.most.push_back(high);
        }
    }
    static std::vector<double> random_row(Rng& rng) {
        std::vector<double> row;
        for (size_t c = 0; c < columns; ++c) row.push_back(rng.normal());
        row[4] = static_cast<double>(rng.below(9));
        const uint64_t hot = rng.below(3);
        for (size_t c = 0; c < 3; ++c) row[5 + c] = hot == c ? 1 : 0;
        return row;
    }
    [[nodiscard]] ScoreModel model() const {
        return two_classes(columns, [w = weights, b = offset](std::span<const double> x) {
            double sum = b;
            for (size_t c = 0; c < columns; ++c)
                sum += w[c] * x[c] + w[columns + c] * std::sin(2 * x[c]);
            return sum;
        });
    }
    [[nodiscard]] CounterfactualOptions options(bool constrained) const {
        CounterfactualOptions o;
        if (constrained)
            o.constraints = Constraints::parse(
                "x8", "x9", "x10",
                "x11=" + std::to_string(rules.low) + ":" + std::to_string(rules.high), schema);
        o.constraints.one_hot = find_one_hot(schema, table(columns, cells));
        return o;
    }
};

TEST(Counterfactuals, KeepTheRulesWhateverTheModel) {
    int found = 0, broken_without = 0;
    for (uint64_t seed = 0; seed < 40; ++seed) {
        SCOPED_TRACE(seed);
        RandomTask task(seed);
        task.rules.low = std::stod(std::to_string(task.rules.low));
        task.rules.high = std::stod(std::to_string(task.rules.high));
        const ScoreModel model = task.model();
        const Tensor data = table(columns, task.cells);
        const int64_t before = model.at(task.input)[1] > 0.5 ? 1 : 0;
        const Explanation kept =
            DiverseCounterfactuals(model, task.schema, data, task.options(true))
                .explain(row(task.input), {}, {});
        for (const Counterfactual& one : kept.counterfactuals->found) {
            const std::vector<double> to = one.values.to_doubles();
            EXPECT_TRUE(violations(task.rules, task.input, to).empty())
                << violations(task.rules, task.input, to)[0];
            // Asked again, the model says what the result says.
            EXPECT_EQ(one.valid, (model.at(to)[1] > 0.5 ? 1 : 0) != before);
            EXPECT_EQ(one.prediction, model.at(to)[before]);
            found += one.valid;
        }
        const Explanation free =
            DiverseCounterfactuals(model, task.schema, data, task.options(false))
                .explain(row(task.input), {}, {});
        for (const Counterfactual& one : free.counterfactuals->found)
            broken_without += !violations(task.rules, task.input, one.values.to_doubles()).empty();
    }
    EXPECT_GT(found, 100);
    EXPECT_GT(broken_without, 40) << "the checker, or the test, cannot fail";
}

TEST(Counterfactuals, NeedEachOfTheirChanges) {
    for (uint64_t seed = 100; seed < 120; ++seed) {
        const RandomTask task(seed);
        const ScoreModel model = task.model();
        const int64_t before = model.at(task.input)[1] > 0.5 ? 1 : 0;
        const Explanation e = DiverseCounterfactuals(model, task.schema, table(columns, task.cells),
                                                     task.options(false))
                                  .explain(row(task.input), {}, {});
        for (const Counterfactual& one : e.counterfactuals->found) {
            ASSERT_TRUE(one.valid);
            for (const Counterfactual::Change& change : one.changes) {
                std::vector<double> back = one.values.to_doubles();
                const bool block = change.feature >= 5 && change.feature <= 7;
                for (size_t c = block ? 5 : change.feature;
                     c <= (block ? 7 : static_cast<size_t>(change.feature)); ++c)
                    back[c] = task.input[c];
                EXPECT_EQ(model.at(back)[1] > 0.5 ? 1 : 0, before) << change.name;
            }
        }
    }
}

TEST(Counterfactuals, SparsityOffKeepsRowsAsTheyAre) {
    const RandomTask task(3);
    const ScoreModel model = task.model();
    CounterfactualOptions dense = task.options(false);
    dense.sparsity = false;
    const Tensor data = table(columns, task.cells);
    const auto changes = [&](const CounterfactualOptions& o) {
        const Explanation e =
            DiverseCounterfactuals(model, task.schema, data, o).explain(row(task.input), {}, {});
        double sum = 0;
        for (const Counterfactual& one : e.counterfactuals->found) sum += one.distance;
        return sum;
    };
    EXPECT_GT(changes(dense), changes(task.options(false)));
}

// ---- how near: against all rows of a grid

TEST(Counterfactuals, AreNearlyTheNearestOfAGrid) {
    constexpr int side = 6;
    double ratios = 0, worst = 0;
    int exact = 0, tasks = 0;
    std::vector<double> cells;
    for (int a = 0; a < side; ++a)
        for (int b = 0; b < side; ++b)
            for (int c = 0; c < side; ++c)
                for (int d = 0; d < side; ++d)
                    for (const int v : {a, b, c, d}) cells.push_back(v);
    const Tensor data = table(4, cells);
    const Schema schema = numbers(4);
    for (uint64_t seed = 0; seed < 60; ++seed) {
        Rng rng(seed, 7, 0);
        std::vector<double> w;
        for (int i = 0; i < 10; ++i) w.push_back(rng.normal());
        const ScoreModel model = two_classes(4, [w](std::span<const double> x) {
            double sum = 3 * w[8];
            for (size_t i = 0; i < 4; ++i)
                sum += w[i] * (x[i] - 2.5) + 0.6 * w[4 + i] * std::sin(x[i] * 1.7 + w[9]);
            return sum + 0.4 * w[9] * (x[0] - 2) * (x[1] - 3);
        });
        std::vector<double> input;
        for (int i = 0; i < 4; ++i) input.push_back(static_cast<double>(rng.below(side)));
        const bool before = model.at(input)[1] > 0.5;
        double nearest = INFINITY;
        for (size_t i = 0; i < cells.size(); i += 4)
            if ((model.at({&cells[i], 4})[1] > 0.5) != before)
                nearest = std::min(nearest, slow_distance(data, input, {&cells[i], 4}));
        if (std::isinf(nearest)) continue;
        CounterfactualOptions options;
        options.count = 1;
        const Explanation e =
            DiverseCounterfactuals(model, schema, data, options).explain(row(input), {}, {});
        const Counterfactual& one = e.counterfactuals->found.at(0);
        ASSERT_TRUE(one.valid);
        EXPECT_NEAR(one.distance, slow_distance(data, input, one.values.to_doubles()), 1e-9);
        EXPECT_EQ(*one.to_data, 0);  // the data are the grid
        ASSERT_GE(one.distance, nearest - 1e-9);
        const double ratio = one.distance / nearest;
        ratios += ratio, worst = std::max(worst, ratio), exact += ratio < 1 + 1e-9, ++tasks;
    }
    ASSERT_GT(tasks, 40);
    EXPECT_LT(ratios / tasks, 1.05);
    EXPECT_LT(worst, 2.01);
    EXPECT_GT(exact, 0.9 * tasks);
}

// ---- odd tables and odd wishes

TEST(Counterfactuals, MissingConstantAndCategoricalColumns) {
    Schema schema = numbers(4);
    schema[1].allows_missing = true;
    schema[2].categories = {"red", "green", "blue"};
    const double nan = std::nan("");
    std::vector<double> cells;
    for (int i = 0; i < 30; ++i)
        for (const double v :
             {static_cast<double>(i), i % 4 == 0 ? nan : i * 0.5, static_cast<double>(i % 3), 7.0})
            cells.push_back(v);
    const ScoreModel model = two_classes(4, [](std::span<const double> x) {
        return (std::isnan(x[1]) ? -2 : 1) + (x[2] == 2 ? 4.0 : 0.0) - 3;
    });
    CounterfactualOptions options;
    options.count = 2;
    const Explanation e = DiverseCounterfactuals(model, schema, table(4, cells), options)
                              .explain(row({3, nan, 0, 7}), {}, {});
    ASSERT_TRUE(*e.diagnostics.converged == false || e.counterfactuals->found.size() == 2);
    const Counterfactual& one = e.counterfactuals->found.at(0);
    EXPECT_TRUE(one.valid);
    const std::vector<double> to = one.values.to_doubles();
    EXPECT_EQ(to[0], 3);
    EXPECT_FALSE(std::isnan(to[1]));
    EXPECT_EQ(to[2], 2);
    EXPECT_EQ(to[3], 7);
    EXPECT_EQ(one.distance, 2);  // from missing to a number, and another category
    ASSERT_EQ(one.changes.size(), 2U);
    EXPECT_EQ(one.changes[0].from, "missing");
    EXPECT_EQ(one.changes[1].to, "blue");
    EXPECT_EQ(one.values.type(), ElementType::float64);
    // NaN where the column has none is refused.
    EXPECT_NE(
        message_of(ErrorKind::input,
                   [&] {
                       static_cast<void>(DiverseCounterfactuals(model, schema, table(4, cells))
                                             .explain(row({nan, 1, 0, 7}), {}, {}));
                   })
            .find("'x0'"),
        std::string::npos);
}

TEST(Counterfactuals, KeepTheDecimalsOfTheData) {
    const ScoreModel model =
        two_classes(2, [](std::span<const double> x) { return x[0] + x[1] - 11.237; });
    const Tensor data = table(2, {1.25, 3, 2.5, 4, 8.75, 9, 9.99, 12, 0.01, 1});
    const Explanation e =
        DiverseCounterfactuals(model, numbers(2), data).explain(row({1.25, 3}), {}, {});
    for (const Counterfactual& one : e.counterfactuals->found) {
        const std::vector<double> to = one.values.to_doubles();
        EXPECT_NEAR(to[0] * 100, std::round(to[0] * 100), 1e-9);
        EXPECT_EQ(to[1], std::round(to[1]));
        EXPECT_TRUE(one.valid);
    }
}

TEST(Counterfactuals, OfARegressionLieInTheRange) {
    const ScoreModel model = number(2, [](std::span<const double> x) { return x[0] - 2 * x[1]; });
    const Tensor data = table(2, {0.123456789, 1, 2.5, 0.1, 4.4, 0.9, 5, 3, 1, 0});
    CounterfactualOptions options;
    options.wanted = Wanted::parse("2.5..3", {});
    const Explanation e =
        DiverseCounterfactuals(model, numbers(2), data, options).explain(row({1, 1}), {}, {});
    EXPECT_EQ(e.counterfactuals->wanted, "from 2.5 to 3");
    EXPECT_EQ(e.target.value, -1);
    for (const Counterfactual& one : e.counterfactuals->found) {
        EXPECT_TRUE(one.valid);
        EXPECT_GE(one.prediction, 2.5);
        EXPECT_LE(one.prediction, 3);
    }
    EXPECT_NE(message_of(ErrorKind::usage,
                         [&] {
                             static_cast<void>(DiverseCounterfactuals(model, numbers(2), data)
                                                   .explain(row({1, 1}), {}, {}));
                         })
                  .find("a number, not a class"),
              std::string::npos);
}

TEST(Counterfactuals, SayWhereThereIsNone) {
    const ScoreModel model(2, 3, [](std::span<const double> x) {
        const double p = sigmoid(x[0]);
        return std::vector<double>{0.9 * p, 0.9 * (1 - p), 0.1};
    });
    const Tensor data = table(2, {-1, 0, 1, 2, 3, 1, -2, 0});
    CounterfactualOptions options;
    options.wanted.index = 2;
    const Explanation e =
        DiverseCounterfactuals(model, numbers(2), data, options).explain(row({3, 1}), {}, {});
    EXPECT_EQ(e.diagnostics.converged, false);
    ASSERT_EQ(e.counterfactuals->found.size(), 1U);
    EXPECT_FALSE(e.counterfactuals->found[0].valid);
    EXPECT_NE(e.diagnostics.notes.at(0).find("no row was found"), std::string::npos);
    // The nearest to it is where 0 and 1 come nearest to a tie: of the data's values -1 or 1.
    EXPECT_EQ(std::abs(e.counterfactuals->found[0].values.to_doubles()[0]), 1);
}

TEST(Counterfactuals, FixedColumnsCanMakeItImpossible) {
    const ScoreModel model = two_classes(2, [](std::span<const double> x) { return x[0]; });
    CounterfactualOptions options;
    options.constraints.fixed = {"x0"};
    const Explanation e =
        DiverseCounterfactuals(model, numbers(2), table(2, {-1, 0, 1, 2, 3, 1}), options)
            .explain(row({1, 1}), {}, {});
    EXPECT_EQ(e.diagnostics.converged, false);
    EXPECT_FALSE(e.counterfactuals->found.at(0).valid);
    EXPECT_TRUE(e.counterfactuals->found.at(0).changes.empty());
}

TEST(Counterfactuals, OfTheAnswerThatIsThereAlreadyAreTheRowItself) {
    const ScoreModel model = two_classes(2, [](std::span<const double> x) { return x[0]; });
    CounterfactualOptions options;
    options.wanted.index = 1;
    const Explanation e =
        DiverseCounterfactuals(model, numbers(2), table(2, {-1, 0, 1, 2}), options)
            .explain(row({1, 1}), {}, {});
    EXPECT_EQ(e.diagnostics.converged, true);
    EXPECT_TRUE(e.counterfactuals->found.at(0).changes.empty());
    EXPECT_EQ(e.counterfactuals->found.at(0).distance, 0);
}

TEST(Counterfactuals, AModelOfNotANumberIsNoAnswer) {
    const ScoreModel model =
        two_classes(1, [](std::span<const double> x) { return x[0] < 0 ? std::nan("") : 1.0; });
    const Explanation e = DiverseCounterfactuals(model, numbers(1), table(1, {-1, 0, 1, 2}), {})
                              .explain(row({1}), {}, {});
    EXPECT_EQ(e.diagnostics.converged, false);
    EXPECT_FALSE(e.counterfactuals->found.at(0).valid);
}

TEST(Counterfactuals, DiversityMakesThemDiffer) {
    const ScoreModel model =
        two_classes(3, [](std::span<const double> x) { return x[0] + x[1] + 0.9 * x[2] - 3; });
    Rng rng(5, 0, 0);
    std::vector<double> cells;
    for (int i = 0; i < 300; ++i) cells.push_back(2 * rng.normal());
    const auto spread = [&](double diversity) {
        CounterfactualOptions options;
        options.count = 3;
        options.diversity = diversity;
        const Explanation e = DiverseCounterfactuals(model, numbers(3), table(3, cells), options)
                                  .explain(row({0, 0, 0}), {}, {});
        double sum = 0, far = 0;
        const auto& found = e.counterfactuals->found;
        for (size_t i = 0; i < found.size(); ++i) {
            far += found[i].distance;
            for (size_t j = 0; j < i; ++j)
                sum += slow_distance(table(3, cells), found[i].values.to_doubles(),
                                     found[j].values.to_doubles());
        }
        return std::pair(sum, far);
    };
    EXPECT_GT(spread(10).first, spread(0).first);
    EXPECT_LE(spread(0).second, spread(10).second);
}

// ---- how it runs

TEST(Counterfactuals, SameBitsOnAnyNumberOfThreads) {
    const RandomTask task(11);
    const ScoreModel model = task.model();
    std::vector<std::vector<double>> all;
    for (const int threads : {1, 2, 8}) {
        ::whence::Run run;
        run.threads = threads;
        const Explanation e = DiverseCounterfactuals(model, task.schema, table(columns, task.cells),
                                                     task.options(true))
                                  .explain(row(task.input), {}, run);
        all.emplace_back();
        for (const Counterfactual& one : e.counterfactuals->found) {
            const std::vector<double> values = one.values.to_doubles();
            all.back().insert(all.back().end(), values.begin(), values.end());
            all.back().push_back(one.distance);
            all.back().push_back(*one.to_data);
        }
    }
    EXPECT_EQ(all[0], all[1]);
    EXPECT_EQ(all[0], all[2]);
}

TEST(Counterfactuals, StayWithinBudgetAndTime) {
    const RandomTask task(12);
    const ScoreModel model = task.model();
    CounterfactualOptions options = task.options(true);
    options.budget = 50;
    const Explanation e =
        DiverseCounterfactuals(model, task.schema, table(columns, task.cells), options)
            .explain(row(task.input), {}, {});
    EXPECT_LE(e.provenance.evaluations, 50 + options.count);
    EXPECT_LE(model.asked, 50 + options.count + 1);
    ::whence::Run late;
    late.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
    EXPECT_NE(
        message_of(ErrorKind::limit,
                   [&] {
                       static_cast<void>(DiverseCounterfactuals(model, task.schema,
                                                                table(columns, task.cells), options)
                                             .explain(row(task.input), {}, late));
                   })
            .find("time limit"),
        std::string::npos);
}

TEST(Counterfactuals, ManyColumns) {
    constexpr int64_t wide = 5000;
    const ScoreModel model =
        two_classes(wide, [](std::span<const double> x) { return x[17] + x[4000] - 3; });
    std::vector<double> cells(20 * wide, 0.0);
    for (size_t i = 0; i < cells.size(); ++i) cells[i] = static_cast<double>(i % 7 + i / wide % 3);
    const Explanation e = DiverseCounterfactuals(model, numbers(wide), table(wide, cells), {})
                              .explain(row(std::vector<double>(wide, 0.0)), {}, {});
    EXPECT_TRUE(e.counterfactuals->found.at(0).valid);
    EXPECT_LE(e.counterfactuals->found.at(0).changes.size(), 2U);
}

TEST(Counterfactuals, SenselessOptions) {
    const ScoreModel model = two_classes(1, [](std::span<const double> x) { return x[0]; });
    const auto explain = [&](CounterfactualOptions options) {
        static_cast<void>(
            DiverseCounterfactuals(model, numbers(1), table(1, {1, 2}), std::move(options))
                .explain(row({1}), {}, {}));
    };
    CounterfactualOptions options;
    options.count = 0;
    EXPECT_NE(message_of(ErrorKind::usage, [&] { explain(options); }).find("count"),
              std::string::npos);
    options = {};
    options.diversity = std::nan("");
    EXPECT_NE(message_of(ErrorKind::usage, [&] { explain(options); }).find("diversity"),
              std::string::npos);
    options = {};
    options.wanted.index = 5;
    EXPECT_NE(message_of(ErrorKind::usage, [&] { explain(options); }).find("class 5"),
              std::string::npos);
    options = {};
    options.constraints.ranges = {{.feature = "x0", .low = 2, .high = 3, .categories = {}}};
    EXPECT_NE(message_of(ErrorKind::usage, [&] { explain(options); }).find("outside"),
              std::string::npos);
    EXPECT_NE(
        message_of(
            ErrorKind::input,
            [&] {
                DiverseCounterfactuals(model, numbers(1), Tensor(ElementType::float64, {0, 1}));
            })
            .find("no rows"),
        std::string::npos);
}

}  // namespace
}  // namespace whence
