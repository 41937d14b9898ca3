// MeGe and ReCo: the worked examples of docs/metrics/consistency.md, and slow twins.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/support.h"
#include "whence/core/rng.h"
#include "whence/metrics/consistency.h"
#include "whence/metrics/k_folds.h"
#include "whence/metrics/statistics.h"

namespace whence::metrics {
namespace {

using testing::error_of;
using testing::plain_run;
using Values = std::vector<double>;
using Classes = std::vector<int64_t>;

constexpr double rounding = 1e-12;

ClassPairs pairs_of(const Values& rows, const Classes& classes,
                    Distance kind = Distance::mean_absolute,
                    Normalisation normalisation = Normalisation::none) {
    const auto n = std::ssize(classes);
    return class_pairs({rows.data(), n, std::ssize(rows) / n}, classes, kind, normalisation,
                       plain_run);
}

// Explanations of one number: 0 and 1 of class 0, 5 and 8 of class 1. Within 1, 3; between 5, 8,
// 4, 7.
TEST(OneModel, WorkedExample) {
    const ClassPairs pairs = pairs_of({0, 1, 5, 8}, {0, 0, 1, 1});
    EXPECT_NEAR(mege(pairs), 1 - 2.0 / 3, rounding);
    EXPECT_NEAR(mege(pairs, MegeScale::largest_pair), 0.75, rounding);
    EXPECT_NEAR(mege(pairs, MegeScale::absolute), 1.0 / 3, rounding);
    const Reco perfect = reco(pairs);
    EXPECT_EQ(perfect.value, 1);
    EXPECT_EQ(perfect.delta, 4);
    // Within 2, 4; between 2, 6, 0, 4: at 6 both of 2 below, one of 4 not.
    const Reco tied = reco(pairs_of({0, 2, 2, 6}, {7, 7, -1, -1}));
    EXPECT_NEAR(tied.value, 0.625, rounding);
    EXPECT_EQ(tied.delta, 6);
    EXPECT_EQ(tied.true_positives, 1);
    EXPECT_EQ(tied.true_negatives, 0.25);
}

// Every candidate, every pair.
double reco_twin(const ClassPairs& pairs) {
    Values deltas = pairs.same;
    deltas.insert(deltas.end(), pairs.different.begin(), pairs.different.end());
    deltas.push_back(std::numeric_limits<double>::infinity());
    double best = 0;
    for (const double delta : deltas) {
        double tp = 0, tn = 0;
        for (const double d : pairs.same) tp += d < delta;
        for (const double d : pairs.different) tn += !(d < delta);
        best = std::max(best, (tp / static_cast<double>(pairs.same.size()) +
                               tn / static_cast<double>(pairs.different.size())) /
                                  2);
    }
    return best;
}

TEST(OneModel, TwinsOnManyCases) {
    for (uint64_t seed = 0; seed < 40; ++seed) {
        Rng rng(seed, 1, 0);
        const int64_t n = 6 + static_cast<int64_t>(rng.below(20)), columns = 5;
        Values rows(n * columns);
        Classes classes(n);
        for (double& v : rows) v = static_cast<double>(rng.below(seed % 2 ? 4 : 1000));
        for (int64_t i = 0; i < n; ++i) classes[i] = i < 2 ? 0 : static_cast<int64_t>(rng.below(3));
        classes[n - 1] = 1;
        for (const Distance kind : {Distance::mean_absolute, Distance::euclidean,
                                    Distance::spearman, Distance::unsigned_spearman}) {
            const ClassPairs pairs = pairs_of(rows, classes, kind);
            EXPECT_EQ(std::ssize(pairs.same) + std::ssize(pairs.different) + pairs.skipped,
                      n * (n - 1) / 2);
            EXPECT_NEAR(reco(pairs).value, reco_twin(pairs), rounding);
            EXPECT_GE(reco(pairs).value, 0.5);
            double sum = 0, largest = 0, with_pairs = 0;
            for (int64_t c = 0; c < 3; ++c) {
                double total = 0, count = 0;
                for (int64_t i = 0; i < n; ++i)
                    for (int64_t j = i + 1; j < n; ++j) {
                        if (classes[i] != c || classes[j] != c) continue;
                        const double d =
                            distance(std::span(rows).subspan(i * columns, columns),
                                     std::span(rows).subspan(j * columns, columns), kind);
                        if (std::isnan(d)) continue;
                        total += d;
                        ++count;
                    }
                if (count == 0) continue;
                sum += total / count;
                largest = std::max(largest, total / count);
                ++with_pairs;
            }
            EXPECT_NEAR(mege(pairs), 1 - sum / with_pairs / largest, 1e-9) << seed;
        }
    }
}

TEST(OneModel, TheScaleOfExplanationsCancels) {
    const Values rows = {1, 2, 4, 1, 3, 3, 0, 5, 2, 2, 2, 9};
    Values louder = rows;
    for (double& v : louder) v *= 1000;
    const Classes classes = {0, 0, 1, 1};
    EXPECT_NEAR(mege(pairs_of(louder, classes)), mege(pairs_of(rows, classes)), rounding);
    EXPECT_GT(mege(pairs_of(rows, classes), MegeScale::absolute),
              mege(pairs_of(louder, classes), MegeScale::absolute));
    // One explanation louder than the rest: only the normalisation takes it away.
    Values one = rows;
    for (int i = 0; i < 3; ++i) one[i] *= 1000;
    const auto normalised = [&](const Values& r) {
        return mege(pairs_of(r, classes, Distance::euclidean, Normalisation::largest));
    };
    EXPECT_NEAR(normalised(one), normalised(rows), rounding);
    EXPECT_GT(std::abs(mege(pairs_of(one, classes)) - mege(pairs_of(rows, classes))), 0.05);
}

TEST(OneModel, AlikeWithinClasses) {
    const ClassPairs pairs = pairs_of({3, 3, 4, 4}, {0, 0, 1, 1});
    EXPECT_EQ(mege(pairs), 1);
    EXPECT_EQ(reco(pairs).value, 1);
}

TEST(OneModel, ConstantExplanationsAreSkippedAndCounted) {
    const ClassPairs pairs = pairs_of({1, 1, 1, 2, 1, 3, 5, 2}, {0, 0, 1, 1}, Distance::pearson);
    EXPECT_EQ(pairs.skipped, 3);
    error_of(ErrorKind::input, [] {
        return reco(pairs_of({1, 1, 1, 1}, {0, 1}, Distance::cosine));
    });
}

TEST(OneModel, TheSameOnManyThreads) {
    Values rows(200 * 30);
    Classes classes(200);
    for (size_t i = 0; i < rows.size(); ++i) rows[i] = Rng(2, 1, i).uniform();
    for (size_t i = 0; i < classes.size(); ++i) classes[i] = static_cast<int64_t>(i % 7);
    const auto asked = [&](int threads) {
        whence::Run run;
        run.threads = threads;
        return class_pairs({rows.data(), 200, 30}, classes, Distance::spearman, Normalisation::none,
                           run);
    };
    for (const int threads : {2, 8}) {
        EXPECT_EQ(asked(threads).same, asked(1).same);
        EXPECT_EQ(asked(threads).different, asked(1).different);
    }
}

TEST(OneModel, Refusals) {
    error_of(ErrorKind::input, [] { return mege(pairs_of({1, 2}, {0, 1})); });
    error_of(ErrorKind::input, [] { return reco(pairs_of({1, 2}, {0, 1})); });
    error_of(ErrorKind::input, [] { return reco(pairs_of({1, 2}, {0, 0})); });
    error_of(ErrorKind::input, [] { return pairs_of({1, NAN}, {0, 0}); });
    const Values rows = {1, 2};
    const Classes three = {0, 0, 0};
    error_of(ErrorKind::input, [&] {
        return class_pairs({rows.data(), 2, 1}, three, Distance::pearson, Normalisation::none,
                           plain_run);
    });
    error_of(ErrorKind::usage, [] { return parse_distance("manhattan"); });
    EXPECT_EQ(parse_distance(name(Distance::unsigned_spearman)), Distance::unsigned_spearman);
    error_of(ErrorKind::usage, [] { return parse_normalisation("l2"); });
    EXPECT_EQ(parse_normalisation("largest"), Normalisation::largest);
}

// Two models, four inputs. Input 0: the same; 1: opposite; 2 and 3: rank correlation 1/2.
TEST(KFolds, WorkedExample) {
    const Values explanations = {1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3,   // model 0
                                 1, 2, 3, 3, 2, 1, 1, 3, 2, 2, 1, 3};  // model 1
    const std::vector<uint8_t> correct = {1, 1, 1, 0, 1, 0, 1, 0};
    const FoldPairs pairs = fold_pairs(
        {.models = 2, .inputs = 4, .features = 3, .explanations = explanations, .correct = correct},
        plain_run);
    ASSERT_EQ(pairs.agree.size(), 2);
    EXPECT_NEAR(pairs.agree[0], 0, 1e-7);
    EXPECT_NEAR(pairs.agree[1], std::sqrt(0.5), rounding);
    ASSERT_EQ(pairs.disagree.size(), 1);  // the sign of the correlation does not count
    EXPECT_NEAR(pairs.disagree[0], 0, 1e-7);
    EXPECT_NEAR(fold_mege(pairs), 1 / (1 + std::sqrt(0.5) / 2), 1e-7);
}

TEST(KFolds, Reco) {
    EXPECT_NEAR(fold_reco({.agree = {0.1, 0.2}, .disagree = {0.5, 0.7}}), 1, rounding);
    // At 0.4: 2 of 3 below, 1 of 1 above (0.4 itself left out).
    EXPECT_NEAR(fold_reco({.agree = {0.1, 0.2, 0.6}, .disagree = {0.4, 0.9}}), 2.0 / 3, rounding);
    EXPECT_EQ(fold_reco({.agree = {0.8, 0.9}, .disagree = {0.1, 0.2}}), 0);
    // Equals are left out: with one distance on each side nothing remains to be compared.
    EXPECT_EQ(fold_reco({.agree = {0.1}, .disagree = {0.5}}), 0);
}

// Every threshold, every distance; the reference looks at every (m / 20 + 1)-th.
double fold_reco_twin(const FoldPairs& pairs, size_t step) {
    Values gammas = pairs.agree;
    gammas.insert(gammas.end(), pairs.disagree.begin(), pairs.disagree.end());
    std::ranges::sort(gammas);
    double best = 0;
    for (size_t g = 0; g < gammas.size(); g += step) {
        double tp = 0, fn = 0, tn = 0, fp = 0;
        for (const double d : pairs.agree) (d < gammas[g] ? tp : fn) += d != gammas[g];
        for (const double d : pairs.disagree) (d > gammas[g] ? tn : fp) += d != gammas[g];
        best = std::max(best, tp / (tp + fn + 1e-10) + tn / (tn + fp + 1e-10) - 1);
    }
    return best;
}

TEST(KFolds, TwinsOnManyCases) {
    int thinned_differs = 0;
    for (uint64_t seed = 0; seed < 30; ++seed) {
        const int64_t models = 3, inputs = 60, features = 6;
        Rng rng(seed, 2, 0);
        Values explanations(models * inputs * features);
        std::vector<uint8_t> correct(models * inputs);
        for (double& v : explanations) v = static_cast<double>(rng.below(seed % 2 ? 3 : 100));
        for (uint8_t& c : correct) c = rng.below(3) != 0;
        const FoldPairs found =
            fold_pairs({models, inputs, features, explanations, correct}, plain_run);
        FoldPairs twin;
        for (int64_t i = 0; i < models; ++i)
            for (int64_t j = i + 1; j < models; ++j)
                for (int64_t x = 0; x < inputs; ++x) {
                    const int64_t unseen_by = x / 20;
                    const int right = correct[i * inputs + x] + correct[j * inputs + x];
                    if ((unseen_by != i && unseen_by != j) || right == 0) continue;
                    const auto of = [&](int64_t model) {
                        return std::span(explanations)
                            .subspan((model * inputs + x) * features, features);
                    };
                    const double d = std::sqrt(1 - std::abs(spearman(of(i), of(j))));
                    if (!std::isnan(d)) (right == 2 ? twin.agree : twin.disagree).push_back(d);
                }
        ASSERT_EQ(found.agree.size(), twin.agree.size());
        ASSERT_EQ(found.disagree.size(), twin.disagree.size());
        for (size_t p = 0; p < twin.agree.size(); ++p)
            EXPECT_NEAR(found.agree[p], twin.agree[p], 1e-7);
        EXPECT_NEAR(fold_reco(found), fold_reco_twin(found, 1), 1e-9);
        const size_t step = (found.agree.size() + found.disagree.size()) / 20 + 1;
        const double thinned = fold_reco(found, Thresholds::every);
        EXPECT_NEAR(thinned, fold_reco_twin(found, step), 1e-9);
        thinned_differs += thinned < fold_reco(found);
    }
    EXPECT_GT(thinned_differs, 0);
}

TEST(KFolds, Refusals) {
    const Values values(12, 1.0);
    const std::vector<uint8_t> correct(6, 1);
    const auto asked = [&](int64_t models, int64_t inputs, int64_t features) {
        error_of(ErrorKind::input, [&] {
            return fold_pairs({models, inputs, features, values, correct}, plain_run);
        });
    };
    asked(1, 6, 2);
    asked(2, 3, 2);
    asked(2, 2, 2);
    asked(3, 6, 1);
    error_of(ErrorKind::input, [] { return fold_mege({}); });
    error_of(ErrorKind::input, [] { return fold_reco({.agree = {1}}); });
}

}  // namespace
}  // namespace whence::metrics
