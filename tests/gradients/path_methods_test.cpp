// IDGI, guided IG, blur IG: each with a path or a sum of its own. And the difference map.

#include <gtest/gtest.h>

#include <limits>

#include "gradients/net_model.h"
#include "whence/gradients/blur_ig.h"
#include "whence/gradients/difference_map.h"
#include "whence/gradients/guided_ig.h"
#include "whence/gradients/idgi.h"
#include "whence/gradients/input_x_gradient.h"

namespace whence {
namespace {

using namespace fakes;

constexpr double accumulated = 1e-12;

TEST(Idgi, IsItsDefinition) {
    const Net net = Net::random({6, 12, 2}, Net::Kind::tanh, 3);
    const FunctionModel model = net.model();
    const Vector x = random_input(6, 1);
    const Explanation e =
        Idgi(model, baseline::Value{0.2}, {.steps = 9}).explain(batch_of(x), {}, plain_run);
    const int64_t top = e.target.resolved.index;
    Vector twin(6, 0.0);
    for (int k = 0; k < 9; ++k) {
        Vector here(6), next(6);
        for (size_t i = 0; i < 6; ++i) {
            here[i] = 0.2 + k / 9.0 * (x[i] - 0.2);
            next[i] = 0.2 + (k + 1) / 9.0 * (x[i] - 0.2);
        }
        const Vector g = net.gradient(here, top);
        double squares = 0;
        for (const double v : g) squares += v * v;
        const double change = net.forward(next).back()[top] - net.forward(here).back()[top];
        for (size_t i = 0; i < 6; ++i) twin[i] += change * g[i] * g[i] / squares;
    }
    EXPECT_LE(largest_difference(values_of(e), twin), accumulated);
    EXPECT_NEAR(*e.diagnostics.attribution_error, 0, accumulated);
    EXPECT_TRUE(has_note(e, "by construction"));
    EXPECT_EQ(e.provenance.gradient_evaluations, 9);
    EXPECT_EQ(e.provenance.evaluations, 1);
}

// Flat up to 1, then rising: the step that leaves the flat part has no gradient to share by.
TEST(Idgi, SaysWhatNoFeatureGot) {
    const FunctionModel model(
        1, 1, [](const Vector& x) { return Vector{std::max(0.0, x[0] - 1)}; },
        [](const Vector& x, int64_t) { return Vector{x[0] > 1 ? 1.0 : 0.0}; });
    const Explanation e = Idgi(model, {}, {.steps = 2}).explain(batch_of({3}), {}, plain_run);
    EXPECT_EQ(values_of(e), Vector{1.5});
    EXPECT_EQ(e.diagnostics.attribution_error, -0.5);
    EXPECT_TRUE(has_note(e, "a change of 0.5 happened where the gradient was zero"));
}

// The slow twin of guided IG: the algorithm as its description reads, with sorting where the fast
// one selects, and distances from scratch everywhere.
Vector guided_twin(const Net& net, int64_t top, const Vector& x, const Vector& x0,
                   const GuidedIgOptions& options, Vector* end = nullptr) {
    const size_t n = x.size();
    const auto along = [&](size_t i, double a) { return x0[i] + a * (x[i] - x0[i]); };
    const auto distance = [&](const Vector& p) {
        double d = 0;
        for (size_t i = 0; i < n; ++i) d += std::abs(x[i] - p[i]);
        return d;
    };
    Vector p = x0, sum(n, 0.0);
    for (int64_t s = 1; s <= options.steps; ++s) {
        const double a = static_cast<double>(s) / static_cast<double>(options.steps);
        const double low = std::max(0.0, a - options.max_distance),
                     high = std::min(1.0, a + options.max_distance);
        const Vector g = net.gradient(p, top), before = p;
        for (size_t i = 0; i < n; ++i)
            if (x[i] != x0[i] && (p[i] - x0[i]) / (x[i] - x0[i]) < low) p[i] = along(i, low);
        for (int round = 0; round < 1000; ++round) {
            const double excess = distance(p) - (1 - a) * distance(x0);
            if (excess <= 1e-9 * distance(x0)) break;
            Vector steep(n);
            for (size_t i = 0; i < n; ++i)
                steep[i] = std::abs(p[i] - along(i, high)) < 1e-14 || x[i] == x0[i]
                               ? std::numeric_limits<double>::infinity()
                               : std::abs(g[i]);
            Vector sorted = steep;
            std::ranges::sort(sorted);
            const double limit = sorted[static_cast<size_t>(options.fraction * (n - 1))];
            double room = 0;
            for (size_t i = 0; i < n; ++i)
                if (steep[i] <= limit && std::isfinite(steep[i]))
                    room += std::abs(along(i, high) - p[i]);
            const double share = excess / room;
            for (size_t i = 0; i < n; ++i)
                if (steep[i] <= limit && std::isfinite(steep[i]))
                    p[i] += std::min(1.0, share) * (along(i, high) - p[i]);
            if (share < 1) break;
        }
        for (size_t i = 0; i < n; ++i) sum[i] += (p[i] - before[i]) * g[i];
    }
    if (end) *end = p;
    return sum;
}

TEST(GuidedIg, IsItsSlowTwin) {
    for (uint64_t seed = 0; seed < 5; ++seed) {
        const Net net = Net::random({11, 16, 2}, Net::Kind::tanh, seed);
        const FunctionModel model = net.model();
        Vector x = random_input(11, seed);
        x[3] = 0.1;  // no way to go
        const GuidedIgOptions options{.steps = 40, .max_distance = 0.05, .compatible = true};
        const Explanation e =
            GuidedIg(model, baseline::Value{0.1}, options).explain(batch_of(x), {}, plain_run);
        Vector end;
        const Vector twin =
            guided_twin(net, e.target.resolved.index, x, Vector(11, 0.1), options, &end);
        EXPECT_LE(largest_difference(values_of(e), twin), 1e-9) << seed;
        EXPECT_LE(largest_difference(end, x), 1e-8);
        EXPECT_EQ(values_of(e)[3], 0);
        EXPECT_EQ(e.provenance.gradient_evaluations, 41);
    }
}

TEST(GuidedIg, AddsUpForSmoothModelsAndBetterThanTheAuthorsSum) {
    const FunctionModel model = Net::random({11, 16, 2}, Net::Kind::tanh, 2).model();
    const Vector x = random_input(11, 2);
    const auto error = [&](int64_t steps, bool compatible) {
        return std::abs(*GuidedIg(model, {}, {.steps = steps, .compatible = compatible})
                             .explain(batch_of(x), {}, plain_run)
                             .diagnostics.attribution_error);
    };
    EXPECT_LT(error(2000, false), 1e-3);
    EXPECT_LT(error(2000, true), 3e-2);
    EXPECT_LT(error(200, false), error(200, true) / 3);
}

// With all features moving at once and no slack the path is the straight line.
TEST(GuidedIg, BecomesIntegratedGradients) {
    const Net net = Net::random({5, 9, 2}, Net::Kind::tanh, 2);
    const FunctionModel model = net.model();
    const Vector x = random_input(5, 2);
    const Explanation e = GuidedIg(model, {}, {.steps = 64, .fraction = 1, .max_distance = 0})
                              .explain(batch_of(x), {}, plain_run);
    Vector twin(5, 0.0);  // trapezoid rule
    for (int k = 0; k <= 64; ++k) {
        Vector p = x;
        for (double& v : p) v *= k / 64.0;
        const Vector g = net.gradient(p, e.target.resolved.index);
        for (size_t i = 0; i < 5; ++i) twin[i] += (k % 64 ? 1 : 0.5) / 64 * g[i] * x[i];
    }
    EXPECT_LE(largest_difference(values_of(e), twin), 1e-9);
}

TEST(GuidedIg, NoWayAtAll) {
    const FunctionModel model = Net::random({3, 4, 2}, Net::Kind::tanh, 2).model();
    const Explanation e = GuidedIg(model, baseline::Value{2}, {.steps = 3})
                              .explain(batch_of({2, 2, 2}), {}, plain_run);
    EXPECT_EQ(values_of(e), Vector(3, 0.0));
    EXPECT_EQ(e.diagnostics.attribution_error, 0);
}

Batch image_of(const Vector& pixels, const Shape& shape) {
    return Batch(Tensor::of<double>(shape, pixels));
}

// The definition with finite differences of the path, very finely.
TEST(BlurIg, IsItsDefinition) {
    const Net net = Net::random({64, 12, 2}, Net::Kind::tanh, 3);
    const FunctionModel model = net.model();
    const Vector x = random_input(64, 1);
    const Shape shape = {1, 1, 8, 8};
    const Explanation e =
        BlurIg(model, {.steps = 400, .max_sigma = 3}).explain(image_of(x, shape), {}, plain_run);
    constexpr int fine = 3000;
    const auto blurred = [&](double sigma) {
        const Tensor image = Tensor::of<double>(shape, x);
        return sigma > 0 ? baseline_values(baseline::Blur{sigma}, image, plain_run).to_doubles()
                         : x;
    };
    Vector twin(64, 0.0);
    for (int k = 0; k < fine; ++k) {
        const Vector from = blurred(3 * (1 - static_cast<double>(k) / fine)),
                     to = blurred(3 * (1 - (k + 1.0) / fine)),
                     middle = blurred(3 * (1 - (k + 0.5) / fine));
        const Vector g = net.gradient(middle, e.target.resolved.index);
        for (size_t i = 0; i < 64; ++i) twin[i] += (to[i] - from[i]) * g[i];
    }
    EXPECT_LE(largest_difference(values_of(e), twin), 1e-4);
    EXPECT_LE(std::abs(*e.diagnostics.attribution_error), 1e-3);
    EXPECT_EQ(e.target.baseline, "blur:3");
    EXPECT_EQ(e.provenance.gradient_evaluations, 401);
}

TEST(BlurIg, IsTheSameForEveryBatchSize) {
    FunctionModel model = Net::random({48, 12, 2}, Net::Kind::relu, 3).model();
    const Batch image = image_of(random_input(48, 1), {1, 4, 4, 3});
    const auto values = [&] {
        return values_of(
            BlurIg(model, {.steps = 10, .max_sigma = 2}).explain(image, {}, plain_run));
    };
    const Vector once = values();
    for (const int64_t batch : {1, 3, 64}) {
        model.batch = batch;
        EXPECT_EQ(values(), once);
    }
}

TEST(BlurIg, NeedsAnImage) {
    const FunctionModel model = Net::random({6, 2}, Net::Kind::relu, 3).model();
    EXPECT_NE(message_of(
                  ErrorKind::usage,
                  [&] { (void)BlurIg(model).explain(batch_of(random_input(6, 1)), {}, plain_run); })
                  .find("needs an image"),
              std::string::npos);
    EXPECT_NE(
        message_of(ErrorKind::usage, [&] { BlurIg(model, {.max_sigma = 0}); }).find("from 0.1"),
        std::string::npos);
}

TEST(DifferenceMap, SumsInputTimesGradientOverChannels) {
    const FunctionModel model = Net::random({24, 12, 2}, Net::Kind::tanh, 3).model();
    const Batch features = image_of(random_input(24, 1), {1, 6, 2, 2});
    const Explanation products =
        InputXGradient(model, {.baseline = baseline::Value{0.5}}).explain(features, {}, plain_run);
    const Explanation e =
        DifferenceMap(model, {.baseline = baseline::Value{0.5}}).explain(features, {}, plain_run);
    EXPECT_EQ(e.attribution.values.shape(), (Shape{1, 1, 2, 2}));
    const Vector all = values_of(products);
    for (size_t pixel = 0; pixel < 4; ++pixel) {
        double sum = 0;
        for (size_t k = 0; k < 6; ++k) sum += all[k * 4 + pixel];
        EXPECT_NEAR(values_of(e)[pixel], sum, accumulated);
    }
    EXPECT_EQ(e.diagnostics.attribution_error, products.diagnostics.attribution_error);
    EXPECT_EQ(e.provenance.method, "difference-map");
}

TEST(DifferenceMap, LeavesFeaturesWithoutSpaceAsTheyAre) {
    const FunctionModel model = Net::random({6, 2}, Net::Kind::tanh, 3).model();
    const Explanation e = DifferenceMap(model).explain(batch_of(random_input(6, 1)), {}, plain_run);
    EXPECT_EQ(e.attribution.values.shape(), (Shape{1, 6}));
    EXPECT_NEAR(*e.diagnostics.attribution_error, 0, accumulated);
}

}  // namespace
}  // namespace whence
