#include "whence/render/superpixel_mask.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "whence/core/baseline.h"
#include "whence/core/error.h"
#include "whence/render/heat.h"

namespace whence::render {
namespace {

constexpr Rgb yellow{255, 255, 0};
constexpr int64_t box = 560;  // as image_figure's

void check(const Explanation& explanation, const MaskOptions& options) {
    if (!explanation.attribution.segments)
        throw Error(ErrorKind::usage, "masks show superpixels, and this explanation has none");
    if (options.positive_only && options.negative_only)
        throw Error(ErrorKind::usage, "positive_only and negative_only exclude each other");
    if (options.num_features < 1)
        throw Error(ErrorKind::usage, "a mask shows at least 1 superpixel");
}

// Channels last, grey three times.
Tensor colours(const Tensor& image) {
    const auto axes = image_axes(image.shape());
    if (!axes) throw Error(ErrorKind::input, "a mask needs the picture, not " + to_string(image.shape()));
    const Shape& shape = image.shape();
    const bool last = axes->channels == 3;
    const int64_t height = shape[axes->height], width = shape[axes->width],
                  channels = shape[axes->channels];
    const int64_t made = channels == 1 ? 3 : channels;
    const std::vector<double> from = image.to_doubles();
    Tensor out(ElementType::float64, {height, width, made});
    for (int64_t pixel = 0; pixel < height * width; ++pixel)
        for (int64_t c = 0; c < made; ++c) {
            const int64_t source = channels == 1 ? 0 : c;
            out.as<double>()[pixel * made + c] =
                from[last ? pixel * channels + source : source * height * width + pixel];
        }
    return out;
}

// The superpixels to show, each with its sign.
std::vector<int> signs_of(const Attribution& attribution, const MaskOptions& options) {
    const std::vector<double> weights = attribution.values.to_doubles();
    std::vector<size_t> order(weights.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::ranges::stable_sort(order, std::greater{},
                             [&](size_t i) { return std::isfinite(weights[i]) ? std::abs(weights[i]) : 0; });
    const bool both = !options.positive_only && !options.negative_only;
    std::vector<int> out(weights.size(), 0);
    int64_t shown = 0;
    for (const size_t i : order) {
        const double weight = weights[i];
        if (shown == options.num_features || !std::isfinite(weight) || weight == 0) break;
        const bool wanted = both || (weight > 0) == options.positive_only;
        if (!wanted) continue;
        // Of one sign alone the package asks for more than the least, of both for no less.
        const bool enough = both ? std::abs(weight) >= options.min_weight
                                 : std::abs(weight) > options.min_weight;
        if (!enough) break;
        out[i] = both && weight < 0 ? -1 : 1;
        ++shown;
    }
    return out;
}

}  // namespace

ImageAndMask image_and_mask(const Explanation& explanation, const Tensor& image,
                            const MaskOptions& options) {
    check(explanation, options);
    const Tensor whole = colours(image);
    const Tensor& segments = *explanation.attribution.segments;
    const int64_t channels = whole.shape()[2], pixels = whole.size() / channels;
    if (segments.type() != ElementType::int32 || segments.size() != pixels ||
        segments.shape()[0] != whole.shape()[0])
        throw Error(ErrorKind::input, "the segments " + to_string(segments.shape()) +
                                          " are not of this picture, " + to_string(image.shape()));
    const std::vector<int> signs = signs_of(explanation.attribution, options);
    const std::span<const double> from = whole.as<double>();
    const double brightest = *std::ranges::max_element(from);
    const bool both = !options.positive_only && !options.negative_only;
    ImageAndMask out{whole, Tensor(ElementType::int32, segments.shape())};
    const std::span<double> to = out.image.as<double>();
    for (int64_t pixel = 0; pixel < pixels; ++pixel) {
        const int32_t label = segments.as<int32_t>()[pixel];
        const int sign = label >= 0 && label < std::ssize(signs) ? signs[label] : 0;
        out.mask.as<int32_t>()[pixel] = sign;
        if (sign == 0 && options.hide_rest)
            std::ranges::fill(to.subspan(pixel * channels, channels), 0.0);
        if (sign != 0 && both) to[pixel * channels + (sign < 0 ? 0 : 1)] = brightest;
    }
    return out;
}

Picture mask_picture(const Explanation& explanation, const Tensor& image,
                     const MaskOptions& options) {
    const ImageAndMask made = image_and_mask(explanation, image, options);
    Shape shape = made.image.shape();
    shape.insert(shape.begin(), 1);
    const Picture small = to_picture(made.image.reshaped(shape));
    const int64_t factor = pixel_factor(small.height, small.width, box);
    Picture out = enlarged(small, factor);
    const std::span<const int32_t> mask = made.mask.as<int32_t>();
    const auto at = [&](int64_t row, int64_t column) {
        return mask[row / factor * small.width + column / factor];
    };
    for (int64_t row = 0; row < out.height; ++row)
        for (int64_t column = 0; column < out.width; ++column)
            if ((row + 1 < out.height && at(row, column) != at(row + 1, column)) ||
                (column + 1 < out.width && at(row, column) != at(row, column + 1)))
                out.set(row, column, yellow);
    return out;
}

}  // namespace whence::render
