// Against shap and shapiq where nothing is random: shap.npz, made by make_shap_golden.py.

#include <gtest/gtest.h>

#include <cmath>

#include "perturb/fake_models.h"
#include "shapley/games.h"
#include "whence/data/npy.h"
#include "whence/shapley/shap.h"

namespace whence {
namespace {

using namespace testing;

const Tensor& at(const std::string& name) {
    static const std::vector<NamedTensor> all =
        data::read_npz(WHENCE_SOURCE_DIR "/tests/shapley/shap.npz");
    for (const NamedTensor& tensor : all)
        if (tensor.name == name) return tensor.value;
    throw std::runtime_error("shap.npz has no " + name);
}
std::vector<double> numbers(const std::string& name) { return at(name).to_doubles(); }

void expect_near(const std::vector<double>& ours, const std::vector<double>& theirs) {
    ASSERT_EQ(ours.size(), theirs.size());
    for (size_t i = 0; i < ours.size(); ++i) EXPECT_NEAR(ours[i], theirs[i], 1e-9) << i;
}

TEST(ShapGolden, KernelWithEveryChoiceOfFeatures) {
    const FormulaGame game = table_game(8, numbers("kernel/table"));
    for (const char* l1 :
         {"none", "num_features(3)", "num_features(10)", "auto", "aic", "bic", "0.002", "0.1"}) {
        SCOPED_TRACE(l1);
        expect_near(estimate(game, KernelShap{.compatible = true, .l1_reg = l1}, {}).values,
                    numbers(std::string("kernel/") + l1));
    }
    // The control: the choices differ.
    EXPECT_NE(numbers("kernel/none"), numbers("kernel/num_features(3)"));
    EXPECT_NE(numbers("kernel/none"), numbers("kernel/0.1"));
    expect_near(estimate(game, KernelShap{}, {}).values, numbers("kernel/none"));
}

TEST(ShapGolden, WeightedBackgroundAndLink) {
    const FormulaModel model({-1, 5}, ElementType::float64, [](std::span<const double> x) {
        const double a = x[0] - 0.5 * x[1] + 2 * x[2] + 0.5 * x[3] - x[4] + x[0] * x[1];
        return 1 / (1 + std::exp(-a));
    });
    for (const char* link : {"identity", "logit"})
        for (const bool compatible : {false, true}) {
            const Shap method(model, {.labels = column_labels(5)},
                              {at("model/background"), numbers("model/weights"), "background"},
                              KernelShap{.compatible = compatible, .l1_reg = "none"}, parse_link(link));
            const Explanation e = method.explain(Batch({{"x", at("model/x")}}), {}, {});
            expect_near(e.attribution.values.to_doubles(), numbers(std::string("model/") + link));
            // shap gives the base value before the link.
            const double base = numbers(std::string("model/") + link + "/base")[0];
            EXPECT_NEAR(*e.target.baseline_value, base, 1e-9);
            EXPECT_EQ(e.attribution.values.to_doubles()[3], 0);
        }
}

TEST(ShapGolden, Partition) {
    const std::vector<double> merges = numbers("partition/merges");
    Hierarchy tree;
    for (size_t k = 0; k < merges.size(); k += 2)
        tree.merges.push_back({static_cast<int32_t>(merges[k]), static_cast<int32_t>(merges[k + 1])});
    const FormulaGame game = table_game(7, numbers("partition/table"));
    expect_near(estimate(game, PartitionShap{.hierarchy = tree}, {}).values,
                numbers("partition/values"));
}

TEST(ShapGolden, InteractionsAndBanzhaf) {
    const FormulaGame game = table_game(6, numbers("interactions/table"));
    const Estimate e = estimate(game, ShapInteractions{}, {});
    const std::vector<double> pairs = numbers("interactions/pairs");
    for (size_t i = 0; i < 6; ++i)
        for (size_t j = i + 1; j < 6; ++j)
            EXPECT_NEAR(2 * e.interactions[i * 6 + j], pairs[i * 6 + j], 1e-9);
    expect_near(estimate(game, Banzhaf{}, {}).values, numbers("interactions/banzhaf"));
}

TEST(ShapGolden, KMeansOfSeparateClusters) {
    const Background summary = kmeans({at("kmeans/rows"), {}, "rows"}, 4, {});
    const std::vector<double> centres = summary.rows.to_doubles();
    const std::vector<double> theirs = numbers("kmeans/centres"), weights = numbers("kmeans/weights");
    ASSERT_EQ(centres.size(), theirs.size());
    std::vector<std::vector<double>> ours_sorted, theirs_sorted;
    for (size_t k = 0; k < 4; ++k) {
        ours_sorted.push_back({summary.weights[k], centres[3 * k], centres[3 * k + 1], centres[3 * k + 2]});
        theirs_sorted.push_back({weights[k], theirs[3 * k], theirs[3 * k + 1], theirs[3 * k + 2]});
    }
    std::ranges::sort(ours_sorted);
    std::ranges::sort(theirs_sorted);
    for (size_t k = 0; k < 4; ++k) expect_near(ours_sorted[k], theirs_sorted[k]);
}

}  // namespace
}  // namespace whence
