// Explanations of models: players, backgrounds, links, notes.

#include "whence/shapley/shap.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "perturb/fake_models.h"
#include "whence/core/error.h"
#include "whence/core/rng.h"

namespace whence {
namespace {

using testing::FormulaModel;

constexpr int64_t columns = 4;

double bent(std::span<const double> x) {
    return std::sin(x[0]) * x[1] + x[2] * x[2] - 0.5 * x[3];
}
FormulaModel model_of(FormulaModel::Formula f, int64_t batch = 64,
                      ElementType type = ElementType::float64) {
    return {{-1, columns}, type, std::move(f), batch};
}

Background some_rows(int64_t rows, uint64_t seed = 1) {
    Tensor data(ElementType::float64, {rows, columns});
    Rng rng(seed, 0, 0);
    for (double& value : data.as<double>()) value = rng.normal();
    return {data, {}, "background"};
}
const Tensor x = Tensor::of<double>({1, columns}, std::vector<double>{1, 2, -1, 0.5});
const Batch input({{"x", x}});
Players each_column() { return {.labels = column_labels(columns), .names = {"a", "b", "c", "d"}}; }

Explanation explained(const FormulaModel& model, const Background& background,
                      const ShapMethod& method = ExactShap{}, const Run& run = {}) {
    return Shap(model, each_column(), background, method).explain(input, {}, run);
}

TEST(Shap, AddsUpAndSaysWhatItCost) {
    const FormulaModel model = model_of(bent);
    const Explanation e = explained(model, some_rows(10), KernelShap{});
    double mean = 0;
    const std::vector<double> rows = some_rows(10).rows.to_doubles();
    for (size_t r = 0; r < 10; ++r) mean += bent({rows.data() + r * columns, columns}) / 10;
    EXPECT_NEAR(*e.target.baseline_value, mean, 1e-12);
    EXPECT_NEAR(e.target.value, bent(x.as<double>()), 1e-12);
    EXPECT_NEAR(*e.diagnostics.attribution_error, 0, 1e-12);
    EXPECT_EQ(e.provenance.evaluations, model.asked);
    EXPECT_EQ(e.provenance.method, "kernel-shap");
    EXPECT_EQ(e.attribution.names, (std::vector<std::string>{"a", "b", "c", "d"}));
}

TEST(Shap, LinearModelsGetWeightTimesDifference) {
    const FormulaModel model =
        model_of([](std::span<const double> v) { return 3 * v[0] - 2 * v[1] + 0.25 * v[3]; });
    const Background background = some_rows(20);
    const std::vector<double> rows = background.rows.to_doubles();
    const double weight[] = {3, -2, 0, 0.25};
    for (const ShapMethod& method :
         {ShapMethod(LinearShap{}), ShapMethod(KernelShap{}), ShapMethod(PermutationShap{}),
          ShapMethod(PartitionShap{}), ShapMethod(Banzhaf{})}) {
        const std::vector<double> values =
            explained(model, background, method).attribution.values.to_doubles();
        for (int64_t j = 0; j < columns; ++j) {
            double mean = 0;
            for (size_t r = 0; r < 20; ++r) mean += rows[r * columns + j] / 20;
            EXPECT_NEAR(values[j], weight[j] * (x.as<double>()[j] - mean), 1e-10) << name(method);
        }
    }
    EXPECT_THROW((void)explained(model_of(bent), background, LinearShap{}), Error);
}

TEST(Shap, GroupsArePlayers) {
    const FormulaModel model = model_of(bent);
    const Shap method(model, {.labels = {0, 0, 1, 1}, .names = {"ab", "cd"}}, some_rows(5), ExactShap{});
    const Explanation e = method.explain(input, {}, {});
    EXPECT_EQ(e.attribution.values.size(), 2);
    // The two halves of the formula do not meet.
    const std::vector<double> single =
        explained(model, some_rows(5)).attribution.values.to_doubles();
    EXPECT_NEAR(e.attribution.values.as<double>()[0], single[0] + single[1], 1e-12);
}

TEST(Shap, ColumnsThatDoNotVaryAreLeftOut) {
    Background background = some_rows(7);
    for (int64_t r = 0; r < 7; ++r) background.rows.as<double>()[r * columns + 1] = 2;
    const FormulaModel model = model_of(bent);
    const Explanation e = explained(model, background);
    EXPECT_EQ(e.attribution.values.as<double>()[1], 0);
    EXPECT_EQ(e.attribution.standard_errors[1], 0);
    EXPECT_EQ(model.asked, 8 * 7 + 1);  // of three players; and one for the shape of the answer
    // Nothing varies at all.
    const Explanation same = explained(model, {x, {}, "itself"}, KernelShap{});
    EXPECT_EQ(same.attribution.values.to_doubles(), std::vector<double>(columns, 0.0));
}

TEST(Shap, InteractionsReachTheExplanation) {
    const FormulaModel model = model_of(bent);
    const Explanation e = explained(model, some_rows(5), ShapInteractions{});
    ASSERT_TRUE(e.interactions);
    EXPECT_EQ(e.interactions->values.shape(), (Shape{columns, columns}));
    EXPECT_NE(e.interactions->values.as<double>()[1], 0);
    EXPECT_NEAR(e.interactions->values.as<double>()[2], 0, 1e-12);
}

TEST(Shap, BanzhafClaimsNoSum) {
    const FormulaModel model = model_of(bent);
    const Explanation e = explained(model, some_rows(5), Banzhaf{});
    EXPECT_FALSE(e.diagnostics.attribution_error);
    EXPECT_FALSE(e.diagnostics.no_error_because.empty());
}

TEST(Shap, SameBitsOnAnyThreads) {
    for (const ShapMethod& method :
         {ShapMethod(KernelShap{.budget = {.coalitions = 10}}), ShapMethod(PermutationShap{}),
          ShapMethod(ShapInteractions{}), ShapMethod(PartitionShap{}), ShapMethod(Banzhaf{})}) {
        std::vector<std::vector<double>> found;
        for (const int threads : {1, 2, 8})
            found.push_back(explained(model_of(bent), some_rows(50), method,
                                      {.seed = 3, .threads = threads})
                                .attribution.values.to_doubles());
        EXPECT_EQ(found[0], found[1]) << name(method);
        EXPECT_EQ(found[0], found[2]) << name(method);
    }
}

TEST(Shap, BatchesDoNotMatter) {
    const Explanation a = explained(model_of(bent, 1), some_rows(9), KernelShap{}),
                      b = explained(model_of(bent, 1000), some_rows(9), KernelShap{});
    EXPECT_EQ(a.attribution.values, b.attribution.values);
}

TEST(Shap, RefusesWhatDoesNotFit) {
    const FormulaModel model = model_of(bent);
    const Background narrow{Tensor(ElementType::float64, {3, 2}), {}, "narrow"};
    EXPECT_THROW((void)explained(model, narrow), Error);
    const Batch two({{"x", Tensor(ElementType::float64, {2, columns})}});
    EXPECT_THROW((void)Shap(model, each_column(), some_rows(2), ExactShap{}).explain(two, {}, {}), Error);
    EXPECT_THROW(Shap(model, each_column(), some_rows(2), KernelShap{.budget = {.coalitions = -1}}),
                 Error);
}

TEST(Shap, ALinkThatDoesNotExist) {
    const FormulaModel model = model_of(bent);
    const Shap method(model, each_column(), some_rows(3), ExactShap{}, Link::logit);
    EXPECT_THROW((void)method.explain(input, {}, {}), Error);
}

TEST(Background, SummariesAreOfTheRows) {
    const Background all = some_rows(50);
    EXPECT_EQ(summarized(all, "all", {}).rows, all.rows);
    const Background few = summarized(all, "sample:7", {.seed = 1});
    EXPECT_EQ(few.rows.rows(), 7);
    EXPECT_NE(few.rows, summarized(all, "sample:7", {.seed = 2}).rows);
    EXPECT_EQ(summarized(all, "sample:70", {}).rows, all.rows);
    const Background means = summarized(all, "kmeans:5", {});
    EXPECT_EQ(means.rows.rows(), 5);
    double sum = 0;
    for (const double weight : means.weights) sum += weight;
    EXPECT_EQ(sum, 50);
    for (int64_t r = 0; r < 5; ++r)
        for (int64_t c = 0; c < columns; ++c) {  // each number is one of its column
            bool found = false;
            for (int64_t i = 0; i < 50; ++i)
                found |= all.rows.as<double>()[i * columns + c] ==
                         means.rows.as<double>()[r * columns + c];
            EXPECT_TRUE(found);
        }
    for (const char* wrong : {"", "sample", "sample:0", "sample:x", "kmeans:-1", "median:3"})
        EXPECT_THROW((void)summarized(all, wrong, {}), Error) << wrong;
    Background missing = all;
    missing.rows.as<double>()[3] = std::nan("");
    EXPECT_THROW((void)kmeans(missing, 3, {}), Error);
    // Fewer different rows than centres.
    const Background twice{Tensor::of<double>({3, 1}, std::vector<double>{1, 1, 2}), {}, "twice"};
    EXPECT_LE(kmeans(twice, 2, {}).rows.rows(), 2);
}

TEST(Hierarchy, JoinsWhatMovesTogether) {
    std::vector<double> rows;
    Rng rng(2, 0, 0);
    for (int r = 0; r < 100; ++r) {
        const double a = rng.normal(), b = rng.normal();
        rows.insert(rows.end(), {a, b, -a + 0.01 * rng.normal(), b + 0.1 * rng.normal(), 7});
    }
    const Hierarchy tree = correlation_hierarchy(rows, 5, {});
    check(tree, 5);
    EXPECT_EQ(tree.merges[0], (std::array<int32_t, 2>{0, 2}));
    EXPECT_EQ(tree.merges[1], (std::array<int32_t, 2>{1, 3}));
}

TEST(Hierarchy, CutsPicturesAcrossTheLongerSide) {
    Tensor segments(ElementType::int32, {2, 4});
    for (int i = 0; i < 8; ++i) segments.as<int32_t>()[i] = i;
    const Hierarchy tree = bisecting_hierarchy(segment_centres(segments));
    check(tree, 8);
    // The last merge joins the left and the right half: 0, 1, 4, 5 and 2, 3, 6, 7.
    std::vector<std::vector<int32_t>> members(15);
    for (int32_t j = 0; j < 8; ++j) members[j] = {j};
    for (size_t k = 0; k < tree.merges.size(); ++k)
        for (const int32_t half : tree.merges[k])
            members[8 + k].insert(members[8 + k].end(), members[half].begin(), members[half].end());
    std::vector<int32_t> left = members[tree.merges.back()[0]];
    std::ranges::sort(left);
    EXPECT_EQ(left, (std::vector<int32_t>{0, 1, 4, 5}));
    for (const int64_t players : {0, 1, 2, 7}) check(balanced_hierarchy(players), players);
    // All at one place.
    check(bisecting_hierarchy(std::vector<double>(10, 1.0)), 5);
}

}  // namespace
}  // namespace whence
