// Branch and bound against every point of small spaces.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "random_ensembles.h"
#include "whence/core/error.h"
#include "whence/trees/ensemble_model.h"
#include "whence/trees/search/cells.h"
#include "whence/trees/search/search.h"

namespace whence::trees {
namespace {

using testing::RandomEnsembles;
using testing::RandomShape;

constexpr double infinity = std::numeric_limits<double>::infinity();

// A value of each cell, a missing one too, at random costs (rising from a random cell on).
std::vector<Variable> variables_of(const Ensemble& ensemble, RandomEnsembles& random, bool pairs) {
    std::vector<Variable> out;
    const auto cells = cells_of(ensemble);
    for (int64_t column = 0; column < ensemble.features(); ++column) {
        Variable variable{.columns = {column}, .choices = {}};
        std::vector<double> values;
        for (const Cell& cell : cells[column])
            if (const auto value = nearest_in(cell, 0, {})) values.push_back(*value);
        const int home = random.pick(static_cast<int>(values.size()));
        for (int i = 0; i < static_cast<int>(values.size()); ++i)
            variable.choices.push_back(
                {{values[i]}, i == home ? 0 : std::abs(i - home) + 0.25 * random.pick(3)});
        if (random.pick(2)) variable.choices.push_back({{std::nan("")}, random.pick(2) * 1.0});
        // Columns that change together are one variable.
        if (pairs && column == 1) {
            Variable both{.columns = {0, 1}, .choices = {}};
            for (const Choice& a : out[0].choices)
                for (const Choice& b : variable.choices)
                    if (random.pick(3) == 0)
                        both.choices.push_back({{a.values[0], b.values[0]}, a.cost + b.cost});
            if (both.choices.empty()) both.choices.push_back({{0, 0}, 1});
            out = {both};
            continue;
        }
        out.push_back(std::move(variable));
    }
    return out;
}

template <class See>
void each_point(const Space& space, const Box& box, See see) {
    std::vector<int32_t> choices(static_cast<size_t>(space.variables()), 0);
    for (;;) {
        bool in = true;
        double cost = 0;
        for (int64_t v = 0; v < space.variables(); ++v) {
            in = in && holds(space, v, choices[v], box);
            cost += space.variable(v).choices[choices[v]].cost;
        }
        if (in) see(choices, cost);
        size_t v = 0;
        while (v < choices.size() &&
               ++choices[v] ==
                   static_cast<int32_t>(space.variable(static_cast<int64_t>(v)).choices.size()))
            choices[v++] = 0;
        if (v == choices.size()) return;
    }
}

std::vector<double> answer_of(const EnsembleModel& model, const std::vector<double>& row) {
    const Tensor rows = Tensor::of<double>({1, static_cast<int64_t>(row.size())}, row);
    return model.predict(Batch({{"features", rows}}), {})[0].value.to_doubles();
}

int64_t top(const std::vector<double>& scores) {
    return std::ranges::max_element(scores) - scores.begin();
}

struct Case {
    Goal goal;
    std::function<bool(const std::vector<double>&)> accepted;  // of what the model answers first
};

Case case_of(const Ensemble& ensemble, RandomEnsembles& random) {
    const EnsembleModel model(ensemble);
    const int64_t classes = classes_of(ensemble);
    const double low = 0.3 * random.number() + (classes > 0 ? 0.5 : 0), high = low + 0.3;
    ResolvedTarget target{.output = model.outputs()[0].name,
                          .index = random.pick(static_cast<int>(model.outputs()[0].shape[1])),
                          .minus = std::nullopt,
                          .scale = model.outputs()[0].scale,
                          .output_scale = model.outputs()[0].scale,
                          .classes = model.outputs()[0].shape[1]};
    const int64_t k = target.index;
    switch (random.pick(classes > 0 ? 4 : 2)) {
        case 0:
            return {range_goal(ensemble, target, low, high),
                    [=](const auto& s) { return s[k] >= low && s[k] <= high; }};
        case 1:
            return {outside_goal(ensemble, target, low, high),
                    [=](const auto& s) { return s[k] <= low || s[k] >= high; }};
        case 2:
            return {class_goal(ensemble, k), [=](const auto& s) { return top(s) == k; }};
        default:
            return {other_class_goal(ensemble, k), [=](const auto& s) { return top(s) != k; }};
    }
}

// What is asked is what brute force finds, of every kind of ensemble and goal; with half of the
// choices at random, too.
TEST(Search, FindsTheCheapestPointOrProvesThatThereIsNone) {
    int found_some = 0, found_none = 0;
    for (unsigned seed = 0; seed < 300; ++seed) {
        SCOPED_TRACE(seed);
        RandomEnsembles random(seed);
        RandomShape shape{.trees = 2 + random.pick(6),
                          .features = 3,
                          .outputs = 1 + random.pick(3),
                          .depth = 2 + random.pick(2)};
        shape.vector_leaves = shape.outputs > 1 && random.pick(2);
        EnsembleParts parts = random.parts(shape);
        parts.link =
            shape.outputs > 1
                ? std::vector{Link::softmax, Link::logistic, Link::identity}[random.pick(3)]
                : std::vector{Link::logistic, Link::identity, Link::exponential, Link::softplus,
                              Link::signed_square}[random.pick(5)];
        parts.divisor = 1 + random.pick(2);
        if (random.pick(4) == 0) parts.zero_is_missing.assign(3, true);
        const Ensemble ensemble = Ensemble::build(std::move(parts));
        const EnsembleModel model(ensemble);
        const Space space(ensemble, std::vector<double>(3, 0.5),
                          variables_of(ensemble, random, random.pick(3) == 0));
        const Case wanted = case_of(ensemble, random);
        const auto accepts = [&](std::span<const double> row) {
            return wanted.accepted(answer_of(model, {row.begin(), row.end()}));
        };
        Box box = whole(space);
        if (random.pick(2)) {
            const int64_t v = random.pick(static_cast<int>(space.variables()));
            const size_t size = space.variable(v).choices.size();
            std::vector<uint8_t> marks(size, 0);
            const size_t first = static_cast<size_t>(random.pick(static_cast<int>(size)));
            std::fill(marks.begin() + static_cast<int64_t>(first), marks.end(), 1);
            keep(space, v, marks, box);
        }
        double least = infinity;
        each_point(space, box, [&](const std::vector<int32_t>& choices, double cost) {
            if (cost < least && accepts(space.row(choices))) least = cost;
        });
        Search search(space, wanted.goal, accepts);
        const Found any = search.any(box, {}, {});
        EXPECT_TRUE(any.complete);
        EXPECT_EQ(any.point.has_value(), least < infinity);
        if (any.point) {
            EXPECT_TRUE(accepts(space.row(any.point->choices)));
        }
        const Found found = search.cheapest(box, {}, {});
        EXPECT_TRUE(found.complete);
        ASSERT_EQ(found.point.has_value(), least < infinity);
        (found.point ? found_some : found_none)++;
        if (!found.point) {
            EXPECT_EQ(found.lower_bound, infinity);
            continue;
        }
        EXPECT_NEAR(found.point->cost, least, 1e-9);
        EXPECT_NEAR(found.lower_bound, least, 1e-9);
        EXPECT_TRUE(accepts(space.row(found.point->choices)));
        for (int64_t v = 0; v < space.variables(); ++v)
            EXPECT_TRUE(holds(space, v, found.point->choices[v], box));

        // Ended early it bounds from below, and never says more than it knows.
        for (const int64_t boxes : {1, 3, 10, 30}) {
            const Found early = search.cheapest(box, {.boxes = boxes}, {});
            EXPECT_LE(early.lower_bound, least + 1e-9);
            if (early.complete) {
                EXPECT_NEAR(early.point.value().cost, least, 1e-9);
            }
            if (early.point) {
                EXPECT_GE(early.point->cost, least - 1e-9);
            }
        }
    }
    EXPECT_GT(found_some, 100);
    EXPECT_GT(found_none, 10);
}

// The negative control: a goal that forgets a condition is found out.
TEST(Search, AGoalThatIsTooNarrowIsNoticedByBruteForce) {
    RandomEnsembles random(5);
    const Ensemble ensemble =
        Ensemble::build(random.parts({.trees = 4, .features = 2, .depth = 3}));
    const Space space(ensemble, std::vector<double>(2, 0.5), variables_of(ensemble, random, false));
    const auto always = [](std::span<const double>) { return true; };
    const Goal never = {{{.forms = {{.plus = 0}}, .need = 1e6}}};
    EXPECT_FALSE(Search(space, never, always).cheapest(whole(space), {}, {}).point);
    EXPECT_TRUE(Search(space, {{}}, always).cheapest(whole(space), {}, {}).point);
    EXPECT_FALSE(Search(space, {}, always).cheapest(whole(space), {}, {}).point);
}

// A split that only asks whether a value is missing cuts no line, and is read all the same.
TEST(Cells, ASplitOnMissingValuesAloneIsRead) {
    EnsembleParts parts{.features = 2, .base = {0}};
    Tree tree{.values = {0, 1}};
    tree.nodes = {
        {.feature = 1, .left = 1, .right = 2, .threshold = infinity, .missing_left = false},
        {.leaf = 0},
        {.leaf = 1}};
    parts.trees.push_back(tree);
    const Ensemble ensemble = Ensemble::build(parts);
    EXPECT_EQ(cells_of(ensemble)[1].size(), 1U);
    EXPECT_EQ(read_columns(ensemble), (std::vector<uint8_t>{0, 1}));
}

TEST(Cells, PartTheLineWhereTreesDo) {
    for (unsigned seed = 0; seed < 50; ++seed) {
        RandomEnsembles random(seed);
        EnsembleParts parts = random.parts({.trees = 4, .features = 1, .depth = 3});
        if (random.pick(2)) parts.zero_is_missing = {true};
        const Ensemble ensemble = Ensemble::build(std::move(parts));
        const std::vector<Cell> cells = cells_of(ensemble)[0];
        EXPECT_EQ(cells.front().above, -infinity);
        EXPECT_EQ(cells.back().upto, infinity);
        for (size_t i = 1; i < cells.size(); ++i) EXPECT_EQ(cells[i].above, cells[i - 1].upto);
        for (int i = 0; i < 200; ++i) {
            const double x = random.pick(2) ? random.pick(12) - 2 : 9 * random.number();
            const double read = static_cast<float>(x);
            const auto cell =
                std::ranges::find_if(cells, [&](const Cell& c) { return c.holds(read); });
            ASSERT_NE(cell, cells.end());
            const auto other = nearest_in(*cell, 9 * random.number(), {});
            ASSERT_TRUE(other);
            EXPECT_EQ(testing::slow_margins(ensemble, &x), testing::slow_margins(ensemble, &*other))
                << x << " " << *other;
        }
    }
}

TEST(Cells, TheNearestValueIsTheFirstOneBehindTheThreshold) {
    const Cell cell{0.1F, 0.7F};
    EXPECT_EQ(nearest_in(cell, 0.3, {}), 0.3);
    EXPECT_EQ(nearest_in(cell, -4, {}), std::nextafter(0.1F, 1.0F));
    EXPECT_EQ(nearest_in(cell, 4, {}), 0.7F);
    EXPECT_EQ(nearest_in(cell, -4, {.per_unit = 10}), 0.2);
    EXPECT_EQ(nearest_in(cell, 4, {.per_unit = 10}), 0.7);  // read as 0.7F
    EXPECT_EQ(nearest_in(cell, 4, {.per_unit = 1}), std::nullopt);
    EXPECT_EQ(nearest_in(cell, -4, {.low = 0.25}), 0.25);
    EXPECT_EQ(nearest_in(cell, 4, {.high = 0.5}), 0.5);
    EXPECT_EQ(nearest_in(cell, -4, {.low = 0.8}), std::nullopt);
    const Cell doubles{0.1, 0.7};
    EXPECT_EQ(nearest_in(doubles, -4, {.float_inputs = false}), std::nextafter(0.1, 1.0));
    EXPECT_EQ(nearest_in(doubles, 4, {.float_inputs = false}), 0.7);
    EXPECT_EQ(nearest_in({-infinity, 3}, 5, {}), 3);
    EXPECT_EQ(nearest_in({3, infinity}, 1, {.per_unit = 1}), 4);
}

TEST(Search, StopsWhenItIsToldTo) {
    RandomEnsembles random(3);
    const Ensemble ensemble =
        Ensemble::build(random.parts({.trees = 40, .features = 12, .depth = 6}));
    const Space space(ensemble, std::vector<double>(12, 0.5),
                      variables_of(ensemble, random, false));
    const Goal goal = {{{.forms = {{.plus = 0}}, .need = 9}}};
    const auto never = [](std::span<const double>) { return false; };
    whence::Run late;
    late.deadline = std::chrono::steady_clock::now();
    const Found found = Search(space, goal, never).cheapest(whole(space), {}, late);
    EXPECT_FALSE(found.complete);
    EXPECT_LT(found.boxes, 2000);
    std::stop_source source;
    source.request_stop();
    whence::Run stopped;
    stopped.stop = source.get_token();
    EXPECT_THROW((void)Search(space, goal, never).cheapest(whole(space), {}, stopped), Error);
}

}  // namespace
}  // namespace whence::trees
