// Interaction values against the oracle: every isa, both precisions.

#include <gtest/gtest.h>

#include "trees/shap_compare.h"
#include "trees/shap_ensembles.h"
#include "trees/shap_oracle.h"
#include "whence/core/error.h"
#include "whence/trees/shap/interactions.h"

namespace whence::trees::testing {
namespace {

void expect_interactions(const EnsembleRecipe& recipe, int64_t rows = 30) {
    const Ensemble ensemble = make_ensemble(recipe);
    const std::vector<double> data = make_rows(rows, recipe.features, recipe.seed);
    const auto size = static_cast<size_t>(recipe.features * recipe.features * recipe.outputs);
    std::vector<std::vector<double>> want;
    for (int64_t i = 0; i < rows; ++i)
        want.push_back(brute_force_pairs(
            ensemble, path_dependent_game(ensemble, view(data, recipe.features).row(i))));
    for (const Isa isa : available_isas())
        for (const Precision precision : {Precision::float32, Precision::float64}) {
            const TreeInteractions pairs(ensemble, {.precision = precision, .isa = isa});
            const TreeInteractionValues have = pairs.values(view(data, recipe.features), {});
            const double tolerance = precision == Precision::float32 ? 1e-5 : 1e-9;
            for (int64_t i = 0; i < rows; ++i)
                ASSERT_LT(error_of({have.values.data() + i * size, size}, want[i]), tolerance)
                    << name(isa) << " row " << i;
            EXPECT_LT(largest(have.gaps), tolerance);
            // A row alone goes through another kernel.
            for (int64_t i = 0; i < rows; ++i) {
                const MatrixView<const double> one{data.data() + i * recipe.features, 1,
                                                   recipe.features};
                ASSERT_LT(error_of(pairs.values(one, {}).values, want[i]), tolerance)
                    << name(isa) << " row " << i << " alone";
            }
        }
}

TEST(TreeInteractions, EqualTheOracleAtEveryDepth) {
    for (int depth = 0; depth <= 8; ++depth)
        expect_interactions({.trees = 3, .depth = depth, .features = 8, .seed = 30U + depth});
}

TEST(TreeInteractions, EqualTheOracleWithFeaturesRepeatedOnAPath) {
    for (const uint64_t seed : {1, 2, 3})
        expect_interactions({.trees = 3, .depth = 7, .features = 3, .seed = seed});
    expect_interactions({.trees = 3, .depth = 5, .features = 1});
}

TEST(TreeInteractions, EqualTheOracleWithCategoriesAndCoversOfZero) {
    expect_interactions({.depth = 6, .category_chance = 0.4, .zero_cover_chance = 0.2});
}

TEST(TreeInteractions, EqualTheOracleWithManyOutputs) {
    expect_interactions({.trees = 5, .features = 4, .outputs = 3});
    expect_interactions({.trees = 2, .features = 4, .outputs = 3, .vector_leaves = true});
}

TEST(TreeInteractions, EqualTheOracleOnAPathOf14Features) {
    expect_interactions({.trees = 1, .depth = 14, .features = 14, .chain = true, .distinct = true},
                        4);
}

TEST(TreeInteractions, RowsOfAMatrixAddUpToTheValues) {
    const Ensemble ensemble = make_ensemble({.trees = 50, .depth = 12, .features = 9});
    const std::vector<double> data = make_rows(40, 9, 1);
    const TreeInteractionValues pairs =
        TreeInteractions(ensemble, {.precision = Precision::float64}).values(view(data, 9), {});
    const TreeShapValues shap =
        TreeShap(ensemble, {.precision = Precision::float64}).values(view(data, 9), {});
    for (int64_t i = 0; i < 40 * 9; ++i) {
        double sum = 0;
        for (int64_t j = 0; j < 9; ++j) sum += pairs.values[i * 9 + j];
        EXPECT_NEAR(sum, shap.values[i], 1e-9);
    }
}

TEST(TreeInteractions, SameBitsOnAnyNumberOfThreads) {
    const Ensemble ensemble = make_ensemble({.trees = 40, .depth = 6, .outputs = 2});
    const TreeInteractions pairs(ensemble);
    for (const int64_t rows : {1, 3, 300}) {
        const std::vector<double> data = make_rows(rows, 5, 1);
        const TreeInteractionValues one = pairs.values(view(data, 5), {.threads = 1});
        for (const int threads : {2, 8})
            EXPECT_EQ(one.values, pairs.values(view(data, 5), {.threads = threads}).values);
    }
}

TEST(TreeInteractions, Refuse) {
    EnsembleParts parts = EnsembleMaker({}).parts();
    parts.has_covers = false;
    EXPECT_THROW(TreeInteractions(Ensemble::build(parts)), Error);
    const std::vector<double> narrow(3);
    EXPECT_THROW((void)TreeInteractions(make_ensemble({})).values(view(narrow, 3), {}), Error);
}

}  // namespace
}  // namespace whence::trees::testing
