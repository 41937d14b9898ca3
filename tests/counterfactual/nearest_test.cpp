#include <algorithm>

#include "models.h"
#include "whence/counterfactual/counterfactual.h"

namespace whence {
namespace {

using namespace testing;

TEST(NearestUnlikeNeighbour, IsTheNearestOfAllRows) {
    for (uint64_t seed = 0; seed < 30; ++seed) {
        SCOPED_TRACE(seed);
        Rng rng(seed, 2, 0);
        std::vector<double> cells, w;
        for (int i = 0; i < 5 * 200; ++i) cells.push_back(rng.normal());
        for (int i = 0; i < 6; ++i) w.push_back(rng.normal());
        const ScoreModel model = two_classes(5, [w](std::span<const double> x) {
            double sum = w[5];
            for (size_t i = 0; i < 5; ++i) sum += w[i] * x[i];
            return sum;
        });
        const std::vector<double> input(cells.begin(), cells.begin() + 5);
        const bool before = model.at(input)[1] > 0.5;
        const Tensor data = table(5, cells);
        CounterfactualOptions options;
        options.count = 3;
        options.constraints.increasing = {"x1"};
        std::vector<double> all;  // distances of the rows that are allowed and valid
        for (size_t i = 0; i < cells.size(); i += 5)
            if ((model.at({&cells[i], 5})[1] > 0.5) != before && cells[i + 1] >= input[1])
                all.push_back(slow_distance(data, input, {&cells[i], 5}));
        std::ranges::sort(all);
        const Explanation e =
            NearestUnlikeNeighbour(model, numbers(5), data, options).explain(row(input), {}, {});
        const auto& found = e.counterfactuals->found;
        if (all.empty()) {
            EXPECT_EQ(e.diagnostics.converged, false);
            continue;
        }
        ASSERT_EQ(found.size(), std::min<size_t>(3, all.size()));
        EXPECT_EQ(e.diagnostics.converged, all.size() >= 3);
        for (size_t i = 0; i < found.size(); ++i) {
            EXPECT_NEAR(found[i].distance, all[i], 1e-9);
            EXPECT_EQ(*found[i].to_data, 0);
            EXPECT_TRUE(found[i].valid);
            EXPECT_GE(found[i].values.to_doubles()[1], input[1]);
        }
    }
}

TEST(NearestUnlikeNeighbour, AsksFewRowsWhereOneIsNear) {
    const ScoreModel model = two_classes(1, [](std::span<const double> x) { return x[0] - 0.5; });
    std::vector<double> cells;
    for (int i = 0; i < 5000; ++i) cells.push_back(i % 100);
    CounterfactualOptions options;
    options.count = 1;
    const Explanation e = NearestUnlikeNeighbour(model, numbers(1), table(1, cells), options)
                              .explain(row({0}), {}, {});
    EXPECT_EQ(e.counterfactuals->found.at(0).values.to_doubles()[0], 1);
    EXPECT_LT(e.provenance.evaluations, 200);
}

TEST(NearestUnlikeNeighbour, SaysWhereThereIsNone) {
    const ScoreModel model = two_classes(1, [](std::span<const double> x) { return x[0] - 5; });
    const Explanation e = NearestUnlikeNeighbour(model, numbers(1), table(1, {1, 2, 3}), {})
                              .explain(row({2}), {}, {});
    EXPECT_EQ(e.diagnostics.converged, false);
    ASSERT_EQ(e.counterfactuals->found.size(), 1U);
    EXPECT_FALSE(e.counterfactuals->found[0].valid);
    EXPECT_EQ(e.counterfactuals->found[0].values.to_doubles()[0], 3);
    CounterfactualOptions options;
    options.constraints.ranges = {{.feature = "x0", .low = 1.5, .high = 1.75, .categories = {}}};
    const Explanation none = NearestUnlikeNeighbour(model, numbers(1), table(1, {1, 2, 3}), options)
                                 .explain(row({1.6}), {}, {});
    EXPECT_TRUE(none.counterfactuals->found.empty());
    EXPECT_NE(none.diagnostics.notes.back().find("allow no row"), std::string::npos);
}

TEST(NearestUnlikeNeighbour, EqualRowsCountOnce) {
    const ScoreModel model = two_classes(2, [](std::span<const double> x) { return x[0]; });
    Schema schema = numbers(2);
    schema[1].allows_missing = true;
    const double nan = std::nan("");
    const Explanation e =
        NearestUnlikeNeighbour(model, schema, table(2, {-1, nan, -1, nan, -1, nan, -3, 2}), {})
            .explain(row({1, nan}), {}, {});
    EXPECT_EQ(e.counterfactuals->found.size(), 2U);
}

}  // namespace
}  // namespace whence
