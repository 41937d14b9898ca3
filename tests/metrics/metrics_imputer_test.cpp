// Imputed pixels: the worked example of docs/metrics/faithfulness.md, a slow twin, and ROAD over
// them.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "metrics/support.h"
#include "whence/metrics/curves.h"
#include "whence/metrics/linear_imputer.h"

namespace whence::metrics {
namespace {

using namespace test;

Tensor image_of(int64_t height, int64_t width, int64_t channels, bool last) {
    Tensor image(ElementType::float32,
                 last ? Shape{1, height, width, channels} : Shape{1, channels, height, width});
    for (int64_t y = 0; y < height; ++y)
        for (int64_t x = 0; x < width; ++x)
            for (int64_t c = 0; c < channels; ++c)
                image.as<float>()[last ? (y * width + x) * channels + c
                                       : (c * height + y) * width + x] =
                    static_cast<float>(0.5 + 0.4 * std::sin(3.0 * static_cast<double>(y) +
                                                            static_cast<double>(x * x + c)));
    return image;
}

Tensor imputed(const LinearImputer& imputer, const Tensor& image,
               const std::vector<uint8_t>& present, const Run& run = plain_run) {
    Batch batch({{"x", image}});
    imputer.apply({present.data(), 1, std::ssize(present)}, 0, batch, run);
    return batch[0].value;
}

// A middle pixel of 3 x 3: four direct neighbours of 6 and four diagonal ones of 0.
TEST(LinearImputer, WorkedExample) {
    const Tensor image =
        Tensor::of<double>({1, 1, 3, 3}, std::vector<double>{0, 6, 0, 6, 9, 6, 0, 6, 0});
    const LinearImputer imputer("x", image, {.noise = 0});
    const Tensor out = imputed(imputer, image, {1, 1, 1, 1, 0, 1, 1, 1, 1});
    EXPECT_NEAR(out.as<double>()[4], 4, 1e-12);
    // A corner: two direct neighbours 6, one diagonal 9, weights 2/5, 2/5, 1/5.
    EXPECT_NEAR(imputed(imputer, image, {0, 1, 1, 1, 1, 1, 1, 1, 1}).as<double>()[0],
                (2 * 6 + 2 * 6 + 9) / 5.0, 1e-12);
}

// The slow twin: every missing pixel becomes the mean of its neighbours, until nothing moves.
void expect_as_relaxed(int64_t height, int64_t width) {
    const Tensor image = image_of(height, width, 1, false);
    std::vector<uint8_t> present(height * width);
    for (size_t p = 0; p < present.size(); ++p) present[p] = p % 7 == 0 || p % 11 == 3;
    std::vector<double> values = image.to_doubles();
    for (int sweep = 0; sweep < 2000; ++sweep)
        for (int64_t p = 0; p < height * width; ++p) {
            if (present[p]) continue;
            double sum = 0, weights = 0;
            for (int64_t y = std::max<int64_t>(0, p / width - 1); y <= std::min(height - 1, p / width + 1); ++y)
                for (int64_t x = std::max<int64_t>(0, p % width - 1); x <= std::min(width - 1, p % width + 1); ++x) {
                    if (y * width + x == p) continue;
                    const double weight = y == p / width || x == p % width ? 2 : 1;
                    sum += weight * values[y * width + x];
                    weights += weight;
                }
            values[p] = sum / weights;
        }
    const Tensor found = imputed(LinearImputer("x", image, {.noise = 0}), image, present);
    for (size_t p = 0; p < values.size(); ++p)
        ASSERT_NEAR(found.as<float>()[p], values[p], 1e-6) << p;
}

TEST(LinearImputer, TwinByRelaxation) {
    expect_as_relaxed(5, 6);
    expect_as_relaxed(9, 1);
    expect_as_relaxed(1, 9);
}

// Too wide for a band: a sparse factorisation.
TEST(LinearImputer, TwinByRelaxationOfAWideImage) {
    expect_as_relaxed(5, 150);
}

TEST(LinearImputer, LayoutsAgreeAndNoiseIsOneField) {
    std::vector<uint8_t> some(20, 1), more(20, 0);
    some[7] = some[8] = more[0] = more[19] = 0;
    more[0] = 1;
    for (const double noise : {0.0, 0.01}) {
        const Tensor first = image_of(4, 5, 3, false), last = image_of(4, 5, 3, true);
        const Tensor a = imputed(LinearImputer("x", first, {.noise = 0}), first, some);
        const Tensor b = imputed(LinearImputer("x", last, {.noise = noise, .seed = 4}), last, some);
        double apart = 0;
        for (int64_t p = 0; p < 20; ++p)
            for (int64_t c = 0; c < 3; ++c)
                apart = std::max<double>(
                    apart, std::abs(a.as<float>()[c * 20 + p] - b.as<float>()[p * 3 + c]));
        if (noise == 0)
            EXPECT_LT(apart, 1e-6);
        else
            EXPECT_TRUE(apart > 1e-4 && apart < 0.05) << apart;
    }
    const Tensor image = image_of(4, 5, 3, false);
    const LinearImputer noisy("x", image, {.seed = 1}), other("x", image, {.seed = 2});
    EXPECT_EQ(imputed(noisy, image, more), imputed(noisy, image, more));
    EXPECT_FALSE(imputed(noisy, image, more) == imputed(other, image, more));
    whence::Run two;
    two.threads = 2;
    EXPECT_EQ(imputed(noisy, image, more), imputed(noisy, image, more, two));
    EXPECT_EQ(imputed(noisy, image, std::vector<uint8_t>(20, 1)), image);
}

TEST(LinearImputer, Refusals) {
    const Tensor image = image_of(2, 2, 1, false);
    const LinearImputer imputer("x", image);
    error_of(ErrorKind::usage, [&] { return imputed(imputer, image, {0, 0, 0, 0}); });
    error_of(ErrorKind::usage, [&] { return LinearImputer("x", image, {.noise = -1}).players(); });
    const Tensor row(ElementType::float32, {1, 4}), bytes(ElementType::uint8, {1, 1, 2, 2});
    error_of(ErrorKind::input, [&] { return LinearImputer("x", row).players(); });
    error_of(ErrorKind::input, [&] { return LinearImputer("x", bytes).players(); });
}

// f reads one pixel. The right map removes it first and, least relevant first, last.
TEST(Road, ARightMapBeatsAWrongOne) {
    Tensor image(ElementType::float64, {1, 1, 4, 4});
    image.as<double>()[5] = 1;
    const FormulaModel model({-1, 1, 4, 4}, ElementType::float64,
                             [](std::span<const double> x) { return x[5]; });
    const Batch input({{"x", image}});
    const LinearImputer imputer("x", image, {.noise = 0});
    const Road road({.fractions = {0.25, 0.5}});
    const Metric* metric = &road;
    std::vector<double> right(16, 0), wrong(16, 0);
    for (int i = 0; i < 16; ++i) wrong[i] = i == 5 ? -1 : 0;
    right[5] = 1;
    const auto score = [&](const std::vector<double>& values) {
        return evaluate(model, {{&input, {.output = "y"}, &imputer, values}}, {&metric, 1},
                        plain_run)
            .of[0][0];
    };
    // Least relevant first leaves 1, most relevant first 0: all the others are 0.
    EXPECT_NEAR(score(right).value, 0.5, 1e-12);
    EXPECT_NEAR(score(wrong).value, -0.5, 1e-12);
    EXPECT_EQ(score(right).x, (std::vector<double>{0.25, 0.5}));
}

TEST(Road, NeverTakesTheLastPixel) {
    const Tensor image = image_of(2, 2, 1, false);
    const FormulaModel model({-1, 1, 2, 2}, ElementType::float32,
                             [](std::span<const double> x) { return x[0]; });
    const Batch input({{"x", image}});
    const LinearImputer imputer("x", image);
    const Road road({.fractions = {1}});
    const Metric* metric = &road;
    const Scores scores = evaluate(model, {{&input, {.output = "y"}, &imputer, {4, 3, 2, 1}}},
                                   {&metric, 1}, plain_run);
    EXPECT_EQ(scores.of[0][0].x, (std::vector<double>{0.75}));
}

}  // namespace
}  // namespace whence::metrics
