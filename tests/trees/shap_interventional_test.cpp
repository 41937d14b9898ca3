// Interventional values against the oracle: both ways of the engine, every isa, both precisions.

#include <gtest/gtest.h>

#include <numeric>

#include "trees/shap_compare.h"
#include "trees/shap_ensembles.h"
#include "trees/shap_oracle.h"
#include "whence/core/error.h"
#include "whence/trees/shap/interventional.h"
#include "whence/trees/shap/pattern_tables.h"

namespace whence::trees::testing {
namespace {

std::vector<double> make_weights(int64_t count) {
    std::vector<double> weights(count);
    std::iota(weights.begin(), weights.end(), 0);  // the first row counts for nothing
    return weights;
}

/// Explains `rows` rows, of which the oracle checks the first `checked`, against `background` rows.
void expect_shapley(const EnsembleRecipe& recipe, int64_t rows, int64_t background, int64_t checked,
                    TreeIndex index = TreeIndex::shapley) {
    const Ensemble ensemble = make_ensemble(recipe);
    const int64_t features = recipe.features;
    const int64_t size = features * ensemble.outputs();
    const std::vector<double> data = make_rows(rows, features, recipe.seed);
    const std::vector<double> others = make_rows(background, features, recipe.seed + 100);
    const std::vector<double> weights = make_weights(background);
    std::vector<std::vector<double>> want;
    for (int64_t i = 0; i < checked; ++i)
        want.push_back(brute_force(
            ensemble, interventional_game(ensemble, view(data, features).row(i), others, weights),
            index == TreeIndex::shapley ? shapley_weight : banzhaf_weight));
    for (const Isa isa : available_isas())
        for (const Precision precision : {Precision::float32, Precision::float64}) {
            const InterventionalShap shap(ensemble, view(others, features), weights,
                                          {.index = index, .precision = precision, .isa = isa});
            const TreeShapValues have = shap.values(view(data, features), {});
            const double tolerance = precision == Precision::float32 ? 1e-5 : 1e-9;
            for (int64_t i = 0; i < checked; ++i)
                ASSERT_LT(
                    error_of({have.values.data() + i * size, static_cast<size_t>(size)}, want[i]),
                    tolerance)
                    << name(isa) << " row " << i;
            if (index == TreeIndex::shapley) {
                EXPECT_LT(largest(have.gaps), tolerance);
            }
        }
}

// Few rows: walks of pairs. Many: tables.
struct Size {
    int64_t rows, background, checked;
};
constexpr Size pairs{12, 9, 12};
constexpr Size tables{400, 150, 4};

void expect_both_ways(const EnsembleRecipe& recipe) {
    for (const Size size : {pairs, tables})
        expect_shapley(recipe, size.rows, size.background, size.checked);
}

TEST(TreeShapInterventional, EqualsTheOracleAtEveryDepth) {
    for (int depth = 0; depth <= 6; ++depth)
        expect_both_ways({.trees = 3, .depth = depth, .features = 6, .seed = 20U + depth});
}

TEST(TreeShapInterventional, EqualsTheOracleWithFeaturesRepeatedOnAPath) {
    for (const uint64_t seed : {1, 2, 3})
        expect_both_ways({.trees = 3, .depth = 7, .features = 3, .seed = seed});
    expect_both_ways({.trees = 3, .depth = 5, .features = 1});
}

TEST(TreeShapInterventional, EqualsTheOracleWithCategories) {
    expect_both_ways({.trees = 4, .depth = 5, .features = 4, .category_chance = 0.5});
}

TEST(TreeShapInterventional, EqualsTheOracleWithDoubleInputs) {
    expect_both_ways({.features = 4, .float_inputs = false});
}

TEST(TreeShapInterventional, EqualsTheOracleWithManyOutputs) {
    expect_both_ways({.trees = 5, .features = 4, .outputs = 3});
    expect_both_ways({.trees = 2, .depth = 4, .features = 4, .outputs = 3, .vector_leaves = true});
}

TEST(TreeShapInterventional, EqualsTheOracleOnDeepTrees) {
    // more features on a path than tables take: walks of pairs whatever the numbers of rows
    expect_shapley({.trees = 1, .depth = 12, .features = 12, .chain = true, .distinct = true}, 40,
                   20, 5);
    expect_shapley({.trees = 1, .depth = 40, .features = 8, .chain = true}, 20, 20, 5);
}

TEST(TreeShapInterventional, BanzhafEqualsTheOracle) {
    for (const Size size : {pairs, tables})
        expect_shapley({.depth = 5}, size.rows, size.background, size.checked, TreeIndex::banzhaf);
}

TEST(TreeShapInterventional, ARowAgainstItselfHasNoValues) {
    const Ensemble ensemble = make_ensemble({.depth = 5});
    const std::vector<double> x{1, 2, 3, 4, 5};
    const InterventionalShap shap(ensemble, view(x, 5));
    EXPECT_EQ(largest(shap.values(view(x, 5), {}).values), 0);
    const std::vector<double> other{5, 0, 0, 0, 1};
    EXPECT_GT(largest(shap.values(view(other, 5), {}).values), 1e-3);
}

TEST(TreeShapInterventional, SameBitsOnAnyNumberOfThreads) {
    const Ensemble ensemble = make_ensemble({.trees = 70, .depth = 5, .outputs = 2});
    const std::vector<double> others = make_rows(100, 5, 2);
    const InterventionalShap shap(ensemble, view(others, 5));
    for (const int64_t rows : {3, 300}) {
        const std::vector<double> data = make_rows(rows, 5, 1);
        const TreeShapValues one = shap.values(view(data, 5), {.threads = 1});
        for (const int threads : {2, 8})
            EXPECT_EQ(one.values, shap.values(view(data, 5), {.threads = threads}).values);
    }
}

TEST(TreeShapInterventional, Refuses) {
    const Ensemble ensemble = make_ensemble({});
    const std::vector<double> others = make_rows(3, 5, 1);
    const MatrixView<const double> background = view(others, 5);
    EXPECT_THROW(InterventionalShap(ensemble, {others.data(), 0, 5}), Error);
    EXPECT_THROW(InterventionalShap(ensemble, {others.data(), 3, 4}), Error);
    for (const std::vector<double>& weights :
         {std::vector<double>{1, 1}, {1, -1, 1}, {0, 0, 0}, {1, std::nan(""), 1}})
        EXPECT_THROW(InterventionalShap(ensemble, background, weights), Error);
    EXPECT_THROW((void)InterventionalShap(ensemble, background).values(view(others, 3), {}), Error);
}

/// Tables of one leaf against the sum over all pairs of patterns.
TEST(PatternTables, EqualTheSumOverPairs) {
    for (const int d : {1, 2, 3, 6, 10}) {
        const int64_t size = int64_t{1} << d;
        Rng rng(d, 1, 0);
        std::vector<double> counts(size);
        for (double& count : counts) count = rng.uniform() < 0.3 ? rng.uniform() : 0;
        std::vector<double> have(d * size, 0), want(d * size, 0);
        add_pattern_tables(d, 2, counts, gauss_legendre((d + 1) / 2), have);
        for (int64_t c = 0; c < size; ++c)
            for (int64_t b = 0; b < size; ++b) {
                if ((c | b) != size - 1) continue;
                const int p = std::popcount(static_cast<uint64_t>(c & ~b));
                const int z = std::popcount(static_cast<uint64_t>(b & ~c));
                for (int e = 0; e < d; ++e) {
                    if ((c & ~b) >> e & 1)
                        want[e * size + c] += 2 * counts[b] * shapley_weight(p + z - 1, z);
                    if ((b & ~c) >> e & 1)
                        want[e * size + c] -= 2 * counts[b] * shapley_weight(p + z - 1, p);
                }
            }
        EXPECT_LT(error_of(have, want), 1e-12) << d;
    }
}

}  // namespace
}  // namespace whence::trees::testing
