// Against Quantus, captum, SciPy and scikit-learn: metrics.npz, made by make_metrics_golden.py.

#include <gtest/gtest.h>

#include <cmath>

#include "metrics/support.h"
#include "whence/data/npy.h"
#include "whence/metrics/axioms.h"
#include "whence/metrics/complexity.h"
#include "whence/metrics/curves.h"
#include "whence/metrics/distances.h"
#include "whence/metrics/linear_imputer.h"
#include "whence/metrics/localisation.h"
#include "whence/metrics/statistics.h"
#include "whence/metrics/subsets.h"

namespace whence::metrics {
namespace {

using namespace test;

constexpr int64_t images = 3, pixels = 36;
// Quantus and captum compute in float32.
constexpr double float32 = 2e-5, rounding = 1e-10;

const Tensor& at(const std::string& name) {
    static const std::vector<NamedTensor> all =
        data::read_npz(WHENCE_SOURCE_DIR "/tests/metrics/metrics.npz");
    for (const NamedTensor& tensor : all)
        if (tensor.name == name) return tensor.value;
    throw std::runtime_error("metrics.npz has no " + name);
}

std::vector<double> row(const std::string& name, int64_t i) {
    return at(name).slice_rows(i, 1).to_doubles();
}

double one(const std::string& name, int64_t i) {
    return at(name).to_doubles().at(i);
}

// V tanh(W x + b), the class that image i is explained for.
double formula(std::span<const double> x, int64_t i) {
    static const std::vector<double> w = at("w").to_doubles(), b = at("b").to_doubles(),
                                     v = at("v").to_doubles();
    const std::vector<double> of_class =
        at("v").slice_rows(at("y").as<int64_t>()[i], 1).to_doubles();
    double out = 0;
    for (size_t h = 0; h < b.size(); ++h) {
        double u = b[h];
        for (int64_t p = 0; p < pixels; ++p) u += w[h * pixels + p] * x[p];
        out += of_class[h] * std::tanh(u);
    }
    return out;
}

/// Image i and its attribution, pixel by pixel.
Example example(int64_t i) {
    return {{row("x", i)}, {row("a", i)}, [i](std::span<const double> x) { return formula(x, i); }};
}

/// The same with squares of pixels as players.
Score of_squares(int64_t i, const Metric& metric, Pool pool) {
    const Example e = example(i);
    const auto squares = at("squares").as<int32_t>();
    const LabelMasker masker("x", e.inputs[0][0].value, Tensor(ElementType::float64, {1, pixels}),
                             {squares.begin(), squares.end()});
    const Metric* metrics = &metric;
    return evaluate(e.model,
                    {{&e.inputs[0], {.output = "y"}, &masker, pooled(e.values[0], squares, pool)}},
                    {&metrics, 1}, plain_run)
        .of[0][0];
}

std::vector<std::vector<int32_t>> subsets(int64_t i) {
    const auto all = at("subsets").as<int32_t>();
    std::vector<std::vector<int32_t>> out;
    for (int64_t r = 0; r < 30; ++r) {
        const auto s = all.subspan((i * 30 + r) * 7, 7);
        out.emplace_back(s.begin(), s.end());
    }
    return out;
}

void expect_near(const std::vector<double>& found, const std::vector<double>& expected,
                 double tolerance) {
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], tolerance) << i;
}

TEST(MetricsGolden, Curves) {
    for (int64_t i = 0; i < images; ++i) {
        expect_near(example(i).score(PixelFlipping()).curve, row("pixel-flipping", i), float32);
        std::vector<double> curve =
            of_squares(i, RegionPerturbation({.regions = 5}), Pool::sum).curve;
        EXPECT_EQ(curve[0], 0);  // Quantus begins after the first region
        curve.erase(curve.begin());
        expect_near(curve, row("region-perturbation", i), float32);
    }
}

// Quantus: L - area under the ratios after the first, ..., the L-th superpixel, one apart.
TEST(MetricsGolden, Irof) {
    for (int64_t i = 0; i < images; ++i) {
        const std::vector<double> curve = of_squares(i, Irof(), Pool::mean).curve;
        double area = 0;
        for (size_t k = 2; k < curve.size(); ++k) area += (curve[k] + curve[k - 1]) / 2;
        // Ratios divide by f(x), which float32 rounds.
        EXPECT_NEAR(static_cast<double>(curve.size() - 1) - area, one("irof", i),
                    1e-4 * std::max(1.0, std::abs(one("irof", i))))
            << i;
    }
}

