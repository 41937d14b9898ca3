// The worked examples of docs/metrics/localisation.md, and slow twins.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/support.h"
#include "whence/metrics/interpretation_accuracy.h"
#include "whence/metrics/localisation.h"

namespace whence::metrics {
namespace {

using testing::error_of;
using Values = std::vector<double>;
using Mask = std::vector<uint8_t>;

constexpr double rounding = 1e-12;

TEST(Localisation, WorkedExample) {
    const Values values = {5, 3, -2, 1, 0};
    const Mask mask = {1, 0, 1, 1, 0};
    EXPECT_EQ(pointing_game(values, mask), 1);
    EXPECT_NEAR(relevance_mass(values, mask), 6.0 / 9, rounding);
    EXPECT_NEAR(relevance_mass(values, mask, Relevance::absolute), 8.0 / 11, rounding);
    EXPECT_NEAR(relevance_rank(values, mask), 2.0 / 3, rounding);  // 5, 3, 1
    EXPECT_NEAR(attribution_localisation(values, mask), 6.0 / 9, rounding);
    EXPECT_NEAR(attribution_localisation(values, mask, true), 6.0 / 9 * 5 / 3, rounding);
    EXPECT_EQ(top_k_intersection(values, mask, 2), 0.5);
    EXPECT_EQ(top_k_intersection(values, mask), 0.6);  // all five
    // Of 3 x 2 pairs 5 beats both, 1 beats one.
    EXPECT_NEAR(roc_auc(values, mask), 3.0 / 6, rounding);
}

// Every pair; every order of equals.
TEST(Localisation, TwinsWithTies) {
    const Values values = {1, 2, 2, 0, 2, 1, 3, 0};
    const Mask mask = {1, 0, 1, 0, 1, 1, 0, 0};
    double wins = 0;
    for (size_t i = 0; i < 8; ++i)
        for (size_t j = 0; j < 8; ++j)
            if (mask[i] && !mask[j])
                wins += values[i] > values[j] ? 1 : values[i] == values[j] ? 0.5 : 0;
    EXPECT_NEAR(roc_auc(values, mask), wins / 16, rounding);
    for (int64_t k = 1; k <= 8; ++k) {
        std::vector<int> order = {0, 1, 2, 3, 4, 5, 6, 7};
        double sum = 0, orders = 0;
        do {
            bool sorted = true;
            for (int i = 0; i < 7; ++i) sorted = sorted && values[order[i]] >= values[order[i + 1]];
            if (!sorted) continue;
            ++orders;
            for (int64_t i = 0; i < k; ++i) sum += mask[order[i]];
        } while (std::ranges::next_permutation(order).found);
        EXPECT_NEAR(top_k_intersection(values, mask, k), sum / orders / static_cast<double>(k),
                    rounding)
            << k;
    }
    EXPECT_EQ(relevance_rank(values, mask), top_k_intersection(values, mask, 4));
}

TEST(Localisation, AConstantMapIsChance) {
    const Values flat(4, 1.0);
    const Mask mask = {1, 0, 0, 0};
    EXPECT_EQ(pointing_game(flat, mask), 0.25);
    EXPECT_EQ(relevance_rank(flat, mask), 0.25);
    EXPECT_EQ(roc_auc(flat, mask), 0.5);
    EXPECT_TRUE(std::isnan(relevance_mass(Values{-1, 0, 0, 0}, mask)));
}

TEST(Localisation, Refusals) {
    const Values values = {1, 2};
    error_of(ErrorKind::input, [&] { return pointing_game(values, Mask{1}); });
    error_of(ErrorKind::input, [&] { return relevance_mass(values, Mask{0, 0}); });
    error_of(ErrorKind::input, [&] { return relevance_rank(Values{NAN, 1}, Mask{1, 0}); });
    error_of(ErrorKind::input, [&] { return roc_auc(values, Mask{1, 1}); });
    error_of(ErrorKind::usage, [&] { return top_k_intersection(values, Mask{1, 0}, 0); });
}

using Counted = InterpretationOptions::Counted;
using Average = InterpretationOptions::Average;

// Objects with overlaps 2/3 and 1/4; the first is predicted right.
TEST(InterpretationAccuracy, WorkedExample) {
    const Mask said = {1, 1, 1, 0, 1, 0, 0, 0}, object = {1, 1, 0, 0, 1, 1, 1, 1};
    const MatrixView<const uint8_t> a{said.data(), 2, 4}, b{object.data(), 2, 4};
    const Mask correct = {1, 1};
    const auto micro = interpretation_accuracy(a, b, correct);
    EXPECT_EQ(micro.right, 1);
    EXPECT_NEAR(micro.overlap, 3.0 / 7, rounding);
    EXPECT_NEAR(micro.value, 0.5 + 1.5 / 7, rounding);
    const auto macro = interpretation_accuracy(a, b, correct, {.average = Average::macro});
    EXPECT_NEAR(macro.overlap, (2.0 / 3 + 0.25) / 2, rounding);
    const auto places = interpretation_accuracy(
        a, b, {}, {.alpha = 0.25, .counted = Counted::interpretations, .threshold = 0.5});
    EXPECT_EQ(places.right, 0.5);
    EXPECT_NEAR(places.value, 0.25 * 0.5 + 0.75 * 3 / 7, rounding);
}

TEST(InterpretationAccuracy, EmptyMasksAgree) {
    const Mask empty(3, 0), one = {1};
    const MatrixView<const uint8_t> a{empty.data(), 1, 3};
    EXPECT_EQ(interpretation_accuracy(a, a, one).overlap, 1);
    EXPECT_EQ(interpretation_accuracy(a, a, one, {.average = Average::macro}).value, 1);
}

TEST(InterpretationAccuracy, Refusals) {
    const Mask m(4, 1), one = {1};
    const MatrixView<const uint8_t> a{m.data(), 1, 4}, b{m.data(), 2, 2}, none{m.data(), 0, 4};
    error_of(ErrorKind::input, [&] { return interpretation_accuracy(a, b, one); });
    error_of(ErrorKind::input, [&] { return interpretation_accuracy(none, none, {}); });
    error_of(ErrorKind::input, [&] { return interpretation_accuracy(a, a, {}); });
    error_of(ErrorKind::usage, [&] { return interpretation_accuracy(a, a, one, {.alpha = 1.1}); });
}

}  // namespace
}  // namespace whence::metrics
