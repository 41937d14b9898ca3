// A real table with categories and whole numbers: COMPAS (skipped where the data are missing).

#include <filesystem>

#include "models.h"
#include "whence/counterfactual/counterfactual.h"
#include "whence/data/csv.h"

namespace whence {
namespace {

using namespace testing;

TEST(Compas, ActionableChangesOnly) {
    const auto path =
        std::filesystem::path(WHENCE_SHARED_DIR) / "data/tabular/compas_two_years.csv";
    if (!std::filesystem::exists(path)) GTEST_SKIP() << "no shared data here";
    const std::vector<std::string> names = {"sex",           "age",          "race",
                                            "juv_fel_count", "priors_count", "c_charge_degree"};
    const data::Table people = data::read_csv(path).select(names);
    const Tensor cells = people.matrix();
    ASSERT_EQ(people.schema[0].categories.size(), 2U);
    const ScoreModel model = two_classes(6, [](std::span<const double> x) {
        return 0.4 - 0.045 * (x[1] - 34) + 0.16 * (x[4] - 3) + 0.3 * x[3] + 0.35 * x[0] -
               0.2 * x[5];
    });
    CounterfactualOptions options;
    options.count = 3;
    options.constraints = Constraints::parse("sex,race", "age", "priors_count", "", people.schema);
    const DiverseCounterfactuals made(model, people.schema, cells, options);
    const NearestUnlikeNeighbour real(model, people.schema, cells, options);
    int found = 0;
    for (int64_t i = 0; i < 40; ++i) {
        const Tensor one = cells.slice_rows(i * 100, 1);
        const std::vector<double> from = one.to_doubles();
        for (const Explainer* method :
             {static_cast<const Explainer*>(&made), static_cast<const Explainer*>(&real)}) {
            const Explanation e = method->explain(Batch(one), {}, {});
            for (const Counterfactual& c : e.counterfactuals->found) {
                if (!c.valid) continue;
                ++found;
                const std::vector<double> to = c.values.to_doubles();
                EXPECT_EQ(to[0], from[0]);
                EXPECT_EQ(to[2], from[2]);
                EXPECT_GE(to[1], from[1]);
                EXPECT_LE(to[4], from[4]);
                for (const double v : to) EXPECT_EQ(v, std::round(v));
                EXPECT_NE(model.at(to)[1] > 0.5, model.at(from)[1] > 0.5);
            }
        }
    }
    EXPECT_GT(found, 100);
}

}  // namespace
}  // namespace whence
