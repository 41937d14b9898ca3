// Against the lime package on the same samples: lime.npz, made by make_lime_golden.py.

#include <gtest/gtest.h>

#include <cmath>

#include "whence/data/npy.h"
#include "whence/perturb/discretize.h"
#include "whence/perturb/image_samples.h"
#include "whence/perturb/surrogate.h"
#include "whence/perturb/tabular_space.h"

namespace whence::perturb {
namespace {

// Two ways of solving the same least squares in double differ by rounding times the condition
// number (below 1e4 here).
constexpr double relative = 1e-9;

class LimeGolden : public ::testing::Test {
  protected:
    static const Tensor& at(const std::string& name) {
        static const std::vector<NamedTensor> all =
            data::read_npz(WHENCE_SOURCE_DIR "/tests/perturb/lime.npz");
        for (const NamedTensor& tensor : all)
            if (tensor.name == name) return tensor.value;
        throw std::runtime_error("lime.npz has no " + name);
    }
    static std::vector<double> numbers(const std::string& name) { return at(name).to_doubles(); }

    static Design design_of(const std::string& name) {
        const Tensor& z = at(name + "/z");
        Design design{
            .rows = z.rows(), .columns = z.row_size(), .weights = numbers(name + "/weights")};
        if (z.type() == ElementType::uint8)
            design.bits.assign(z.as<uint8_t>().begin(), z.as<uint8_t>().end());
        else
            design.values = z.to_doubles();
        return design;
    }

    static void compare(const std::string& name, const std::vector<int64_t>& counts) {
        const Design design = design_of(name);
        const Moments m = moments(design, numbers(name + "/y"));
        std::vector<double> origin(design.columns);
        for (int64_t c = 0; c < design.columns; ++c) origin[c] = design.at(0, c);
        for (const char* method :
             {"none", "forward_selection", "highest_weights", "lasso_path", "auto"})
            for (const int64_t count : counts) {
                const std::string key = name + "/" + method + "/" + std::to_string(count);
                SCOPED_TRACE(key);
                const Surrogate ours =
                    fit(m, select_features(m, origin, parse_feature_selection(method), count), 1);
                const std::vector<double> features = numbers(key + "/features");
                ASSERT_EQ(std::vector<double>(ours.features.begin(), ours.features.end()),
                          features);
                const std::vector<double> weights = numbers(key + "/coefficients");
                const double scale = std::abs(weights[0]);
                for (size_t i = 0; i < weights.size(); ++i)
                    EXPECT_NEAR(ours.coefficients[i], weights[i], relative * scale);
                const std::vector<double> summary = numbers(key + "/summary");
                EXPECT_NEAR(ours.intercept, summary[0], relative * scale);
                EXPECT_NEAR(ours.r2, summary[1], relative);
                EXPECT_NEAR(ours.at(origin), summary[2], relative * scale);
            }
    }
};

TEST_F(LimeGolden, ImageFit) {
    compare("image", {3, 8, 100000});
}
TEST_F(LimeGolden, TableFit) {
    compare("table", {2, 5, 10, 12});
}

TEST_F(LimeGolden, ImageKernel) {
    const Design design = design_of("image");
    const double width = numbers("image/width")[0];
    for (int64_t row = 0; row < design.rows; ++row) {
        int64_t on = 0;
        for (int64_t c = 0; c < design.columns; ++c) on += design.bits[row * design.columns + c];
        EXPECT_NEAR(cosine_kernel(on, design.columns, width), design.weights[row], 1e-14);
    }
}

Schema columns() {
    Schema schema;
    for (int i = 0; i < 6; ++i) schema.push_back({.name = std::string("c") + std::to_string(i)});
    schema[5].categories = {"red", "green", "blue"};
    return schema;
}

TEST_F(LimeGolden, Bins) {
    LimeTabularOptions options;
    for (const double label : numbers("bins/labels"))
        options.background_labels.push_back(static_cast<int64_t>(label));
    for (const char* kind : {"quartile", "decile", "entropy"}) {
        options.discretizer = parse_discretizer(kind);
        const TabularSpace space(columns(), at("bins/data"), options);
        for (int64_t c = 0; c < 5; ++c) {
            const std::string key = std::string("bins/") + kind + "/" + std::to_string(c);
            SCOPED_TRACE(key);
            const Column& column = space.columns()[c];
            const std::vector<double> edges = numbers(key + "/edges");
            ASSERT_EQ(column.edges.size(), edges.size());
            const std::vector<double> means = numbers(key + "/means"),
                                      deviations = numbers(key + "/deviations"),
                                      ranges = numbers(key + "/ranges");
            const std::span<const std::string> names = at(key + "/names").as<std::string>();
            for (size_t e = 0; e < edges.size(); ++e) EXPECT_EQ(column.edges[e], edges[e]);
            for (size_t b = 0; b < means.size(); ++b) {
                const Level& level = column.levels[b];
                EXPECT_EQ(level.low, ranges[b]);
                EXPECT_EQ(level.high, ranges[means.size() + b]);
                // The midpoint of a bin lies in it, the last one's on its upper edge belongs to it.
                const double inside = level.low == level.high ? level.high
                                      : b == edges.size()     ? level.high
                                                              : (level.low + level.high) / 2;
                if (level.low < level.high) {
                    EXPECT_EQ(space.describe(c, inside), names[b]);
                }
                if (level.frequency == 0) continue;
                EXPECT_NEAR(level.mean, means[b], 1e-13);
                EXPECT_NEAR(level.deviation, deviations[b], 1e-13);
            }
        }
    }
}

TEST_F(LimeGolden, FrequenciesAndScales) {
    const TabularSpace space(columns(), at("bins/data"), {});
    for (int64_t c = 0; c < 6; ++c) {
        std::vector<double> present;
        for (const Level& level : space.columns()[c].levels)
            if (level.frequency > 0) present.push_back(level.frequency);
        EXPECT_EQ(present, numbers("bins/frequencies/" + std::to_string(c)));
    }
    EXPECT_EQ(space.describe(5, 1), "c5=green");
    LimeTabularOptions plain;
    plain.discretizer = Discretizer::none;
    const TabularSpace scaled(columns(), at("bins/data"), plain);
    const std::vector<double> scaler = numbers("bins/scaler");
    for (int64_t c = 0; c < 6; ++c) {
        EXPECT_NEAR(scaled.columns()[c].mean, scaler[c], 1e-14);
        EXPECT_NEAR(scaled.columns()[c].scale, scaler[6 + c], 1e-13);
        EXPECT_EQ(scaled.describe(c, 0),
                  c == 5 ? std::string("c5=red") : std::string("c") + std::to_string(c));
    }
}

}  // namespace
}  // namespace whence::perturb
