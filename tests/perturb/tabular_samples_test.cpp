#include "whence/perturb/tabular_samples.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "whence/core/error.h"
#include "whence/core/rng.h"

namespace whence::perturb {
namespace {

constexpr double width = 0.9;

Schema schema_of(int64_t numbers, int64_t categories) {
    Schema schema;
    for (int64_t i = 0; i < numbers; ++i)
        schema.push_back({.name = std::string("n") + std::to_string(i)});
    for (int64_t i = 0; i < categories; ++i)
        schema.push_back(
            {.name = std::string("c") + std::to_string(i), .categories = {"a", "b", "c"}});
    return schema;
}

// Two columns of numbers and one of categories 0, 0, 0, 1, 2, 2, ...
Tensor background(int64_t rows) {
    Tensor data(ElementType::float64, {rows, 3});
    Rng rng(1, 0, 0);
    constexpr double codes[] = {0, 0, 0, 1, 2, 2};
    for (int64_t row = 0; row < rows; ++row) {
        data.as<double>()[row * 3] = 5 + 2 * rng.normal();
        data.as<double>()[row * 3 + 1] = std::exp(rng.normal());
        data.as<double>()[row * 3 + 2] = codes[row % 6];
    }
    return data;
}

struct Drawn {
    Design design;
    Tensor rows;
};

Drawn draw(const Neighbourhood& samples, int64_t columns, int64_t count, int threads = 1) {
    Drawn out{samples.blank(count), Tensor(ElementType::float64, {count, columns})};
    Batch rows(out.rows);
    samples.draw(0, out.design, rows, Run{.threads = threads});
    out.rows = rows[0].value;
    return out;
}

std::vector<double> column_of(const Tensor& rows, int64_t column) {
    std::vector<double> out;
    for (int64_t row = 0; row < rows.rows(); ++row)
        out.push_back(rows.as<double>()[row * rows.row_size() + column]);
    return out;
}

const std::vector<double> instance{4.1, 0.2, 0};

// The level of a value in a column that is no group.
int64_t level_of(const Column& column, double value) {
    std::vector<double> row(column.columns[0] + 1);
    row.back() = value;
    return column.level_of(row);
}

// All 2^3 combinations of "as in the input": the background's shares times lime's kernel,
// enumerated.
TEST(StableTabularSamples, CombinationsAsOftenAsTheKernelSays) {
    constexpr int64_t count = 40000;
    const TabularSpace space(schema_of(2, 1), background(600), {});
    const StableTabularSamples samples(space, "x", instance, false, Kernel{.width = width}, 7, count);
    const Design design = draw(samples, 3, count).design;
    std::vector<double> p(8);
    double sum = 0;
    for (int combination = 0; combination < 8; ++combination) {
        p[combination] = 1;
        int differ = 0;
        for (int c = 0; c < 3; ++c) {
            const Column& column = space.columns()[c];
            const double share = column.levels[level_of(column, instance[c])].frequency;
            const bool same = combination >> c & 1;
            p[combination] *= same ? share : 1 - share;
            differ += !same;
        }
        p[combination] *= std::exp(-differ / (2 * width * width));
        sum += p[combination];
    }
    for (const int64_t twin : {0, 1}) {
        std::vector<double> counts(8);
        for (int64_t row = twin; row < count; row += 2)
            ++counts[design.bits[row * 3] + 2 * design.bits[row * 3 + 1] +
                     4 * design.bits[row * 3 + 2]];
        double chi = 0, wrong = 0;
        for (int i = 0; i < 8; ++i) {
            const double expected = p[i] / sum * count / 2;
            chi += std::pow(counts[i] - expected, 2) / expected;
            const double plain = (i == 7 ? 1.2 : 1) * expected / (1 + 0.2 * p[7] / sum);
            wrong += std::pow(counts[i] - plain, 2) / plain;
        }
        EXPECT_LT(chi, 24.3);    // 99.9% point for 7 degrees
        EXPECT_GT(wrong, 24.3);  // the control: one combination 20% more likely
    }
}

// Bins: by the background's share, but for the input's own; inside a bin the truncated normal.
TEST(StableTabularSamples, ValuesLieInTheirBin) {
    constexpr int64_t count = 20000;
    const TabularSpace space(schema_of(2, 1), background(600), {});
    const Drawn drawn =
        draw(StableTabularSamples(space, "x", instance, false, Kernel{.width = width}, 7, count), 3, count);
    for (int64_t c = 0; c < 3; ++c) {
        const Column& column = space.columns()[c];
        std::vector<double> counts(column.levels.size());
        const std::vector<double> values = column_of(drawn.rows, c);
        for (int64_t row = 0; row < count; ++row) {
            const int64_t level = level_of(column, values[row]);
            ASSERT_GE(level, 0);
            ++counts[level];
            EXPECT_EQ(drawn.design.bits[row * 3 + c],
                      level == level_of(column, instance[c]) ? 1 : 0);
        }
        const int64_t own = level_of(column, instance[c]);
        const double others = count - counts[own];
        for (size_t level = 0; level < counts.size(); ++level) {
            if (static_cast<int64_t>(level) == own) continue;
            const double share =
                column.levels[level].frequency / (1 - column.levels[own].frequency);
            EXPECT_NEAR(counts[level] / others, share, 4 * std::sqrt(share / others));
        }
    }
}

// Kolmogorov's distance to the truncated normal of the bin, its 99.9% point 1.95 / sqrt(n).
TEST(Level, QuantileIsATruncatedNormal) {
    const std::vector<double> members{1.0, 1.2, 1.9, 2.6, 2.8, 3.0};
    const Level level = Level::bin(0.5, 3.0, members, 24);
    EXPECT_EQ(level.frequency, 0.25);
    for (const double u : {0.001, 0.2, 0.5, 0.77, 0.999}) {
        const double x = level.quantile(u);
        const double below = normal_cdf((x - level.mean) / level.deviation) -
                             normal_cdf((0.5 - level.mean) / level.deviation);
        const double all = normal_cdf((3.0 - level.mean) / level.deviation) -
                           normal_cdf((0.5 - level.mean) / level.deviation);
        EXPECT_NEAR(below / all, u, 1e-13);
    }
    EXPECT_GE(level.quantile(1e-18), 0.5);
    EXPECT_LE(level.quantile(1 - 0x1p-53), 3.0);
    EXPECT_EQ(Level::point(2, 0.5).quantile(0.3), 2);
    // All members equal, at the edge of the bin: the value, not lime's z-score.
    EXPECT_NEAR(Level::bin(0, 4, std::vector<double>{4, 4}, 8).quantile(0.3), 4, 1e-10);
}

TEST(StableTabularSamples, NumbersAreTheProductOfTwoNormals) {
    constexpr int64_t count = 20000;
    for (const bool around : {false, true}) {
        LimeTabularOptions plain;
        plain.discretizer = Discretizer::none;
        const TabularSpace space(schema_of(2, 1), background(600), plain);
        const StableTabularSamples samples(space, "x", instance, around, Kernel{.width = width}, 7, count);
        const Drawn drawn = draw(samples, 3, count);
        for (int c = 0; c < 2; ++c) {
            const double z0 = samples.origin()[c], square = width * width;
            const double mean = around ? z0 : z0 / (1 + square), variance = square / (1 + square);
            double sum = 0, squares = 0;
            for (int64_t row = 0; row < count; ++row) {
                const double z = drawn.design.values[row * 3 + c];
                sum += z;
                squares += (z - mean) * (z - mean);
                EXPECT_NEAR(drawn.rows.as<double>()[row * 3 + c],
                            space.columns()[c].mean + space.columns()[c].scale * z, 1e-12);
            }
            EXPECT_NEAR(sum / count, mean, 1e-12);  // pairs are mirrored about it
            EXPECT_NEAR(squares / count / variance, 1, 4 * std::sqrt(2.0 / count));
        }
    }
}

// Every 128 samples have one value in each 128th of a column's distribution.
TEST(StableTabularSamples, ColumnsAreStratified) {
    LimeTabularOptions plain;
    plain.discretizer = Discretizer::none;
    const TabularSpace space(schema_of(2, 1), background(600), plain);
    const StableTabularSamples samples(space, "x", instance, true, Kernel{.width = width}, 7, 300);
    const Design design = draw(samples, 3, 300).design;
    for (int c = 0; c < 2; ++c) {
        std::vector<int> counts(128);
        for (int64_t row = 128; row < 256; ++row) {
            const double z = (design.values[row * 3 + c] - samples.origin()[c]) *
                             std::sqrt(1 + width * width) / width;
            ++counts[static_cast<size_t>(normal_cdf(z) * 128)];
        }
        EXPECT_EQ(std::ranges::count(counts, 1), 128);
    }
}

TEST(TabularSamples, SameBitsForAnyThreads) {
    const TabularSpace space(schema_of(2, 1), background(60), {});
    const StableTabularSamples stable(space, "x", instance, false, Kernel{.width = width}, 7, 1000);
    const CompatibleTabularSamples compatible(space, "x", instance, false, Kernel{.width = width}, 7);
    for (const Neighbourhood* samples : {static_cast<const Neighbourhood*>(&stable),
                                         static_cast<const Neighbourhood*>(&compatible)}) {
        const Drawn one = draw(*samples, 3, 1000, 1), two = draw(*samples, 3, 1000, 2);
        EXPECT_EQ(one.design.bits, two.design.bits);
        EXPECT_EQ(one.rows, two.rows);
    }
}

TEST(CompatibleTabularSamples, FrequenciesAndKernel) {
    constexpr int64_t count = 20001;
    const TabularSpace space(schema_of(2, 1), background(600), {});
    const Drawn drawn =
        draw(CompatibleTabularSamples(space, "x", instance, false, Kernel{.width = width}, 7), 3, count);
    EXPECT_EQ(drawn.rows.slice_rows(0, 1), Tensor::of<double>({1, 3}, instance));
    for (int64_t c = 0; c < 3; ++c) {
        const Column& column = space.columns()[c];
        std::vector<double> counts(column.levels.size());
        for (const double value : column_of(drawn.rows, c)) ++counts[level_of(column, value)];
        for (size_t level = 0; level < counts.size(); ++level)
            EXPECT_NEAR(counts[level] / count, column.levels[level].frequency,
                        4 * 0.5 / std::sqrt(count));
    }
    for (int64_t row = 0; row < count; ++row) {
        double off = 3;
        for (int c = 0; c < 3; ++c) off -= drawn.design.bits[row * 3 + c];
        EXPECT_NEAR(drawn.design.weights[row], std::exp(-off / (2 * width * width)), 1e-15);
    }
}

TEST(CompatibleTabularSamples, NumbersAroundMeanOrInput) {
    LimeTabularOptions plain;
    plain.discretizer = Discretizer::none;
    const TabularSpace space(schema_of(2, 1), background(600), plain);
    for (const bool around : {false, true}) {
        const CompatibleTabularSamples samples(space, "x", instance, around, Kernel{.width = width}, 7);
        const Design design = draw(samples, 3, 20001).design;
        double sum = 0;
        for (int64_t row = 1; row < 20001; ++row) sum += design.values[row * 3];
        EXPECT_NEAR(sum / 20000, around ? samples.origin()[0] : 0, 4 / std::sqrt(20000.0));
    }
}

TEST(TabularSamples, OneBackgroundRow) {
    const TabularSpace space(schema_of(2, 1), Tensor::of<double>({1, 3}, instance), {});
    const Drawn drawn =
        draw(StableTabularSamples(space, "x", instance, false, Kernel{.width = width}, 7, 100), 3, 100);
    EXPECT_EQ(drawn.rows, Tensor::of<double>({1, 3}, instance).repeat_row(100));
    EXPECT_EQ(std::ranges::count(drawn.design.bits, 1), 300);
}

TEST(TabularSamples, CategoryTheBackgroundDoesNotHave) {
    const TabularSpace space(schema_of(0, 1), Tensor::of<double>({2, 1}, std::vector<double>{0, 1}),
                             {});
    const std::vector<double> row{2};
    const Drawn stable = draw(StableTabularSamples(space, "x", row, false, Kernel{.width = width}, 7, 100), 1, 100);
    EXPECT_EQ(std::ranges::count(stable.design.bits, 0), 100);
    EXPECT_EQ(std::ranges::count(column_of(stable.rows, 0), 2), 0);
}

// Other distances have no factor for each column: columns are drawn as the background is spread, and
// the kernel is the weight. The weighted mean of any function is then the same limit as before.
TEST(StableTabularSamples, OtherDistancesAreWeights) {
    constexpr int64_t count = 40000;
    const TabularSpace space(schema_of(2, 1), background(600), {});
    const Kernel kernel{Distance::manhattan, 1.5};
    const StableTabularSamples stable(space, "x", instance, false, kernel, 7, count);
    const CompatibleTabularSamples plain(space, "x", instance, false, kernel, 8);
    const Design a = draw(stable, 3, count).design, b = draw(plain, 3, count).design;
    ASSERT_EQ(a.weights.size(), static_cast<size_t>(count));
    for (int64_t row = 0; row < 100; ++row) {
        const double off = 3 - a.at(row, 0) - a.at(row, 1) - a.at(row, 2);
        EXPECT_NEAR(a.weights[row], std::exp(-off * off / (2 * 1.5 * 1.5)), 1e-15);
    }
    for (int64_t c = 0; c < 3; ++c) {
        const auto mean = [&](const Design& design) {
            double sum = 0, weight = 0;
            for (int64_t row = 1; row < count; ++row) {
                sum += design.weights[row] * design.at(row, c);
                weight += design.weights[row];
            }
            return sum / weight;
        };
        EXPECT_NEAR(mean(a), mean(b), 4 * 0.5 * std::sqrt(2.0 / (0.5 * count)));
    }
}

// One value in each of as many equal parts of the distribution as there are samples; the control is
// the plain draw, which leaves about a third of the parts empty.
TEST(CompatibleTabularSamples, LatinHypercube) {
    constexpr int64_t count = 500;
    LimeTabularOptions options;
    options.discretizer = Discretizer::none;
    const TabularSpace space(schema_of(2, 1), background(600), options);
    for (const Sampling sampling : {Sampling::latin_hypercube, Sampling::gaussian}) {
        const CompatibleTabularSamples samples(space, "x", instance, false, Kernel{.width = width},
                                               7, count, sampling);
        const Drawn drawn = draw(samples, 3, count);
        for (int64_t c = 0; c < 2; ++c) {
            std::map<int64_t, int> parts;
            for (int64_t row = 1; row < count; ++row)
                ++parts[static_cast<int64_t>(normal_cdf(drawn.design.at(row, c)) * count)];
            if (sampling == Sampling::gaussian)
                EXPECT_LT(parts.size(), 400U);
            else
                EXPECT_EQ(parts.size(), 499U);
        }
    }
}

TEST(StableTabularSamples, GaussianIsNotStratified) {
    LimeTabularOptions options;
    options.discretizer = Discretizer::none;
    const TabularSpace space(schema_of(2, 1), background(600), options);
    const StableTabularSamples samples(space, "x", instance, true, Kernel{.width = width}, 7, 128,
                                       Sampling::gaussian);
    const Design design = draw(samples, 3, 128).design;
    std::map<int64_t, int> parts;
    for (int64_t row = 0; row < 128; ++row) {
        const double z = (design.at(row, 0) - samples.origin()[0]) *
                         std::sqrt(1 + width * width) / width;
        ++parts[static_cast<int64_t>(normal_cdf(z) * 128)];
    }
    EXPECT_LT(parts.size(), 110U);
    for (int64_t pair = 0; pair < 64; ++pair)
        EXPECT_NEAR(design.at(2 * pair, 0) + design.at(2 * pair + 1, 0), 2 * samples.origin()[0],
                    1e-9)
            << "still antithetic";
}

// Three columns of a one-hot block and a number: 0 and 1 are told apart by value.
Tensor block_background() {
    Tensor data(ElementType::float64, {1000, 4});
    for (int64_t row = 0; row < 1000; ++row) {
        const int64_t kind = row % 20 == 0 ? 2 : row % 20 < 4 ? 1 : 0;  // 80%, 15%, 5%
        data.as<double>()[row * 4 + kind] = 1;
        data.as<double>()[row * 4 + 3] = static_cast<double>(row);
    }
    return data;
}

TEST(TabularGroups, ABlockIsOneFeatureAndNeverBreaks) {
    constexpr int64_t count = 20000;
    LimeTabularOptions options;
    options.groups = {{"kind", {0, 1, 2}}};
    const TabularSpace space(schema_of(4, 0), block_background(), options);
    const std::vector<double> row{0, 1, 0, 500};
    ASSERT_EQ(space.columns().size(), 2U);
    EXPECT_EQ(space.describe(0, row), "kind=n1");
    EXPECT_EQ(space.name(0), "kind");
    EXPECT_EQ(space.columns()[0].levels.size(), 3U);
    const StableTabularSamples stable(space, "x", row, false, Kernel{.width = width}, 7, count);
    const CompatibleTabularSamples plain(space, "x", row, false, Kernel{.width = width}, 7);
    for (const Neighbourhood* samples : {(const Neighbourhood*)&stable, (const Neighbourhood*)&plain}) {
        const Drawn drawn = draw(*samples, 4, count);
        ASSERT_EQ(drawn.design.columns, 2);
        double on = 0;
        for (int64_t r = 0; r < count; ++r) {
            const auto values = drawn.rows.as<double>().subspan(r * 4, 4);
            ASSERT_EQ(values[0] + values[1] + values[2], 1) << "no combination that does not occur";
            ASSERT_EQ(drawn.design.at(r, 0), values[1]);
            on += values[1];
        }
        const double p = 0.15, factor = std::exp(-1 / (2 * width * width));
        const double expected = samples->paired() ? p / (p + (1 - p) * factor) : p;
        EXPECT_NEAR(on / count, expected, 4 * 0.5 / std::sqrt(count));
    }
}

TEST(TabularGroups, NumbersMeetByTheirBins) {
    LimeTabularOptions options;
    options.groups = {{"both", {0, 1}}};
    const TabularSpace space(schema_of(2, 1), background(600), options);
    const Column& both = space.columns()[0];
    EXPECT_LE(both.levels.size(), 16U);
    EXPECT_EQ(both.parts[0].edges.size(), 3U);
    EXPECT_GE(both.level_of(instance), 0);
    options.discretizer = Discretizer::none;
    EXPECT_THROW(TabularSpace(schema_of(2, 1), background(600), options), Error);
    options.discretizer = Discretizer::quartile;
    options.groups = {{"a", {0, 1}}, {"b", {1}}};
    EXPECT_THROW(TabularSpace(schema_of(2, 1), background(600), options), Error);
    options.groups = {{"a", {7}}};
    EXPECT_THROW(TabularSpace(schema_of(2, 1), background(600), options), Error);
}

}  // namespace
}  // namespace whence::perturb
