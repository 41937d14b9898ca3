// Against the lime package on the same samples: lime.npz, made by make_lime_golden.py.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "whence/core/error.h"
#include "whence/data/npy.h"
#include "whence/perturb/discretize.h"
#include "whence/perturb/kernel.h"
#include "whence/perturb/local_tree.h"
#include "whence/perturb/logistic.h"
#include "whence/perturb/submodular_pick.h"
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
        const Kernel kernel{Distance::cosine, width};
        EXPECT_NEAR(kernel.weight(on, design.columns), design.weights[row], 1e-14);
    }
}

std::vector<int32_t> all_columns(const Design& design) {
    std::vector<int32_t> out(design.columns);
    std::iota(out.begin(), out.end(), 0);
    return out;
}

// In the order of the columns.
std::vector<double> by_column(const Surrogate& surrogate, int64_t columns) {
    std::vector<double> out(columns, 0.0);
    for (size_t i = 0; i < surrogate.features.size(); ++i)
        out[surrogate.features[i]] = surrogate.coefficients[i];
    return out;
}

// scikit-learn's coordinate descent stops at 1e-14 of the targets' squares: weights to 1e-6.
TEST_F(LimeGolden, Lasso) {
    const std::vector<std::pair<std::string, std::vector<std::string>>> cases{
        {"image", {"0.0001", "0.001", "0.01", "1.0"}}, {"table", {"0.001", "0.1", "0.5", "10.0"}}};
    for (const auto& [name, penalties] : cases) {
        const Design design = design_of(name);
        const Moments m = moments(design, numbers(name + "/y"));
        for (const std::string& penalty : penalties) {
            SCOPED_TRACE(name + " " + penalty);
            const std::vector<double> wanted = numbers(name + "/lasso/" + penalty);
            const Surrogate ours = fit_lasso(m, all_columns(design), std::stod(penalty));
            const std::vector<double> weights = by_column(ours, design.columns);
            for (int64_t j = 0; j < design.columns; ++j) EXPECT_NEAR(weights[j], wanted[j], 1e-6);
            EXPECT_NEAR(ours.intercept, wanted[design.columns], 1e-6);
            EXPECT_NEAR(ours.r2, wanted[design.columns + 1], 1e-6);
        }
        const Surrogate wrong = fit_lasso(m, all_columns(design), 1.1 * std::stod(penalties[1]));
        const std::vector<double> wanted = numbers(name + "/lasso/" + penalties[1]);
        double largest = 0;
        for (int64_t j = 0; j < design.columns; ++j)
            largest =
                std::max(largest, std::abs(by_column(wrong, design.columns)[j] - wanted[j]));
        EXPECT_GT(largest, 1e-5) << "the comparison can fail";
    }
}

// scikit-learn's lbfgs ends where nothing lessens the loss any more: weights to 1e-4.
TEST_F(LimeGolden, Logistic) {
    const Design design = design_of("image");
    for (const char* ridge : {"0.1", "1.0"}) {
        SCOPED_TRACE(ridge);
        const std::vector<double> wanted = numbers(std::string("image/logistic/") + ridge);
        const LogisticFit ours = fit_logistic(design, numbers("image/y"), all_columns(design),
                                              std::stod(ridge), 1);
        EXPECT_TRUE(ours.converged);
        const std::vector<double> weights = by_column(ours.surrogate, design.columns);
        for (int64_t j = 0; j < design.columns; ++j) EXPECT_NEAR(weights[j], wanted[j], 1e-4);
        EXPECT_NEAR(ours.surrogate.intercept, wanted[design.columns], 1e-4);
        const std::vector<double> here(design.columns, 1.0);
        EXPECT_NEAR(probability_of(ours.surrogate.at(here)), wanted[design.columns + 1], 1e-5);
    }
}

TEST_F(LimeGolden, Tree) {
    for (const std::string name : {"image", "table"})
        for (const int64_t depth : {2, 3}) {
            const std::string key = "/" + std::to_string(depth);
            SCOPED_TRACE(name + key);
            const Design design = design_of(name);
            const std::vector<double> wanted = numbers(name + "/tree" + key),
                                      leaves = numbers(name + "/leaves" + key);
            std::vector<double> origin(design.columns);
            for (int64_t c = 0; c < design.columns; ++c) origin[c] = design.at(0, c);
            const std::vector<double> answers = numbers(name + "/y");
            const LocalTree ours =
                fit_local_tree(design, answers, origin, all_columns(design), depth, {});
            const std::vector<double> importance = by_column(ours.surrogate, design.columns);
            for (int64_t j = 0; j < design.columns; ++j)
                EXPECT_NEAR(importance[j], wanted[j], 1e-9);
            EXPECT_NEAR(ours.at_input, wanted[design.columns], 1e-9);
            EXPECT_NEAR(ours.surrogate.r2, wanted[design.columns + 1], 1e-9);
            ASSERT_EQ(ours.leaves.size(), leaves.size());
            std::vector<double> values;
            double share = 0;
            for (const LocalLeaf& leaf : ours.leaves) {
                values.push_back(leaf.value);
                share += leaf.share;
            }
            std::ranges::sort(values);
            for (size_t i = 0; i < leaves.size(); ++i) EXPECT_NEAR(values[i], leaves[i], 1e-9);
            EXPECT_NEAR(share, 1, 1e-12);
            EXPECT_EQ(std::ranges::count(ours.leaves, true, &LocalLeaf::holds_here), 1);
        }
}