TEST(MetricsGolden, Subsets) {
    for (int64_t i = 0; i < images; ++i) {
        const Example e = example(i);
        EXPECT_NEAR(e.score(FaithfulnessCorrelation({.subsets = subsets(i)})).value,
                    one("faithfulness-correlation", i), float32);
        const double plain = one("infidelity", i), scaled = one("infidelity-scaled", i);
        EXPECT_NEAR(e.score(Infidelity({.subsets = subsets(i)})).value, plain, 1e-5 * plain);
        EXPECT_NEAR(e.score(Infidelity({.scaled = true, .subsets = subsets(i)})).value, scaled,
                    1e-4 * scaled);
    }
}

TEST(MetricsGolden, NonSensitivity) {
    for (int64_t i = 0; i < images; ++i)
        EXPECT_EQ(example(i).score(NonSensitivity({.value_below = 0.1, .change_below = 0.1})).value,
                  one("non-sensitivity", i));
}

TEST(MetricsGolden, Complexity) {
    for (int64_t i = 0; i < images; ++i) {
        const std::vector<double> a = row("a", i);
        EXPECT_NEAR(sparseness(a), one("sparseness", i), float32);
        EXPECT_NEAR(complexity(a), one("complexity", i), float32);
        EXPECT_EQ(static_cast<double>(effective_complexity(a, 0.2)),
                  one("effective-complexity", i));
    }
}

TEST(MetricsGolden, Localisation) {
    for (int64_t i = 0; i < images; ++i) {
        const std::vector<double> a = row("a", i);
        const ObjectMask mask = at("masks").as<uint8_t>().subspan(i * pixels, pixels);
        EXPECT_EQ(pointing_game(a, mask), one("pointing-game", i));
        EXPECT_NEAR(relevance_mass(a, mask, Relevance::absolute), one("relevance-mass", i),
                    float32);
        EXPECT_NEAR(relevance_rank(a, mask), one("relevance-rank", i), rounding);
        EXPECT_NEAR(attribution_localisation(a, mask), one("attribution-localisation", i), float32);
        EXPECT_NEAR(top_k_intersection(a, mask, 10), one("top-k-intersection", i), rounding);
        EXPECT_NEAR(roc_auc(a, mask), one("roc-auc", i), rounding);
    }
}

TEST(MetricsGolden, LinearImputation) {
    for (int64_t i = 0; i < images; ++i) {
        const Tensor image = Tensor::of<double>({1, 1, 6, 6}, row("x", i));
        const LinearImputer imputer("x", image, {.noise = 0});
        std::vector<uint8_t> present(pixels, 1);
        for (const int32_t p : at("missing").as<int32_t>()) present[p] = 0;
        Batch batch({{"x", image}});
        imputer.apply({present.data(), 1, pixels}, 0, batch, plain_run);
        expect_near(batch[0].value.to_doubles(), row("imputed", i), rounding);
    }
}

TEST(MetricsGolden, Distances) {
    const std::vector<double> rows = at("rows").to_doubles();
    const auto found = [&](Distance kind) {
        return pair_distances({rows.data(), 5, 9}, kind, Normalisation::none, {});
    };
    std::vector<double> mean_absolute = at("cityblock").to_doubles();
    for (double& d : mean_absolute) d /= 9;
    expect_near(found(Distance::mean_absolute), mean_absolute, rounding);
    expect_near(found(Distance::euclidean), at("euclidean").to_doubles(), rounding);
    expect_near(found(Distance::cosine), at("cosine").to_doubles(), rounding);
    expect_near(found(Distance::pearson), at("correlation").to_doubles(), rounding);
    expect_near(found(Distance::spearman), at("spearman").to_doubles(), rounding);
    std::vector<double> fel;
    for (const double d : at("spearman").to_doubles())
        fel.push_back(std::sqrt(1 - std::abs(1 - d)));
    expect_near(found(Distance::unsigned_spearman), fel, 1e-7);
}

}  // namespace
}  // namespace whence::metrics
