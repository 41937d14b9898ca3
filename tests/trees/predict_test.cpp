// Predictor against the slow obvious walk.

#include "whence/trees/predict.h"

#include <gtest/gtest.h>

#include <cmath>

#include "message_of.h"
#include "random_ensembles.h"
#include "whence/core/error.h"

namespace whence::trees {
namespace {

using testing::RandomEnsembles;

MatrixView<const double> view(const std::vector<double>& rows, int64_t features) {
    return {rows.data(), static_cast<int64_t>(rows.size()) / features, features};
}

void expect_slow(const Ensemble& ensemble, const std::vector<double>& rows) {
    const int64_t features = ensemble.features(), outputs = ensemble.outputs();
    const std::vector<double> fast = Predictor(ensemble).margins(view(rows, features), {});
    ASSERT_EQ(static_cast<int64_t>(fast.size()) / outputs,
              static_cast<int64_t>(rows.size()) / features);
    for (size_t row = 0; row < rows.size() / features; ++row) {
        const std::vector<double> slow =
            testing::slow_margins(ensemble, rows.data() + row * features);
        for (int64_t k = 0; k < outputs; ++k)
            ASSERT_EQ(fast[row * outputs + k], slow[k]) << "row " << row;
    }
}

TEST(Predictor, AgreesWithTheSlowWalkToTheLastBit) {
    for (unsigned seed = 0; seed < 40; ++seed) {
        RandomEnsembles random(seed);
        EnsembleParts parts = random.parts({.trees = 7,
                                            .features = seed % 3 == 0 ? 1 : 9,
                                            .outputs = seed % 4 == 0 ? 3 : 1,
                                            .depth = static_cast<int>(seed % 10),
                                            .vector_leaves = seed % 8 == 0});
        parts.float_inputs = seed % 2 == 0;
        if (seed % 5 == 0) parts.divisor = 7;
        if (seed % 6 == 0) parts.zero_is_missing.assign(static_cast<size_t>(parts.features), true);
        expect_slow(Ensemble::build(parts), random.rows(301, parts.features));
    }
}

TEST(Predictor, RoundsToFloat32OnlyWhereTheEnsembleDoes) {
    Tree tree;
    tree.nodes = {{.feature = 0, .left = 1, .right = 2, .threshold = 1}, {.leaf = 0}, {.leaf = 1}};
    tree.values = {10, 20};
    EnsembleParts parts{.trees = {tree}, .features = 1, .base = {0}};
    const std::vector<double> above = {std::nextafter(1.0, 2.0)};
    EXPECT_EQ(Predictor(Ensemble::build(parts)).margins(view(above, 1), {})[0], 10);
    parts.float_inputs = false;
    EXPECT_EQ(Predictor(Ensemble::build(parts)).margins(view(above, 1), {})[0], 20);
}

TEST(Predictor, Float32RowsGiveWhatTheSameNumbersInDoubleGive) {
    RandomEnsembles random(3);
    const Ensemble ensemble = Ensemble::build(random.parts({}));
    std::vector<double> rows = random.rows(100, 6);
    std::vector<float> floats(rows.begin(), rows.end());
    rows.assign(floats.begin(), floats.end());
    const Predictor predictor(ensemble);
    EXPECT_EQ(predictor.margins(MatrixView<const float>{floats.data(), 100, 6}, {}),
              predictor.margins(view(rows, 6), {}));
}

TEST(Predictor, GivesTheSameBitsOnAnyNumberOfThreadsAndForEachRowAlone) {
    RandomEnsembles random(4);
    const Ensemble ensemble = Ensemble::build(random.parts({.trees = 50, .depth = 8}));
    const std::vector<double> rows = random.rows(3000, 6);
    const Predictor predictor(ensemble);
    whence::Run run{.threads = 1};
    const std::vector<double> one = predictor.margins(view(rows, 6), run);
    for (const int threads : {2, 8}) {
        run.threads = threads;
        EXPECT_EQ(predictor.margins(view(rows, 6), run), one);
    }
    for (const int64_t row : {0, 255, 256, 2999})
        EXPECT_EQ(predictor.margins(MatrixView<const double>{rows.data() + row * 6, 1, 6}, {})[0],
                  one[row]);
}

TEST(Predictor, RefusesRowsOfAnotherWidthAndStops) {
    RandomEnsembles random(5);
    const Predictor predictor(Ensemble::build(random.parts({})));
    const std::vector<double> rows(10, 0.0);
    EXPECT_EQ(message_of(ErrorKind::input,
                         [&] { static_cast<void>(predictor.margins(view(rows, 5), {})); }),
              "the ensemble reads 6 features, not 5");
    std::stop_source stop;
    stop.request_stop();
    const whence::Run stopped{.stop = stop.get_token()};
    const std::vector<double> six(6, 0.0);
    message_of(ErrorKind::interrupted,
               [&] { static_cast<void>(predictor.margins(view(six, 6), stopped)); });
}

TEST(Predictor, AnswersForNoRowsAndNoTrees) {
    const Predictor predictor(Ensemble::build({.features = 2, .outputs = 2, .base = {1, 2}}));
    EXPECT_TRUE(predictor.margins(MatrixView<const double>{nullptr, 0, 2}, {}).empty());
    const std::vector<double> row = {0, 0};
    EXPECT_EQ(predictor.margins(view(row, 2), {}), (std::vector<double>{1, 2}));
}

TEST(Link, TurnsMarginsIntoPredictions) {
    const auto applied = [](Link link, std::vector<double> m, int64_t outputs = 1) {
        apply_link(link, outputs, m);
        return m;
    };
    EXPECT_EQ(applied(Link::identity, {-2, 3}), (std::vector<double>{-2, 3}));
    EXPECT_EQ(applied(Link::logistic, {0, -800, 800}), (std::vector<double>{0.5, 0, 1}));
    EXPECT_NEAR(applied(Link::logistic, {1})[0], 0.7310585786300049, 1e-16);
    EXPECT_EQ(applied(Link::exponential, {0, 1}), (std::vector<double>{1, std::exp(1.0)}));
    EXPECT_EQ(applied(Link::signed_square, {-3, 3}), (std::vector<double>{-9, 9}));
    EXPECT_EQ(applied(Link::step, {-1, 0, 1}), (std::vector<double>{0, 0, 1}));
    EXPECT_NEAR(applied(Link::softplus, {1})[0], 1.3132616875182228, 1e-15);
    EXPECT_EQ(applied(Link::softplus, {1000, -1000}), (std::vector<double>{1000, 0}));
    const std::vector<double> up = applied(Link::ascending, {-1, 0, 1000, 5, -1000, 0}, 3);
    EXPECT_EQ(up[0], -1);
    EXPECT_NEAR(up[1], -1 + std::log(2.0) + 1e-6, 1e-15);
    EXPECT_NEAR(up[2] - up[1], 1000 + 1e-6, 1e-12);
    EXPECT_EQ(up[3], 5);
    EXPECT_EQ(up[4], 5 + 1e-6);
    const std::vector<double> p = applied(Link::softmax, {1000, 1000, 0, std::log(3.0)}, 2);
    EXPECT_NEAR(p[0], 0.5, 1e-16);
    EXPECT_NEAR(p[2], 0.25, 1e-16);
    EXPECT_NEAR(p[3], 0.75, 1e-16);
}

}  // namespace
}  // namespace whence::trees