TEST_F(LimeGolden, Distances) {
    for (const std::string name : {"image", "table"}) {
        const Design design = design_of(name);
        std::vector<double> origin(design.columns), row(design.columns);
        for (int64_t c = 0; c < design.columns; ++c) origin[c] = design.at(0, c);
        for (const char* metric :
             {"euclidean", "sqeuclidean", "manhattan", "chebyshev", "hamming", "cosine"}) {
            SCOPED_TRACE(name + " " + metric);
            const Kernel kernel{parse_distance(metric), 0.7};
            const std::vector<double> wanted = numbers(name + "/distance/" + metric);
            for (int64_t r = 0; r < design.rows; ++r) {
                int64_t on = 0;
                for (int64_t c = 0; c < design.columns; ++c) {
                    row[c] = design.at(r, c);
                    on += row[c] == 1;
                }
                const double exponent = wanted[r] * wanted[r] / (2 * 0.7 * 0.7);
                EXPECT_NEAR(kernel.exponent(row, origin), exponent, 1e-12 * (1 + exponent));
                if (design.binary()) {
                    EXPECT_NEAR(kernel.exponent(on, design.columns), exponent,
                                1e-12 * (1 + exponent));
                }
            }
        }
    }
}

TEST_F(LimeGolden, SubmodularPick) {
    const Tensor& weights = at("pick/weights");
    const int64_t columns = weights.row_size();
    std::vector<Explanation> rows(weights.rows());
    for (int64_t r = 0; r < weights.rows(); ++r) {
        // In another order in each row, as LIME's attributions are.
        std::vector<double> values;
        for (int64_t i = 0; i < columns; ++i) {
            const int64_t j = (i * 5 + r) % columns;
            values.push_back(weights.as<double>()[r * columns + j]);
            rows[r].attribution.names.push_back(std::string("f") + std::to_string(j));
        }
        rows[r].attribution.values = Tensor::of<double>({columns}, values);
    }
    const Pick pick = submodular_pick(rows, 8);
    const std::vector<double> wanted = numbers("pick/rows");
    EXPECT_EQ(std::vector<double>(pick.rows.begin(), pick.rows.end()), wanted);
    EXPECT_TRUE(std::ranges::is_sorted(pick.coverage));
    EXPECT_LE(pick.coverage.back(), 1);
    EXPECT_THROW(static_cast<void>(submodular_pick(rows, 41)), Error);
    EXPECT_THROW(static_cast<void>(submodular_pick(rows, 0)), Error);
    EXPECT_THROW(static_cast<void>(submodular_pick({}, 1)), Error);
}

Schema columns() {
    Schema schema;
    for (int i = 0; i < 6; ++i) schema.push_back({.name = std::string("c") + std::to_string(i)});
    schema[5].categories = {"red", "green", "blue"};
    return schema;
}

std::vector<double> row_with(int64_t column, double value) {
    std::vector<double> row(6, 0.0);
    row[column] = value;
    return row;
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
                    EXPECT_EQ(space.describe(c, row_with(c, inside)), names[b]);
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
    EXPECT_EQ(space.describe(5, row_with(5, 1)), "c5=green");
    LimeTabularOptions plain;
    plain.discretizer = Discretizer::none;
    const TabularSpace scaled(columns(), at("bins/data"), plain);
    const std::vector<double> scaler = numbers("bins/scaler");
    for (int64_t c = 0; c < 6; ++c) {
        EXPECT_NEAR(scaled.columns()[c].mean, scaler[c], 1e-14);
        EXPECT_NEAR(scaled.columns()[c].scale, scaler[6 + c], 1e-13);
        EXPECT_EQ(scaled.describe(c, row_with(c, 0)),
                  c == 5 ? std::string("c5=red") : std::string("c") + std::to_string(c));
    }
}

}  // namespace
}  // namespace whence::perturb
