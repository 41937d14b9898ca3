// Path-dependent values against the oracle: every isa, both precisions, everything trees may hold.

#include <gtest/gtest.h>

#include <stop_token>

#include "trees/shap_compare.h"
#include "trees/shap_ensembles.h"
#include "trees/shap_oracle.h"
#include "whence/core/error.h"
#include "whence/trees/shap/quadrature.h"
#include "whence/trees/shap/tree_shap.h"

namespace whence::trees::testing {
namespace {

/// Against `oracle(x)` -> [features, outputs] for every row, isa and precision.
template <class Oracle>
void expect_equal(const Ensemble& ensemble, const std::vector<double>& data, Oracle oracle,
                  TreeIndex index = TreeIndex::shapley) {
    const MatrixView<const double> rows = view(data, ensemble.features());
    const int64_t size = ensemble.features() * ensemble.outputs();
    std::vector<std::vector<double>> want;
    for (int64_t i = 0; i < rows.rows; ++i) want.push_back(oracle(rows.row(i)));
    for (const Isa isa : available_isas())
        for (const Precision precision : {Precision::float32, Precision::float64}) {
            const TreeShap shap(ensemble, {.index = index, .precision = precision, .isa = isa});
            const TreeShapValues have = shap.values(rows, {});
            const double tolerance = precision == Precision::float32 ? 1e-5 : 1e-9;
            for (int64_t i = 0; i < rows.rows; ++i)
                ASSERT_LT(
                    error_of({have.values.data() + i * size, static_cast<size_t>(size)}, want[i]),
                    tolerance)
                    << name(isa) << " row " << i;
            if (index == TreeIndex::shapley) {
                EXPECT_LT(largest(have.gaps), tolerance);
            }
        }
}

void expect_shapley(const EnsembleRecipe& recipe, int64_t rows = 40) {
    const Ensemble ensemble = make_ensemble(recipe);
    expect_equal(ensemble, make_rows(rows, recipe.features, recipe.seed),
                 [&](auto x) { return brute_force(ensemble, path_dependent_game(ensemble, x)); });
}

TEST(TreeShapPath, EqualsTheOracleAtEveryDepth) {
    for (int depth = 0; depth <= 8; ++depth)
        expect_shapley({.trees = 4, .depth = depth, .features = 8, .seed = 10U + depth});
}

TEST(TreeShapPath, EqualsTheOracleWithFeaturesRepeatedOnAPath) {
    for (const uint64_t seed : {1, 2, 3})
        expect_shapley({.trees = 3, .depth = 7, .features = 3, .seed = seed});
    expect_shapley({.trees = 3, .depth = 6, .features = 1});
}

TEST(TreeShapPath, EqualsTheOracleWithCategories) {
    expect_shapley({.trees = 6, .depth = 5, .features = 4, .category_chance = 0.5});
    expect_shapley({.trees = 6, .depth = 5, .features = 4, .category_chance = 1});
}

TEST(TreeShapPath, EqualsTheOracleWithCoversOfZero) {
    for (const uint64_t seed : {1, 2, 3})
        expect_shapley(
            {.trees = 4, .depth = 6, .features = 4, .zero_cover_chance = 0.3, .seed = seed});
}

TEST(TreeShapPath, EqualsTheOracleWithDoubleInputs) {
    expect_shapley({.features = 4, .float_inputs = false});
    expect_shapley({.features = 4, .category_chance = 0.3, .float_inputs = false});
}

TEST(TreeShapPath, EqualsTheOracleWithManyOutputs) {
    expect_shapley({.trees = 7, .features = 4, .outputs = 3});
    expect_shapley({.trees = 3, .depth = 6, .features = 4, .outputs = 2, .vector_leaves = true});
    expect_shapley({.trees = 2, .depth = 4, .features = 4, .outputs = 17, .vector_leaves = true},
                   10);
}

TEST(TreeShapPath, EqualsTheOracleWithMoreTreesThanAChunkHolds) {
    expect_shapley({.trees = 100, .depth = 3, .features = 5}, 10);
}

TEST(TreeShapPath, EqualsTheRecursionToDepth64) {
    for (const int depth : {16, 17, 33, 64})
        for (const bool distinct : {true, false}) {
            const Ensemble ensemble = make_ensemble({.trees = 2,
                                                     .depth = depth,
                                                     .features = distinct ? depth : 5,
                                                     .chain = true,
                                                     .distinct = distinct});
            expect_equal(ensemble, make_rows(20, ensemble.features(), depth),
                         [&](auto x) { return LeafRecursion(ensemble, x).values(); });
        }
    const Ensemble bushy =
        make_ensemble({.trees = 1, .depth = 24, .features = 30, .leaf_chance = 0.35, .seed = 6});
    expect_equal(bushy, make_rows(8, 30, 1),
                 [&](auto x) { return LeafRecursion(bushy, x).values(); });
}

TEST(TreeShapPath, BanzhafEqualsTheOracle) {
    const Ensemble ensemble = make_ensemble({.depth = 6, .category_chance = 0.2});
    expect_equal(
        ensemble, make_rows(40, 5, 1),
        [&](auto x) {
            return brute_force(ensemble, path_dependent_game(ensemble, x), banzhaf_weight);
        },
        TreeIndex::banzhaf);
}

/// A negative control: values of a tree with one cover changed are told from its own.
TEST(TreeShapPath, AnotherCoverIsAnotherExplanation) {
    EnsembleParts parts = EnsembleMaker({.trees = 1, .depth = 4}).parts();
    const Ensemble ensemble = Ensemble::build(parts);
    Node& root = parts.trees[0].nodes[0];
    const double moved = 0.01 * root.cover;
    // one percent more to the left, all the way down, keeps covers consistent
    const auto scale = [&](auto& self, int32_t number, double factor) -> void {
        Node& node = parts.trees[0].nodes[number];
        node.cover *= factor;
        if (node.is_leaf()) return;
        self(self, node.left, factor);
        self(self, node.right, factor);
    };
    const double left = parts.trees[0].nodes[root.left].cover;
    scale(scale, root.left, (left + moved) / left);
    scale(scale, root.right, (root.cover - left - moved) / (root.cover - left));
    const std::vector<double> data = make_rows(10, 5, 1);
    const TreeShapValues have = TreeShap(Ensemble::build(parts)).values(view(data, 5), {});
    double most = 0;
    for (int64_t i = 0; i < 10; ++i)
        most = std::max(
            most,
            error_of({have.values.data() + i * 5, 5},
                     brute_force(ensemble, path_dependent_game(ensemble, view(data, 5).row(i)))));
    EXPECT_GT(most, 1e-4);
}

TEST(TreeShapPath, MarginsAreSumsOfLeavesReached) {
    const Ensemble ensemble = make_ensemble(
        {.trees = 40, .depth = 6, .outputs = 2, .category_chance = 0.3, .float_inputs = false});
    const std::vector<double> data = make_rows(100, 5, 1);
    const TreeShapValues have =
        TreeShap(ensemble, {.precision = Precision::float64}).values(view(data, 5), {});
    for (int64_t i = 0; i < 100; ++i)
        for (int32_t k = 0; k < 2; ++k) {
            double want = ensemble.parts().base[k];
            for (const Tree& tree : ensemble.trees())
                if (tree.output == k)
                    want +=
                        path_dependent_value(
                            ensemble, tree, view(data, 5).row(i), [](int32_t) { return true; }, 0) /
                        2;
            EXPECT_NEAR(have.margins[i * 2 + k], want, 1e-12);
        }
}

TEST(TreeShapPath, SameBitsOnAnyNumberOfThreadsAndBesideOtherRows) {
    const Ensemble ensemble =
        make_ensemble({.trees = 150, .depth = 6, .outputs = 2, .category_chance = 0.1});
    const std::vector<double> data = make_rows(500, 5, 1);
    for (const Precision precision : {Precision::float32, Precision::float64}) {
        const TreeShap shap(ensemble, {.precision = precision});
        const TreeShapValues one = shap.values(view(data, 5), {.threads = 1});
        for (const int threads : {2, 8}) {
            const TreeShapValues many = shap.values(view(data, 5), {.threads = threads});
            EXPECT_EQ(one.values, many.values);
            EXPECT_EQ(one.margins, many.margins);
        }
        for (const int64_t row : {0, 77, 499}) {
            const MatrixView<const double> single{data.data() + row * 5, 1, 5};
            for (const int threads : {1, 8}) {
                const TreeShapValues alone = shap.values(single, {.threads = threads});
                EXPECT_TRUE(std::equal(alone.values.begin(), alone.values.end(),
                                       one.values.begin() + row * 10));
            }
        }
    }
}

TEST(TreeShapPath, FloatRowsEqualDoubleRows) {
    const Ensemble ensemble = make_ensemble({.depth = 5});
    const std::vector<double> data = make_rows(50, 5, 1);
    const std::vector<float> narrow(data.begin(), data.end());
    const TreeShap shap(ensemble);
    EXPECT_EQ(shap.values(view(data, 5), {}).values,
              shap.values(MatrixView<const float>{narrow.data(), 50, 5}, {}).values);
}

TEST(TreeShapPath, Refuses) {
    EnsembleParts parts = EnsembleMaker({}).parts();
    parts.has_covers = false;
    EXPECT_THROW(TreeShap(Ensemble::build(parts)), Error);
    const TreeShap shap(make_ensemble({}));
    const std::vector<double> narrow(3);
    EXPECT_THROW((void)shap.values(view(narrow, 3), {}), Error);
    EXPECT_THROW(
        TreeShap(make_ensemble({.depth = 200, .features = 200, .chain = true, .distinct = true})),
        Error);
    std::stop_source stop;
    stop.request_stop();
    const std::vector<double> data = make_rows(100, 5, 1);
    EXPECT_THROW((void)shap.values(view(data, 5), {.stop = stop.get_token()}), Error);
}

TEST(TreeShapPath, NoRowsAndNoTrees) {
    const TreeShap shap(make_ensemble({}));
    EXPECT_TRUE(shap.values(MatrixView<const double>{nullptr, 0, 5}, {}).values.empty());
    const TreeShap empty(make_ensemble({.trees = 0}));
    const std::vector<double> data = make_rows(3, 5, 1);
    const TreeShapValues values = empty.values(view(data, 5), {});
    EXPECT_EQ(values.values, std::vector<double>(15, 0.0));
    EXPECT_EQ(values.margins, std::vector<double>(3, 0.25));
}

TEST(Quadrature, IsExactForPolynomials) {
    for (const int count : {1, 2, 5, 8, 16, 32, 64}) {
        const Quadrature rule = gauss_legendre(count);
        for (const int degree : {0, 1, count, 2 * count - 1}) {
            double sum = 0;
            for (int q = 0; q < count; ++q)
                sum += rule.weights[q] * std::pow(rule.nodes[q], degree);
            EXPECT_NEAR(sum * (degree + 1), 1, 1e-13) << count << " points, degree " << degree;
        }
    }
    // and one degree more is not
    const Quadrature two = gauss_legendre(2);
    double sum = 0;
    for (int q = 0; q < 2; ++q) sum += two.weights[q] * std::pow(two.nodes[q], 4);
    EXPECT_GT(std::abs(sum * 5 - 1), 1e-2);
}

}  // namespace
}  // namespace whence::trees::testing
