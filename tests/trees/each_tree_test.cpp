// What each tree adds: margins and values add up to those of the ensemble, and each is what an
// ensemble of that tree says.

#include "whence/trees/shap/each_tree.h"

#include <gtest/gtest.h>

#include "trees/shap_compare.h"
#include "trees/shap_ensembles.h"
#include "trees/shap_oracle.h"
#include "whence/core/error.h"
#include "whence/trees/predict.h"
#include "whence/trees/shap/interventional.h"

namespace whence::trees::testing {
namespace {

std::vector<EnsembleRecipe> recipes() {
    return {{.trees = 7, .category_chance = 0.3},
            {.trees = 7, .outputs = 3},
            {.trees = 4, .outputs = 3, .vector_leaves = true},
            {.trees = 3, .depth = 0}};
}

TEST(EachTree, MarginsAddUpToTheMargin) {
    for (const EnsembleRecipe& recipe : recipes()) {
        const Ensemble ensemble = make_ensemble(recipe);
        const int64_t outputs = ensemble.outputs(), trees = std::ssize(ensemble.trees());
        const std::vector<double> data = make_rows(600, recipe.features, 5);
        const Predictor predictor(ensemble);
        const std::vector<double> all = predictor.margins(view(data, recipe.features), {});
        const std::vector<double> each = predictor.tree_margins(view(data, recipe.features), {});
        ASSERT_EQ(std::ssize(each), 600 * trees * outputs);
        for (int64_t i = 0; i < 600; ++i)
            for (int64_t k = 0; k < outputs; ++k) {
                double sum = ensemble.parts().base[k];
                for (int64_t t = 0; t < trees; ++t) sum += each[(i * trees + t) * outputs + k];
                ASSERT_NEAR(sum, all[i * outputs + k], 1e-12);
            }
        // of one tree: the leaf that the oracle walks to
        const auto everyone = [](int32_t) { return true; };
        const Tree& last = ensemble.trees().back();
        for (int64_t i = 0; i < 20; ++i)
            for (int64_t k = 0; k < outputs; ++k) {
                double want = 0;
                if (last.width > 1 || last.output == k)
                    want = path_dependent_value(ensemble, last, view(data, recipe.features).row(i),
                                                everyone,
                                                last.width > 1 ? static_cast<int32_t>(k) : 0) /
                           ensemble.parts().divisor;
                EXPECT_EQ(each[((i + 1) * trees - 1) * outputs + k], want);
            }
        EXPECT_EQ(each, predictor.tree_margins(view(data, recipe.features), {.threads = 3}));
    }
    const std::vector<double> narrow(3);
    EXPECT_THROW((void)Predictor(make_ensemble({})).tree_margins(view(narrow, 3), {}), Error);
}

void expect_sum(const Ensemble& ensemble, const std::vector<double>& data,
                const std::optional<MatrixView<const double>>& background,
                const TreeShapValues& all) {
    const auto each = values_of_trees(ensemble, view(data, ensemble.features()), background,
                                      {.precision = Precision::float64}, {});
    ASSERT_EQ(each.size(), ensemble.trees().size());
    std::vector<double> values(all.values.size(), 0), margins(all.margins.size(), 0);
    for (const TreeShapValues& tree : each) {
        EXPECT_LT(largest(tree.gaps), 1e-12);
        for (size_t i = 0; i < values.size(); ++i) values[i] += tree.values[i];
        for (size_t i = 0; i < margins.size(); ++i) margins[i] += tree.margins[i];
    }
    EXPECT_LT(error_of(values, all.values), 1e-11);
    for (size_t i = 0; i < margins.size(); ++i)
        EXPECT_NEAR(margins[i] + ensemble.parts().base[i % ensemble.outputs()], all.margins[i],
                    1e-12);
}

TEST(EachTree, ValuesAddUpToTheValues) {
    for (const EnsembleRecipe& recipe : recipes()) {
        const Ensemble ensemble = make_ensemble(recipe);
        const std::vector<double> data = make_rows(20, recipe.features, 5);
        const std::vector<double> others = make_rows(9, recipe.features, 6);
        const MatrixView<const double> rows = view(data, recipe.features),
                                       background = view(others, recipe.features);
        const TreeShapOptions exact{.precision = Precision::float64};
        expect_sum(ensemble, data, std::nullopt, TreeShap(ensemble, exact).values(rows, {}));
        expect_sum(ensemble, data, background,
                   InterventionalShap(ensemble, background, {}, exact).values(rows, {}));
    }
}

}  // namespace
}  // namespace whence::trees::testing
