#include "whence/gradients/integrated_hessians.h"

#include <gtest/gtest.h>

#include "gradients/net_model.h"
#include "whence/gradients/integrated_gradients.h"

namespace whence {
namespace {

using namespace fakes;

// A difference of gradients errs by rounding over its step, 1e-16 / 6e-6, and by its step squared.
constexpr double differenced = 1e-9;
// 200 cells of a smooth path: the centre stands for the cell up to second order.
constexpr double cells = 1e-3;

Explanation explain(const FunctionModel& model, const Vector& x, int64_t steps = 200,
                    Baseline baseline = baseline::Value{0.25}) {
    return IntegratedHessians(model, std::move(baseline), {.steps = steps})
        .explain(batch_of(x), {}, plain_run);
}

Vector pairs_of(const Explanation& e) {
    return e.interactions->values.to_doubles();
}

// Of a quadratic from zero: G_ij = x_i Q_ij x_j / 4 off the diagonal, since the integral of -c ln c
// is a quarter. In the diagonal b_i x_i + (Qx)_i x_i / 4 more, the integral of -c ln c once again.
TEST(IntegratedHessians, OfAQuadraticAreKnown) {
    const Quadratic f = Quadratic::random(4, 3);
    const FunctionModel model = f.model();
    const Vector x = random_input(4, 4);
    const Explanation e = explain(model, x, 400, baseline::Zeros{});
    ASSERT_EQ(e.interactions->values.shape(), (Shape{4, 4}));
    const Vector pairs = pairs_of(e);
    for (size_t i = 0; i < 4; ++i)
        for (size_t j = 0; j < 4; ++j) {
            double wanted = x[i] * f.q[i][j] * x[j] / 4;
            if (i == j)
                for (size_t k = 0; k < 4; ++k) wanted += x[i] * f.q[i][k] * x[k] / 4;
            if (i == j) wanted += f.b[i] * x[i];
            EXPECT_NEAR(pairs[i * 4 + j], wanted, i == j ? 1e-4 : differenced) << i << " " << j;
        }
}

// The double integrals of the paper, with second derivatives by differences of the slow kind.
TEST(IntegratedHessians, IsItsDefinition) {
    const Net net = Net::random({3, 6, 1}, Net::Kind::tanh, 5);
    const FunctionModel model = net.model();
    const Vector x = {1, -0.5, 0.75};
    const Vector pairs = pairs_of(explain(model, x));
    constexpr int fine = 150;
    Vector twin(9, 0.0);
    for (int u = 0; u < fine; ++u)
        for (int v = 0; v < fine; ++v) {
            const double a = (u + 0.5) / fine, b = (v + 0.5) / fine;
            Vector p(3);
            for (size_t i = 0; i < 3; ++i) p[i] = 0.25 + a * b * (x[i] - 0.25);
            const Vector g = net.gradient(p, 0);
            for (size_t j = 0; j < 3; ++j) {
                Vector up = p, down = p;
                up[j] += 1e-5;
                down[j] -= 1e-5;
                const Vector above = net.gradient(up, 0), below = net.gradient(down, 0);
                for (size_t i = 0; i < 3; ++i)
                    twin[i * 3 + j] += a * b * (x[i] - 0.25) * (x[j] - 0.25) *
                                       (above[i] - below[i]) / 2e-5 / (fine * fine);
                twin[j * 3 + j] += (x[j] - 0.25) * g[j] / (fine * fine);
            }
        }
    EXPECT_LE(largest_difference(pairs, twin), cells);
    double size = 0;
    for (const double v : twin) size = std::max(size, std::abs(v));
    EXPECT_GT(size, 100 * cells);  // else the line above says nothing
}

TEST(IntegratedHessians, RowsAreIntegratedGradients) {
    const FunctionModel model = Net::random({5, 8, 2}, Net::Kind::tanh, 6).model();
    const Vector x = random_input(5, 7);
    const Explanation e = explain(model, x);
    const Vector pairs = pairs_of(e);
    const Vector ig = values_of(IntegratedGradients(model, baseline::Value{0.25}, {.steps = 1000})
                                    .explain(batch_of(x), {}, plain_run));
    for (size_t i = 0; i < 5; ++i) {
        double row = 0;
        for (size_t j = 0; j < 5; ++j) {
            row += pairs[i * 5 + j];
            EXPECT_EQ(pairs[i * 5 + j], pairs[j * 5 + i]);
        }
        EXPECT_NEAR(row, ig[i], cells);
        EXPECT_DOUBLE_EQ(values_of(e)[i], row);
    }
    EXPECT_NEAR(*e.diagnostics.attribution_error, 0, 5 * cells);
}

TEST(IntegratedHessians, CountsAndSkipsWhatDoesNotMove) {
    FunctionModel model = Net::random({5, 8, 2}, Net::Kind::tanh, 6).model();
    Vector x = random_input(5, 7);
    x[2] = 0.25;
    const Explanation e = explain(model, x, 10);
    EXPECT_EQ(e.provenance.gradient_evaluations, 10 * (2 * 4 + 1));
    EXPECT_EQ(model.gradient_rows, e.provenance.gradient_evaluations);
    EXPECT_EQ(e.provenance.evaluations, 2);
    const Vector pairs = pairs_of(e);
    for (size_t i = 0; i < 5; ++i) EXPECT_EQ(pairs[2 * 5 + i], 0);
    for (const int64_t batch : {1, 17}) {
        model.batch = batch;
        EXPECT_EQ(pairs_of(explain(model, x, 10)), pairs);
    }
}

// Kinks are interactions that only wide differences see with few steps.
TEST(IntegratedHessians, WideDifferencesSeeKinks) {
    double narrow = 0, wide = 0;
    for (uint64_t seed = 0; seed < 5; ++seed) {
        const FunctionModel model = Net::random({5, 16, 2}, Net::Kind::relu, seed).model();
        const auto error = [&](double difference) {
            return *IntegratedHessians(model, baseline::Value{0.25},
                                       {.steps = 50, .difference = difference})
                        .explain(batch_of(random_input(5, seed)), {}, plain_run)
                        .diagnostics.relative_error;
        };
        narrow = std::max(narrow, error(0));
        wide = std::max(wide, error(0.25));
    }
    EXPECT_GT(narrow, 0.1);
    EXPECT_LT(wide, narrow / 3);
}

TEST(IntegratedHessians, RefusesTooMany) {
    const FunctionModel model = Net::random({1001, 1}, Net::Kind::relu, 6).model();
    EXPECT_NE(
        message_of(ErrorKind::unsupported, [&] { (void)explain(model, random_input(1001, 7)); })
            .find("1001 features are too many"),
        std::string::npos);
    EXPECT_NE(message_of(ErrorKind::usage, [&] { IntegratedHessians(model, {}, {.steps = 0}); })
                  .find("from 1 to"),
              std::string::npos);
}

}  // namespace
}  // namespace whence
