#include "whence/core/rng.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <set>
#include <numbers>
#include <vector>

namespace whence {
namespace {

using Block = std::array<uint32_t, 4>;

// Philox4x32-10 as the paper writes it (Salmon et al. 2011, section 3.3), one step a line.
Block philox(Block counter, std::array<uint32_t, 2> key) {
    const auto high = [](uint32_t a, uint32_t b) {
        return static_cast<uint32_t>(uint64_t{a} * b >> 32);
    };
    for (int round = 0; round < 10; ++round) {
        if (round > 0) {
            key[0] += 0x9E3779B9;
            key[1] += 0xBB67AE85;
        }
        counter = {high(0xCD9E8D57, counter[2]) ^ counter[1] ^ key[0], 0xCD9E8D57 * counter[2],
                   high(0xD2511F53, counter[0]) ^ counter[3] ^ key[1], 0xD2511F53 * counter[0]};
    }
    return counter;
}

// Pearson's statistic of counts against equal expectations.
double chi_square(const std::vector<int64_t>& counts) {
    const double total =
        static_cast<double>(std::accumulate(counts.begin(), counts.end(), int64_t{0}));
    const double expected = total / static_cast<double>(counts.size());
    double sum = 0;
    for (const int64_t count : counts) {
        const double off = static_cast<double>(count) - expected;
        sum += off * off / expected;
    }
    return sum;
}

// Chi-square with k degrees of freedom is about normal for large k: mean k, variance 2k. Six
// standard deviations either way; the seeds are fixed, so a test that passes once passes always.
bool looks_uniform(const std::vector<int64_t>& counts) {
    const double freedom = static_cast<double>(counts.size() - 1);
    return std::abs(chi_square(counts) - freedom) < 6 * std::sqrt(2 * freedom);
}

// Random123's kat_vectors: zeros, ones, digits of pi.
TEST(Rng, TwinMatchesPublishedVectors) {
    EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}),
              (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
    constexpr uint32_t ones = 0xffffffff;
    EXPECT_EQ(philox({ones, ones, ones, ones}, {ones, ones}),
              (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
    EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
              (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Rng, IsPhiloxOfSeedStreamAndIndex) {
    const uint64_t seeds[] = {0, 1, 0xffffffff, 0x123456789abcdef0, ~uint64_t{0}};
    for (const uint64_t seed : seeds)
        for (const uint32_t stream : {0U, 7U, 0xffffffffU})
            for (const uint64_t index : seeds) {
                Rng rng(seed, stream, index);
                for (uint32_t block = 0; block < 3; ++block)
                    for (const uint32_t wanted :
                         philox({block, stream, static_cast<uint32_t>(index),
                                 static_cast<uint32_t>(index >> 32)},
                                {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)}))
                        ASSERT_EQ(rng.next32(), wanted);
            }
}

TEST(Rng, StreamsDiffer) {
    std::set<uint64_t> seen;
    for (uint64_t seed = 0; seed < 10; ++seed)
        for (uint32_t stream = 0; stream < 10; ++stream)
            for (uint64_t index = 0; index < 10; ++index)
                seen.insert(Rng(seed, stream, index).next64());
    EXPECT_EQ(seen.size(), 1000U);
}

TEST(Rng, UniformFillsItsRange) {
    std::vector<int64_t> counts(1000);
    Rng rng(1, 2, 3);
    for (int i = 0; i < 100000; ++i) {
        const double value = rng.uniform();
        ASSERT_TRUE(value >= 0 && value < 1);
        ++counts[static_cast<size_t>(value * 1000)];
    }
    EXPECT_TRUE(looks_uniform(counts)) << chi_square(counts);
}

// First numbers of neighbouring samples, as methods draw them, are as good as one long stream.
TEST(Rng, UniformAcrossIndices) {
    std::vector<int64_t> counts(1000);
    for (uint64_t index = 0; index < 100000; ++index)
        ++counts[static_cast<size_t>(Rng(5, 6, index).open_uniform() * 1000)];
    EXPECT_TRUE(looks_uniform(counts)) << chi_square(counts);
}

// The check refuses numbers a little off, and numbers too even to be random.
TEST(Rng, UniformityCheckCanFail) {
    std::vector<int64_t> skewed(1000), even(1000);
    Rng rng(1, 2, 3);
    for (int i = 0; i < 100000; ++i) {
        ++skewed[static_cast<size_t>(std::pow(rng.uniform(), 1.1) * 1000)];
        ++even[i % 1000];
    }
    EXPECT_FALSE(looks_uniform(skewed));
    EXPECT_FALSE(looks_uniform(even));
}

TEST(Rng, BelowIsUnbiased) {
    for (const uint64_t n : {1, 2, 3, 7, 100, 1000}) {
        std::vector<int64_t> counts(n);
        Rng rng(9, 0, n);
        for (int i = 0; i < 50000; ++i) {
            const uint64_t value = rng.below(n);
            ASSERT_LT(value, n);
            ++counts[value];
        }
        if (n >= 100) {
            EXPECT_TRUE(looks_uniform(counts)) << n;
        }
        for (const int64_t count : counts) EXPECT_GT(count, 0);
    }
    // Where a plain multiply-shift is off by a half: n = 3/4 of 2^64 puts 2 of 4 equal parts of the
    // raw numbers on every third value, so remainders of 3 would stand 1 : 1 : 2 instead of equal.
    const uint64_t n = uint64_t{3} << 62;
    std::vector<int64_t> thirds(3);
    Rng rng(10, 0, 0);
    for (int i = 0; i < 30000; ++i) {
        const uint64_t value = rng.below(n);
        ASSERT_LT(value, n);
        ++thirds[value % 3];
    }
    EXPECT_LT(chi_square(thirds), 2 + 6 * 2);
}

TEST(Rng, ShuffleIsAPermutationAndAnyOfThem) {
    std::vector<int64_t> counts(120);
    for (uint64_t index = 0; index < 60000; ++index) {
        std::array<int32_t, 5> order = {0, 1, 2, 3, 4};
        Rng(4, 0, index).shuffle(order);
        std::array<int32_t, 5> sorted = order;
        std::ranges::sort(sorted);
        ASSERT_EQ(sorted, (std::array<int32_t, 5>{0, 1, 2, 3, 4}));
        int64_t number = 0;  // of the permutation: its Lehmer code
        for (int i = 0; i < 5; ++i)
            number = number * (5 - i) + std::count_if(order.begin() + i, order.end(),
                                                      [&](int32_t v) { return v < order[i]; });
        ++counts[number];
    }
    EXPECT_TRUE(looks_uniform(counts)) << chi_square(counts);
    std::vector<int32_t> none;
    Rng(1, 1, 1).shuffle(none);
}

TEST(Rng, NormalHasItsDistribution) {
    std::vector<int64_t> counts(100);
    Rng rng(11, 0, 0);
    for (int i = 0; i < 100000; ++i)
        ++counts[static_cast<size_t>(std::min(99.0, normal_cdf(rng.normal()) * 100))];
    EXPECT_TRUE(looks_uniform(counts)) << chi_square(counts);
}

// The definition (Box and Muller 1958) with the library's functions, from the same words.
TEST(Rng, NormalsAreBoxAndMullers) {
    Rng rng(5, 2, 9), words(5, 2, 9);
    for (int i = 0; i < 100000; ++i) {
        const double u = (static_cast<double>(words.next64() >> 12) + 0.5) * 0x1p-52;
        const double v = static_cast<double>(words.next64() >> 12) * 0x1p-52;
        const double radius = std::sqrt(-2 * std::log(u)), angle = 2 * std::numbers::pi * v;
        ASSERT_NEAR(rng.normal(), radius * std::cos(angle), 4e-15) << u << ' ' << v;
        ASSERT_NEAR(rng.normal(), radius * std::sin(angle), 4e-15) << u << ' ' << v;
    }
}

TEST(Rng, ManyNormalsAreTheSameAsOneByOne) {
    for (const size_t before : {0, 1, 2, 3})
        for (const size_t count : {0, 1, 63, 64, 65, 128, 1001}) {
            Rng many(7, 1, 3), single(7, 1, 3);
            for (size_t i = 0; i < before; ++i) EXPECT_EQ(many.normal(), single.normal());
            std::vector<double> values(count);
            many.normals(values);
            for (const double value : values) ASSERT_EQ(value, single.normal()) << before << ' ' << count;
            EXPECT_EQ(many.normal(), single.normal());
        }
    Rng odd(7, 1, 3), twin(7, 1, 3);  // half a block is used up
    EXPECT_EQ(odd.next64(), twin.next64());
    std::vector<double> values(200);
    odd.normals(values);
    for (const double value : values) ASSERT_EQ(value, twin.normal());
}

TEST(Rng, ManyWordsAndUniformsAreTheSameAsOneByOne) {
    for (const int before : {0, 1, 2, 5})
        for (const size_t count : {0, 1, 3, 4, 30, 31, 64, 65, 1001}) {
            Rng many(7, 1, 3), single(7, 1, 3);
            for (int i = 0; i < before; ++i) EXPECT_EQ(many.next32(), single.next32());
            std::vector<uint64_t> words(count);
            many.next64s(words);
            for (const uint64_t word : words) ASSERT_EQ(word, single.next64()) << before << ' ' << count;
            std::vector<double> values(count);
            many.open_uniforms(values);
            for (const double value : values) ASSERT_EQ(value, single.open_uniform());
            EXPECT_EQ(many.next64(), single.next64());
        }
}

TEST(Rng, ShufflesByItsNumbersBelow) {
    for (const size_t count : {0, 1, 2, 30, 64, 65, 66, 1000}) {
        Rng whole(7, 1, 4), single(7, 1, 4);
        std::vector<int32_t> values(count), wanted(count);
        std::iota(values.begin(), values.end(), 0);
        wanted = values;
        whole.shuffle(values);
        for (size_t i = count; i > 1; --i) std::swap(wanted[i - 1], wanted[single.below(i)]);
        EXPECT_EQ(values, wanted);
        EXPECT_EQ(whole.next64(), single.next64());
    }
}

TEST(Rng, OpenUniformNeverTouchesTheEnds) {
    Rng rng(3, 0, 0);
    for (int i = 0; i < 100000; ++i) {
        const double value = rng.open_uniform();
        ASSERT_TRUE(value > 0 && value < 1);
    }
}

// Values by Newton's method with 40 digits; each of the three branches of the approximation.
TEST(NormalQuantile, AgreesWithManyDigits) {
    const auto expect = [](double p, double x) {
        EXPECT_NEAR(normal_quantile(p) / x, 1, 1e-15) << p;
    };
    expect(0.3, -0.52440051270804078);
    expect(0.975, 1.9599639845400539);
    expect(0.001, -3.0902323061678136);
    expect(1e-20, -9.2623400897984078);
    EXPECT_EQ(normal_quantile(0.5), 0);
    for (const double p : {0.01, 0.0749, 0.0751, 0.4, 0.93, 0.9999})
        EXPECT_NEAR(normal_cdf(normal_quantile(p)) / p, 1, 1e-14);
}

TEST(NormalQuantile, OfManyAreTheSameAsOneByOne) {
    std::vector<double> p = {1e-300, 1e-20, 1.3e-11, 1.5e-11, 0.074, 0.075, 0.5, 0.926, 1 - 0x1p-53};
    Rng rng(3, 0, 0);
    while (p.size() < 1003) p.push_back(rng.open_uniform());
    for (const size_t count : {size_t{0}, size_t{1}, size_t{31}, p.size()}) {
        std::vector<double> many(p.begin(), p.begin() + static_cast<std::ptrdiff_t>(count));
        normal_quantiles(many);
        for (size_t i = 0; i < count; ++i) ASSERT_EQ(many[i], normal_quantile(p[i])) << p[i];
    }
}

}  // namespace
}  // namespace whence
