// Interventional interaction values against the oracle: both ways of the engine, every isa, both
// precisions.

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <numeric>

#include "trees/shap_compare.h"
#include "trees/shap_ensembles.h"
#include "trees/shap_oracle.h"
#include "whence/core/error.h"
#include "whence/trees/shap/interventional.h"
#include "whence/trees/shap/interventional_interactions.h"
#include "whence/trees/shap/pattern_tables.h"

namespace whence::trees::testing {
namespace {

std::vector<double> make_weights(int64_t count) {
    std::vector<double> weights(count);
    std::iota(weights.begin(), weights.end(), 0);  // the first row counts for nothing
    return weights;
}

// Few rows: walks of pairs. Many: tables.
struct Size {
    int64_t rows, background, checked;
};
constexpr Size pairs{12, 9, 12};
constexpr Size tables{400, 150, 3};

void expect_interactions(const EnsembleRecipe& recipe, const Size& size) {
    const Ensemble ensemble = make_ensemble(recipe);
    const int64_t features = recipe.features;
    const auto numbers = static_cast<size_t>(features * features * ensemble.outputs());
    const std::vector<double> data = make_rows(size.rows, features, recipe.seed);
    const std::vector<double> others = make_rows(size.background, features, recipe.seed + 100);
    const std::vector<double> weights = make_weights(size.background);
    std::vector<std::vector<double>> want;
    for (int64_t i = 0; i < size.checked; ++i)
        want.push_back(brute_force_pairs(
            ensemble, interventional_game(ensemble, view(data, features).row(i), others, weights)));
    for (const Isa isa : available_isas())
        for (const Precision precision : {Precision::float32, Precision::float64}) {
            const InterventionalInteractions engine(ensemble, view(others, features), weights,
                                                    {.precision = precision, .isa = isa});
            const TreeInteractionValues have = engine.values(view(data, features), {});
            const double tolerance = precision == Precision::float32 ? 1e-5 : 1e-9;
            for (int64_t i = 0; i < size.checked; ++i)
                ASSERT_LT(error_of({have.values.data() + i * numbers, numbers}, want[i]), tolerance)
                    << name(isa) << " row " << i;
            EXPECT_LT(largest(have.gaps), tolerance);
        }
}

void expect_both_ways(const EnsembleRecipe& recipe) {
    for (const Size& size : {pairs, tables}) expect_interactions(recipe, size);
}

TEST(InterventionalInteractions, EqualTheOracleAtEveryDepth) {
    for (int depth = 0; depth <= 6; ++depth)
        expect_both_ways({.trees = 3, .depth = depth, .features = 6, .seed = 40U + depth});
}

TEST(InterventionalInteractions, EqualTheOracleWithFeaturesRepeatedOnAPath) {
    for (const uint64_t seed : {1, 2, 3})
        expect_both_ways({.trees = 3, .depth = 7, .features = 3, .seed = seed});
    expect_both_ways({.trees = 3, .depth = 5, .features = 1});
}

TEST(InterventionalInteractions, EqualTheOracleWithCategories) {
    expect_both_ways({.trees = 4, .depth = 5, .features = 4, .category_chance = 0.5});
}

TEST(InterventionalInteractions, EqualTheOracleWithManyOutputs) {
    expect_both_ways({.trees = 5, .features = 4, .outputs = 3});
    expect_both_ways({.trees = 2, .depth = 4, .features = 4, .outputs = 3, .vector_leaves = true});
}

TEST(InterventionalInteractions, EqualTheOracleOnDeepTrees) {
    expect_interactions({.trees = 1, .depth = 12, .features = 12, .chain = true, .distinct = true},
                        {40, 20, 2});
    expect_interactions({.trees = 1, .depth = 40, .features = 8, .chain = true}, {20, 20, 3});
}

TEST(InterventionalInteractions, RowsOfAMatrixAddUpToTheValues) {
    const Ensemble ensemble = make_ensemble({.trees = 50, .depth = 8, .features = 9});
    const std::vector<double> others = make_rows(30, 9, 2);
    for (const int64_t rows : {3, 500}) {
        const std::vector<double> data = make_rows(rows, 9, 1);
        const TreeInteractionValues matrix =
            InterventionalInteractions(ensemble, view(others, 9), {},
                                       {.precision = Precision::float64})
                .values(view(data, 9), {});
        const TreeShapValues shap =
            InterventionalShap(ensemble, view(others, 9), {}, {.precision = Precision::float64})
                .values(view(data, 9), {});
        EXPECT_EQ(matrix.expected, shap.expected);
        for (int64_t i = 0; i < rows * 9; ++i) {
            double sum = 0;
            for (int64_t j = 0; j < 9; ++j) sum += matrix.values[i * 9 + j];
            ASSERT_NEAR(sum, shap.values[i], 1e-9);
        }
    }
}

TEST(InterventionalInteractions, SameBitsOnAnyNumberOfThreads) {
    const Ensemble ensemble = make_ensemble({.trees = 40, .depth = 5, .outputs = 2});
    const std::vector<double> others = make_rows(100, 5, 2);
    const InterventionalInteractions engine(ensemble, view(others, 5));
    for (const int64_t rows : {3, 300}) {
        const std::vector<double> data = make_rows(rows, 5, 1);
        const TreeInteractionValues one = engine.values(view(data, 5), {.threads = 1});
        for (const int threads : {2, 8})
            EXPECT_EQ(one.values, engine.values(view(data, 5), {.threads = threads}).values);
    }
}

TEST(InterventionalInteractions, Refuse) {
    const Ensemble ensemble = make_ensemble({});
    const std::vector<double> others = make_rows(3, 5, 1);
    const MatrixView<const double> background = view(others, 5);
    EXPECT_THROW(InterventionalInteractions(ensemble, {others.data(), 0, 5}), Error);
    EXPECT_THROW(InterventionalInteractions(ensemble, {others.data(), 3, 4}), Error);
    const std::vector<double> wrong{1, -1, 1};
    EXPECT_THROW(InterventionalInteractions(ensemble, background, wrong), Error);
    EXPECT_THROW((void)InterventionalInteractions(ensemble, background).values(view(others, 3), {}),
                 Error);
}

/// Tables of one leaf against the sum over all pairs of patterns.
TEST(PatternTables, OfInteractionsEqualTheSumOverPairs) {
    for (const int d : {1, 2, 3, 6, 10}) {
        const int64_t size = int64_t{1} << d, tables_count = d * (d + 1) / 2;
        Rng rng(d, 1, 0);
        std::vector<double> counts(size);
        for (double& count : counts) count = rng.uniform() < 0.3 ? rng.uniform() : 0;
        std::vector<double> have(tables_count * size, 0), want(have);
        add_interaction_tables(d, 2, counts, gauss_legendre((d + 1) / 2), have);
        for (int64_t c = 0; c < size; ++c)
            for (int64_t b = 0; b < size; ++b) {
                if ((c | b) != size - 1) continue;
                const int p = std::popcount(static_cast<uint64_t>(c & ~b));
                const int z = std::popcount(static_cast<uint64_t>(b & ~c));
                // what is left of t^p (1 - t)^z, by the kinds of the features taken out
                const auto weight = [&](int of_row, int of_other) {
                    return (of_other % 2 ? -1 : 1) *
                           shapley_weight(p + z - of_row - of_other, z - of_other);
                };
                int64_t table = 0;
                for (int e = 0; e < d; ++e)
                    for (int f = 0; f <= e; ++f, ++table) {
                        const int64_t both = (int64_t{1} << e) | (int64_t{1} << f);
                        if ((c & b & both) != 0) continue;
                        const int of_row = std::popcount(static_cast<uint64_t>(c & both));
                        const int of_other = std::popcount(static_cast<uint64_t>(b & both));
                        want[table * size + c] += 2 * counts[b] * weight(of_row, of_other);
                    }
            }
        EXPECT_LT(error_of(have, want), 1e-11) << d;
    }
}

}  // namespace
}  // namespace whence::trees::testing
