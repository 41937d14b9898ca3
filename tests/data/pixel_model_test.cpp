#include "whence/data/pixel_model.h"

#include <gtest/gtest.h>

#include <cmath>

#include "whence/core/error.h"
#include "whence/core/function_model.h"

namespace whence::data {
namespace {

// Answers with what it was given.
std::shared_ptr<const Model> echo(ElementType type, Shape shape, int64_t elements) {
    return std::make_shared<const FunctionModel>(
        TensorInfo{.name = "x", .type = type, .shape = std::move(shape)},
        TensorInfo{.name = "y", .type = ElementType::float64, .shape = {-1, elements}},
        [elements](const Tensor& rows, const Run&) {
            return Tensor::of<double>({rows.rows(), elements}, rows.to_doubles());
        });
}

Tensor pixels(int64_t rows, int64_t channels) {
    Tensor out(ElementType::float32, {rows, 2, 3, channels});
    for (int64_t i = 0; i < out.size(); ++i)
        out.as<float>()[i] = static_cast<float>(i % 19) / 19;
    return out;
}

// The formula, element by element, for every layout and order of channels.
TEST(PixelModel, IsTheFormula) {
    for (const Layout layout : {Layout::nchw, Layout::nhwc})
        for (const ChannelOrder order : {ChannelOrder::rgb, ChannelOrder::bgr, ChannelOrder::gray})
            for (const ElementType type : {ElementType::float32, ElementType::float64, ElementType::uint8}) {
                const int64_t channels = order == ChannelOrder::gray ? 1 : 3;
                ImagePreprocessing how{.channels = order, .layout = layout, .mean = {0.5}, .std = {0.02}, .scale = 2};
                if (channels == 3) how.mean = {0.1, 0.2, 0.3};
                if (type == ElementType::uint8) how = {.channels = order, .layout = layout, .scale = 255};
                const Shape shape = layout == Layout::nchw ? Shape{-1, channels, 2, 3} : Shape{-1, 2, -1, channels};
                how.width = 3;
                const PixelModel model(echo(type, shape, 6 * channels), how);
                EXPECT_EQ(model.inputs()[0].shape, (Shape{-1, 2, 3, channels}));
                const Tensor given = pixels(4, channels);
                for (const int threads : {1, 8}) {
                    const std::vector<double> out = model.predict(Batch(given), {.threads = threads})[0].value.to_doubles();
                    for (int64_t row = 0; row < 4; ++row)
                        for (int64_t spot = 0; spot < 6; ++spot)
                            for (int64_t c = 0; c < channels; ++c) {
                                const int64_t from = order == ChannelOrder::bgr ? 2 - c : c;
                                const double pixel = given.as<float>()[(row * 6 + spot) * channels + from];
                                const double mean = how.mean.empty() ? 0 : how.mean[how.mean.size() == 1 ? 0 : c];
                                const double std = how.std.empty() ? 1 : how.std[0];
                                double wanted = (pixel * how.scale - mean) / std;
                                if (type == ElementType::uint8) wanted = std::nearbyint(wanted);
                                const int64_t at = layout == Layout::nchw ? c * 6 + spot : spot * channels + c;
                                ASSERT_NEAR(out[row * 6 * channels + at], wanted, 1e-4 * std::max(1.0, std::abs(wanted)));
                            }
                }
            }
}

TEST(PixelModel, VectorsOfPixelsAndWhatDoesNotFit) {
    const ImagePreprocessing gray{.height = 2, .width = 3, .channels = ChannelOrder::gray};
    EXPECT_EQ(PixelModel(echo(ElementType::float32, {-1, 6}, 6), gray).predict(Batch(pixels(2, 1)), {})[0].value.shape(), (Shape{2, 6}));
    EXPECT_THROW((void)PixelModel(echo(ElementType::float32, {-1, 7}, 7), gray), Error);
    EXPECT_THROW((void)PixelModel(echo(ElementType::float32, {-1, 3, 2, 3}, 18), gray), Error) << "three channels";
    EXPECT_THROW((void)PixelModel(echo(ElementType::float32, {-1, 1, 4, 3}, 12), gray), Error) << "another height";
    EXPECT_THROW((void)PixelModel(echo(ElementType::float32, {-1, 1, -1, 3}, 6), {.channels = ChannelOrder::gray}), Error) << "no size";
    EXPECT_THROW((void)PixelModel(echo(ElementType::float32, {-1, 3, 2, 3}, 18), {.mean = {1, 2}}), Error);
    const PixelModel model(echo(ElementType::float32, {-1, 1, 2, 3}, 6), gray);
    EXPECT_THROW((void)model.predict(Batch(pixels(1, 3)), {}), Error);
    EXPECT_TRUE(PixelModel::changes_nothing({.layout = Layout::nhwc}));
    EXPECT_FALSE(PixelModel::changes_nothing({}));
}

}  // namespace
}  // namespace whence::data
