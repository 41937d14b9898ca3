#include "whence/core/baseline.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/support.h"
#include "whence/core/rng.h"

namespace whence {
namespace {

using testing::error_of;
using testing::expect_within;
using testing::plain_run;

Tensor random_image(const Shape& shape, ElementType type = ElementType::float64) {
    Tensor image(ElementType::float64, shape);
    Rng rng(1, 2, 3);
    for (double& value : image.as<double>()) value = rng.uniform();
    return image.cast(type);
}

// A picture [1, H, W, C] with its channels in front.
Tensor channels_first(const Tensor& last) {
    const int64_t h = last.shape()[1], w = last.shape()[2], c = last.shape()[3];
    Tensor out(ElementType::float64, {1, c, h, w});
    for (int64_t y = 0; y < h; ++y)
        for (int64_t x = 0; x < w; ++x)
            for (int64_t k = 0; k < c; ++k)
                out.as<double>()[(k * h + y) * w + x] = last.as<double>()[(y * w + x) * c + k];
    return out;
}

// Each pixel the weighted mean over a square around it, coordinates clamped: the blur's definition.
Tensor slow_blur(const Tensor& image, double sigma) {
    const int64_t h = image.shape()[1], w = image.shape()[2], c = image.shape()[3];
    const auto radius = static_cast<int64_t>(std::ceil(4 * sigma));
    Tensor out(ElementType::float64, image.shape());
    for (int64_t y = 0; y < h; ++y)
        for (int64_t x = 0; x < w; ++x)
            for (int64_t k = 0; k < c; ++k) {
                double sum = 0, weights = 0;
                for (int64_t dy = -radius; dy <= radius; ++dy)
                    for (int64_t dx = -radius; dx <= radius; ++dx) {
                        const double weight =
                            std::exp(-static_cast<double>(dy * dy + dx * dx) / (2 * sigma * sigma));
                        const int64_t at = std::clamp<int64_t>(y + dy, 0, h - 1) * w +
                                           std::clamp<int64_t>(x + dx, 0, w - 1);
                        sum += weight * image.as<double>()[at * c + k];
                        weights += weight;
                    }
                out.as<double>()[(y * w + x) * c + k] = sum / weights;
            }
    return out;
}

double largest_difference(const Tensor& a, const Tensor& b) {
    const std::vector<double> x = a.to_doubles(), y = b.to_doubles();
    EXPECT_EQ(a.shape(), b.shape());
    double worst = 0;
    for (size_t i = 0; i < x.size(); ++i) worst = std::max(worst, std::abs(x[i] - y[i]));
    return worst;
}

TEST(BaselineNames, AreTheirOwnInverse) {
    for (const char* text : {"zeros", "value:0.5", "value:-1", "mean", "blur:10", "blur:2.5",
                             "noise:0:1", "noise:-1:2.5"})
        EXPECT_EQ(describe(parse_baseline(text)), text);
    EXPECT_EQ(describe(parse_baseline("blur")), "blur:10");
    EXPECT_EQ(describe(parse_baseline("noise")), "noise:0:1");
    EXPECT_EQ(describe(baseline::Data{{}, "median.csv"}), "median.csv");
    EXPECT_EQ(std::get<baseline::Value>(parse_baseline(describe(baseline::Value{0.1}))).value, 0.1);
}

TEST(BaselineNames, WrongOnesNameTheChoices) {
    for (const char* text :
         {"", "white", "Zeros", "zeros:1", "value", "value:1:2", "mean:1", "blur:0", "blur:-1",
          "blur:1001", "noise:1", "noise:2:1", "noise:0:1:2"})
        expect_within(error_of(ErrorKind::usage, [&] { return parse_baseline(text); }),
                      "choose zeros");
    for (const char* text : {"value:", "value:x", "value:1:", "value:0x1p3", "value:nan",
                             "value:inf", "blur:1e999", "zeros:"})
        expect_within(error_of(ErrorKind::usage, [&] { return parse_baseline(text); }),
                      "is not a number");
}

TEST(Baseline, ZerosAndValues) {
    const Tensor input = random_image({1, 5}, ElementType::float32);
    EXPECT_EQ(baseline_values(baseline::Zeros{}, input, plain_run),
              Tensor(ElementType::float32, {1, 5}));
    const Tensor half = baseline_values(baseline::Value{0.5}, input, plain_run);
    EXPECT_EQ(half, Tensor::of<float>({1, 5}, std::vector<float>(5, 0.5F)));
}

TEST(Baseline, MeanColourOfEitherLayout) {
    const Tensor image = random_image({1, 6, 7, 3});
    const Tensor mean = baseline_values(baseline::Mean{}, image, plain_run);
    for (int64_t k = 0; k < 3; ++k) {
        double sum = 0;
        for (int64_t i = 0; i < 42; ++i) sum += image.as<double>()[i * 3 + k];
        for (int64_t i = 0; i < 42; ++i) EXPECT_NEAR(mean.as<double>()[i * 3 + k], sum / 42, 1e-15);
    }
    const Tensor first = channels_first(image);
    EXPECT_EQ(baseline_values(baseline::Mean{}, first, plain_run), channels_first(mean));
}

TEST(Baseline, BlurMatchesItsDefinition) {
    const Tensor image = random_image({1, 9, 13, 3});
    for (const double sigma : {0.3, 1.0, 2.5}) {  // the last one reaches beyond the picture
        const Tensor blurred = baseline_values(baseline::Blur{sigma}, image, plain_run);
        EXPECT_LT(largest_difference(blurred, slow_blur(image, sigma)), 1e-13) << sigma;
        EXPECT_GT(largest_difference(blurred, slow_blur(image, sigma * 1.01)), 1e-4) << sigma;
        const Tensor first =
            baseline_values(baseline::Blur{sigma}, channels_first(image), plain_run);
        EXPECT_EQ(first, channels_first(blurred));
    }
}

TEST(Baseline, BlurKeepsAFlatPicture) {
    const Tensor flat = Tensor::of<double>({1, 4, 40, 1}, std::vector<double>(160, 0.25));
    EXPECT_LT(largest_difference(baseline_values(baseline::Blur{50}, flat, plain_run), flat),
              1e-14);
}

TEST(Baseline, NoiseComesFromTheSeed) {
    const Tensor input = random_image({1, 1000}, ElementType::float32);
    whence::Run run{.seed = 7, .threads = 1};
    const Tensor noise = baseline_values(baseline::Noise{-1, 3}, input, run);
    run.threads = 8;
    EXPECT_EQ(baseline_values(baseline::Noise{-1, 3}, input, run), noise);
    run.seed = 8;
    EXPECT_FALSE(baseline_values(baseline::Noise{-1, 3}, input, run) == noise);
    const auto [low, high] = std::ranges::minmax(noise.as<float>());
    EXPECT_TRUE(low >= -1 && low < -0.9F && high < 3 && high > 2.9F);
}

TEST(Baseline, GivenDataTakeTheInputsShapeAndType) {
    const Tensor input = random_image({1, 2, 2}, ElementType::float32);
    const baseline::Data data{Tensor::of<double>({4}, std::vector<double>{1, 2, 3, 4}),
                              "median.csv"};
    const Tensor values = baseline_values(data, input, plain_run);
    EXPECT_EQ(values, Tensor::of<float>({1, 2, 2}, std::vector<float>{1, 2, 3, 4}));
    const baseline::Data wrong{Tensor(ElementType::float64, {3}), "median.csv"};
    expect_within(
        error_of(ErrorKind::input, [&] { return baseline_values(wrong, input, plain_run); }),
        "baseline 'median.csv' has shape [3], the input [1, 2, 2]");
}

TEST(Baseline, TablesHaveNoColour) {
    const Tensor row = random_image({1, 5});
    expect_within(error_of(ErrorKind::usage,
                           [&] { return baseline_values(baseline::Mean{}, row, plain_run); }),
                  "baseline 'mean' needs an image; the input has shape [1, 5]");
    error_of(ErrorKind::usage, [&] { return baseline_values(baseline::Blur{}, row, plain_run); });
    // Neither 1, 3 nor 4 channels on either side.
    const Tensor volume = random_image({1, 5, 6, 7});
    error_of(ErrorKind::usage,
             [&] { return baseline_values(baseline::Blur{}, volume, plain_run); });
}

void expect_axes(const Shape& shape, int height, int width, int channels) {
    const auto axes = image_axes(shape);
    ASSERT_TRUE(axes) << to_string(shape);
    EXPECT_EQ(axes->height, height) << to_string(shape);
    EXPECT_EQ(axes->width, width) << to_string(shape);
    EXPECT_EQ(axes->channels, channels) << to_string(shape);
}

TEST(ImageAxes, FirstOrLast) {
    expect_axes({1, 3, 224, 224}, 2, 3, 1);
    expect_axes({1, 224, 224, 3}, 1, 2, 3);
    expect_axes({8, 1, 28, 28}, 2, 3, 1);
    expect_axes({-1, 28, 28, 1}, 1, 2, 3);
    expect_axes({1, 4, 32, 32}, 2, 3, 1);
}

// Channel counts on both sides: the larger picture wins, and between equals channels first.
TEST(ImageAxes, Ambiguous) {
    expect_axes({1, 3, 224, 4}, 2, 3, 1);
    expect_axes({1, 4, 224, 3}, 1, 2, 3);
    expect_axes({1, 1, 9, 1}, 2, 3, 1);
    expect_axes({1, 3, 3, 3}, 2, 3, 1);
    expect_axes({1, 3, 5, 1}, 1, 2, 3);
}

TEST(ImageAxes, NoImage) {
    for (const Shape& shape : {Shape{}, Shape{1, 3}, Shape{1, 224, 224}, Shape{1, 2, 5, 5},
                               Shape{1, 1, 1, 28, 28}, Shape{1, 5, 5, 2}})
        EXPECT_FALSE(image_axes(shape)) << to_string(shape);
}

}  // namespace
}  // namespace whence
