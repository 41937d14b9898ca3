// Masks of superpixels against the lime package: tests/perturb/lime.npz, made by
// tests/perturb/make_lime_golden.py.

#include "whence/render/superpixel_mask.h"

#include <gtest/gtest.h>

#include <cmath>

#include "whence/core/error.h"
#include "whence/data/npy.h"

namespace whence::render {
namespace {

const Tensor& at(const std::string& name) {
    static const std::vector<NamedTensor> all =
        data::read_npz(WHENCE_SOURCE_DIR "/tests/perturb/lime.npz");
    for (const NamedTensor& tensor : all)
        if (tensor.name == "mask/" + name) return tensor.value;
    throw std::runtime_error("lime.npz has no mask/" + name);
}

Explanation explained() {
    Explanation e;
    e.attribution.values = at("weights");
    e.attribution.segments = at("segments");
    return e;
}

Tensor picture() {
    Shape shape = at("image").shape();
    shape.insert(shape.begin(), 1);
    return at("image").reshaped(shape);
}

// The same picture with channels first.
Tensor channels_first() {
    const Tensor image = picture();
    const int64_t pixels = image.size() / 3;
    Tensor out(ElementType::float64, {1, 3, image.shape()[1], image.shape()[2]});
    for (int64_t pixel = 0; pixel < pixels; ++pixel)
        for (int64_t c = 0; c < 3; ++c)
            out.as<double>()[c * pixels + pixel] = image.as<double>()[pixel * 3 + c];
    return out;
}

TEST(ImageAndMask, IsThePackages) {
    for (int i = 0; i < 5; ++i) {
        SCOPED_TRACE(i);
        const std::string key = std::to_string(i);
        const auto option = at(key + "/options").as<double>();
        const MaskOptions options{.positive_only = option[0] != 0,
                                  .negative_only = option[1] != 0,
                                  .hide_rest = option[2] != 0,
                                  .num_features = static_cast<int64_t>(option[3]),
                                  .min_weight = option[4]};
        for (const Tensor& image : {picture(), channels_first()}) {
            const ImageAndMask made = image_and_mask(explained(), image, options);
            EXPECT_EQ(made.image, at(key + "/image"));
            EXPECT_EQ(made.mask, at(key + "/mask"));
        }
        MaskOptions fewer = options;
        fewer.num_features = 1;
        EXPECT_NE(image_and_mask(explained(), picture(), fewer).mask, at(key + "/mask"));
    }
}

TEST(ImageAndMask, GreyHasThreeChannels) {
    const Tensor grey = Tensor::of<double>({1, 1, 12, 16}, std::vector<double>(12 * 16, 0.25));
    const ImageAndMask made =
        image_and_mask(explained(), grey, {.positive_only = false, .num_features = 12});
    EXPECT_EQ(made.image.shape(), (Shape{12, 16, 3}));
    EXPECT_EQ(made.image.as<double>()[2], 0.25);
}

TEST(ImageAndMask, NothingIsChosenOfWeightsThatAreZeroOrNoNumber) {
    Explanation e = explained();
    for (double& weight : e.attribution.values.as<double>()) weight = 0;
    e.attribution.values.as<double>()[0] = NAN;
    const ImageAndMask made = image_and_mask(e, picture(), {.positive_only = false});
    for (const int32_t sign : made.mask.as<int32_t>()) EXPECT_EQ(sign, 0);
}

TEST(ImageAndMask, SaysWhatIsWrong) {
    EXPECT_THROW(image_and_mask(explained(), picture(), {.negative_only = true}), Error);
    EXPECT_THROW(image_and_mask(explained(), picture(), {.num_features = 0}), Error);
    EXPECT_THROW(image_and_mask(Explanation(), picture(), {}), Error);
    EXPECT_THROW(image_and_mask(explained(), Tensor(ElementType::float64, {1, 12, 12, 3}), {}),
                 Error);
}

TEST(MaskPicture, ShowsTheBoundaryOfWhatWasChosen) {
    const Picture made = mask_picture(explained(), picture(), {.hide_rest = true, .num_features = 1});
    EXPECT_EQ(made.width % 16, 0);
    EXPECT_EQ(made.height % 12, 0);
    int64_t yellow = 0, black = 0;
    for (int64_t row = 0; row < made.height; ++row)
        for (int64_t column = 0; column < made.width; ++column) {
            yellow += made.at(row, column) == Rgb{255, 255, 0};
            black += made.at(row, column) == Rgb{0, 0, 0};
        }
    EXPECT_GT(yellow, 0);
    // One of twelve segments is not hidden.
    EXPECT_NEAR(static_cast<double>(black) / static_cast<double>(made.height * made.width),
                11.0 / 12, 0.02);
}

}  // namespace
}  // namespace whence::render
