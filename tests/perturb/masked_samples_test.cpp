#include "whence/core/error.h"
#include "whence/perturb/masked_samples.h"

#include <gtest/gtest.h>

#include <limits>
#include <bit>
#include <cmath>

namespace whence::perturb {
namespace {

constexpr double width = 0.25;
const Kernel kernel{Distance::cosine, width};

LabelMasker masker_of(int64_t players) {
    const Tensor row(ElementType::float32, {1, players});
    return {"x", row, row, column_labels(players)};
}

Design drawn(const Neighbourhood& samples, int64_t players, int64_t count, int64_t batch = 64) {
    Design design = samples.blank(count);
    for (int64_t first = 0; first < count; first += batch) {
        Batch rows(Tensor(ElementType::float32, {std::min(batch, count - first), players}));
        samples.draw(first, design, rows, {});
    }
    return design;
}

int64_t bits_of(const Design& design, int64_t row) {
    int64_t bits = 0;
    for (int64_t c = 0; c < design.columns; ++c)
        bits |= int64_t{design.bits[row * design.columns + c]} << c;
    return bits;
}

// Every subset of `players` superpixels: 2^-players times lime's kernel, normalised.
std::vector<double> subset_probabilities(int64_t players) {
    std::vector<double> p;
    double sum = 0;
    for (uint64_t subset = 0; subset < uint64_t{1} << players; ++subset) {
        const double distance = 1 - std::sqrt(static_cast<double>(std::popcount(subset)) /
                                              static_cast<double>(players));
        p.push_back(std::exp(-distance * distance / (2 * width * width)));
        sum += p.back();
    }
    for (double& value : p) value /= sum;
    return p;
}

double chi_square(const std::vector<double>& p, const std::vector<int64_t>& counts, int64_t total) {
    double sum = 0;
    for (size_t i = 0; i < p.size(); ++i) {
        const double expected = p[i] * static_cast<double>(total);
        sum += std::pow(static_cast<double>(counts[i]) - expected, 2) / expected;
    }
    return sum;
}

// A sample of each pair alone (first or second) is an independent draw but for the strata, which
// only make the counts more even: chi-square must stay below its 99.9% point (63 degrees: 103.4).
// Twice the weight on one subset in 64 moves it by hundreds, as the control shows.
TEST(StableMaskedSamples, EverySubsetAsOftenAsTheKernelSays) {
    constexpr int64_t players = 6, count = 40000;
    const LabelMasker masker = masker_of(players);
    const Design design = drawn(StableMaskedSamples(masker, kernel, Removal::coins, 3), players, count);
    std::vector<double> p = subset_probabilities(players);
    for (const int64_t twin : {0, 1}) {
        std::vector<int64_t> counts(64);
        for (int64_t row = twin; row < count; row += 2) ++counts[bits_of(design, row)];
        EXPECT_LT(chi_square(p, counts, count / 2), 103.4);
        std::vector<double> wrong = p;
        wrong[0b110110] *= 2;
        for (double& value : wrong) value /= 1 + p[0b110110];
        EXPECT_GT(chi_square(wrong, counts, count / 2), 103.4);
    }
}

TEST(StableMaskedSamples, KeptDistributionIsTheSumOverSubsets) {
    const std::vector<double> by_size = kept_distribution(6, kernel, Removal::coins), p = subset_probabilities(6);
    std::vector<double> sums(7);
    for (uint64_t subset = 0; subset < 64; ++subset) sums[std::popcount(subset)] += p[subset];
    for (size_t k = 0; k < 7; ++k) EXPECT_NEAR(by_size[k], sums[k], 1e-15);
}

TEST(StableMaskedSamples, KeptDistributionOfManySuperpixels) {
    const std::vector<double> p = kept_distribution(20000, kernel, Removal::coins);
    double sum = 0, mean = 0;
    for (size_t k = 0; k < p.size(); ++k) sum += p[k], mean += p[k] * static_cast<double>(k);
    EXPECT_NEAR(sum, 1, 1e-12);
    EXPECT_NEAR(mean, 10000, 2);
}

// What is off in one twin is on in the other, unless together they have more off than there are.
TEST(StableMaskedSamples, TwinsAreAntithetic) {
    const LabelMasker masker = masker_of(9);
    const Design design = drawn(StableMaskedSamples(masker, kernel, Removal::coins, 1), 9, 2000);
    for (int64_t pair = 0; pair < 1000; ++pair) {
        const uint64_t a = bits_of(design, 2 * pair), b = bits_of(design, 2 * pair + 1);
        const int on = std::popcount(a) + std::popcount(b);
        EXPECT_EQ(std::popcount(a | b), std::min(on, 9));
        EXPECT_EQ(std::popcount(a & b), std::max(on - 9, 0));
    }
}

// The first 2^m samples have one quantile in each 2^-m of the distribution: how many are on is then
// as often as expected to within one at either end.
TEST(StableMaskedSamples, HowManyAreOnIsStratified) {
    const LabelMasker masker = masker_of(49);
    constexpr int64_t count = 512;
    const Design design = drawn(StableMaskedSamples(masker, kernel, Removal::coins, 8), 49, count);
    std::vector<int64_t> counts(50);
    for (int64_t row = 0; row < count; ++row)
        ++counts[std::popcount(static_cast<uint64_t>(bits_of(design, row)))];
    const std::vector<double> p = kept_distribution(49, kernel, Removal::coins);
    for (size_t k = 0; k < 50; ++k)
        EXPECT_LE(std::abs(static_cast<double>(counts[k]) - p[k] * count), 2.0) << k;
}

TEST(StableMaskedSamples, DoNotDependOnTheBatches) {
    const LabelMasker masker = masker_of(10);
    const StableMaskedSamples samples(masker, kernel, Removal::coins, 5);
    EXPECT_EQ(drawn(samples, 10, 301, 301).bits, drawn(samples, 10, 301, 7).bits);
    EXPECT_EQ(drawn(samples, 10, 100).bits.size(), 1000U);
    const StableMaskedSamples other(masker, kernel, Removal::coins, 6);
    EXPECT_NE(drawn(samples, 10, 301).bits, drawn(other, 10, 301).bits);
}

TEST(CompatibleMaskedSamples, CoinsAndKernel) {
    const LabelMasker masker = masker_of(6);
    const Design design = drawn(CompatibleMaskedSamples(masker, kernel, Removal::coins, 3), 6, 20001);
    EXPECT_EQ(bits_of(design, 0), 63);
    EXPECT_EQ(design.weights[0], 1);
    std::vector<int64_t> counts(64);
    for (int64_t row = 1; row < 20001; ++row) {
        ++counts[bits_of(design, row)];
        EXPECT_EQ(
            design.weights[row],
            kernel.weight(std::popcount(static_cast<uint64_t>(bits_of(design, row))), 6));
    }
    EXPECT_LT(chi_square(std::vector<double>(64, 1.0 / 64), counts, 20000), 103.4);
}

TEST(MaskedSamples, OneSuperpixel) {
    const LabelMasker masker = masker_of(1);
    const Design design = drawn(StableMaskedSamples(masker, kernel, Removal::coins, 3), 1, 1000);
    double on = 0;
    for (const uint8_t bit : design.bits) on += bit;
    const double p = 1 / (1 + std::exp(-1 / (2 * width * width)));
    EXPECT_NEAR(on / 1000, p, 0.01);
}

TEST(Kernel, AFunctionStandsForTheExponential) {
    const Kernel given{Distance::cosine, width, 1,
                       [](double d, double w) { return std::sqrt(std::exp(-d * d / (w * w))); }};
    for (const Removal removal : {Removal::coins, Removal::number}) {
        const std::vector<double> a = kept_distribution(20, kernel, removal),
                                  b = kept_distribution(20, given, removal);
        for (size_t k = 0; k < a.size(); ++k) EXPECT_NEAR(a[k], b[k], 1e-12);
    }
    // Texts count distances and widths in hundredths.
    const Kernel hundredths{Distance::cosine, 100 * width, 100};
    for (int64_t on = 0; on <= 20; ++on) EXPECT_NEAR(hundredths.weight(on, 20), kernel.weight(on, 20), 1e-15);
    const Kernel near_only{Distance::cosine, width, 1, [](double d, double) { return d < 0.1 ? 1.0 : 0.0; }};
    const std::vector<double> shares = kept_distribution(20, near_only, Removal::coins);
    EXPECT_EQ(shares[10], 0);
    EXPECT_GT(shares[18], shares[19]);
    for (const double wrong : {-1.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
        const Kernel bad{Distance::cosine, width, 1, [=](double, double) { return wrong; }};
        EXPECT_THROW((void)bad.weight(3, 20), Error);
    }
    const Kernel nothing{Distance::cosine, width, 1, [](double, double) { return 0.0; }};
    EXPECT_THROW((void)kept_distribution(20, nothing, Removal::coins), Error);
}

}  // namespace
}  // namespace whence::perturb
