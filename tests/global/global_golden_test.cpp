// Against scikit-learn on the same shuffles and grids: global.npz, made by make_global_golden.py.

#include <gtest/gtest.h>

#include <numeric>

#include "global/support.h"
#include "whence/data/npy.h"
#include "whence/global/curves.h"
#include "whence/global/importance.h"

namespace whence::global {
namespace {

using test::Example;

// Means of 60 numbers of size 10 in another order.
constexpr double rounding = 1e-12;

const Tensor& at(const std::string& name) {
    static const std::vector<NamedTensor> all =
        data::read_npz(WHENCE_SOURCE_DIR "/tests/global/global.npz");
    for (const NamedTensor& tensor : all)
        if (tensor.name == name) return tensor.value;
    throw std::runtime_error("global.npz has no " + name);
}

double formula(std::span<const double> x) {
    return std::sin(2 * x[0]) + x[1] * x[2] + (x[3] > 1 ? 1.5 : 0);
}

TEST(GlobalGolden, PermutationImportance) {
    const Example e(4, at("x").to_doubles(), formula);
    const Tensor& orders = at("orders");
    std::vector<std::vector<int32_t>> given;
    for (int64_t r = 0; r < orders.rows(); ++r) {
        const auto row = orders.as<int32_t>().subspan(r * 60, 60);
        given.emplace_back(row.begin(), row.end());
    }
    const std::vector<double> expected = at("importances").to_doubles();
    for (int64_t feature = 0; feature < 4; ++feature) {
        const auto found =
            loss_increases(e.task, feature, given,
                           {.loss = Loss::squared_error, .labels = at("y").to_doubles()}, {});
        for (size_t r = 0; r < given.size(); ++r)
            EXPECT_NEAR(std::accumulate(found[r].begin(), found[r].end(), 0.0) / 60,
                        expected[feature * given.size() + r], rounding)
                << feature << " " << r;
    }
}

TEST(GlobalGolden, PartialDependenceAndLines) {
    const Example e(4, at("x").to_doubles(), formula);
    for (int64_t feature = 0; feature < 4; ++feature) {
        std::string key = std::to_string(feature);
        key.insert(key.begin(), '/');
        const std::vector<double> grid = at("grid" + key).to_doubles();
        // Of few values both take all; else the grid is given.
        const CurveOptions options{.values = feature < 2 ? grid : std::vector<double>{}};
        const Curve found = dependence(e.task, feature, options, {});
        ASSERT_EQ(found.grid, grid);
        const std::vector<double> average = at("average" + key).to_doubles(),
                                  individual = at("individual" + key).to_doubles();
        for (size_t i = 0; i < grid.size(); ++i) {
            EXPECT_NEAR(found.values[i], average[i], rounding);
            for (size_t row = 0; row < 60; ++row)
                EXPECT_NEAR(found.lines[row][i], individual[row * grid.size() + i], rounding);
        }
    }
}

}  // namespace
}  // namespace whence::global
