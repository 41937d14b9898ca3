// Pillow's Resample.c in the same arithmetic (8-bit branch): weights in double, rounded to 22-bit
// fixed point, one pass across and one down with 8-bit pixels in between.

#include <algorithm>
#include <cmath>

#include "image.h"
#include "whence/core/error.h"

namespace whence::data {
namespace {

constexpr int fraction_bits = 32 - 8 - 2;

/// How far a filter reaches, and its weight at a distance, before it is widened.
struct Filter {
    double reach;
    double (*weight)(double distance);
};

Filter filter_of(Resample resample) {
    if (resample == Resample::bilinear)
        return {1, [](double x) { return std::max(0.0, 1.0 - std::abs(x)); }};
    return {2, [](double x) {
                constexpr double a = -0.5;
                x = std::abs(x);
                if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
                return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0.0;
            }};
}

int32_t fixed(double weight) {
    return static_cast<int32_t>((weight < 0 ? -0.5 : 0.5) + weight * (1 << fraction_bits));
}

/// One output pixel is a weighted sum of input pixels from `first` on.
struct Window {
    int64_t first;
    std::vector<int32_t> weights;
};

std::vector<Window> windows(int64_t from, int64_t to, const Filter& filter) {
    const double scale = static_cast<double>(from) / static_cast<double>(to);
    const double widened = std::max(scale, 1.0), support = filter.reach * widened;
    std::vector<Window> out(static_cast<size_t>(to));
    std::vector<double> exact;
    for (int64_t i = 0; i < to; ++i) {
        const double center = (static_cast<double>(i) + 0.5) * scale;
        const auto first = std::max<int64_t>(0, static_cast<int64_t>(center - support + 0.5));
        const auto last = std::min<int64_t>(from, static_cast<int64_t>(center + support + 0.5));
        exact.clear();
        double sum = 0;
        for (int64_t k = first; k < last; ++k) {
            const double distance = (static_cast<double>(k) - center + 0.5) * (1.0 / widened);
            exact.push_back(filter.weight(distance));
            sum += exact.back();
        }
        out[i].first = first;
        for (const double weight : exact)
            out[i].weights.push_back(fixed(weight / (sum != 0 ? sum : 1)));
    }
    return out;
}

/// The weighted sum of pixels `stride` bytes apart.
uint8_t weighted(const uint8_t* from, int64_t stride, const std::vector<int32_t>& weights) {
    int32_t sum = 1 << (fraction_bits - 1);
    for (const int32_t weight : weights) {
        sum += *from * weight;
        from += stride;
    }
    return static_cast<uint8_t>(std::clamp(sum >> fraction_bits, 0, 255));
}

Image resize_width(const Image& image, int64_t width, const Filter& filter) {
    const std::vector<Window> columns = windows(image.width, width, filter);
    Image out{image.height, width, image.channels, {}};
    out.pixels.reserve(static_cast<size_t>(out.height * out.width * out.channels));
    for (int64_t row = 0; row < out.height; ++row) {
        const uint8_t* line = &image.pixels[row * image.width * image.channels];
        for (const Window& column : columns)
            for (int64_t channel = 0; channel < image.channels; ++channel)
                out.pixels.push_back(weighted(line + column.first * image.channels + channel,
                                              image.channels, column.weights));
    }
    return out;
}

Image resize_height(const Image& image, int64_t height, const Filter& filter) {
    const std::vector<Window> rows = windows(image.height, height, filter);
    const int64_t line = image.width * image.channels;
    Image out{height, image.width, image.channels, {}};
    out.pixels.reserve(static_cast<size_t>(height * line));
    for (const Window& row : rows)
        for (int64_t i = 0; i < line; ++i)
            out.pixels.push_back(weighted(&image.pixels[row.first * line + i], line, row.weights));
    return out;
}

/// Pillow 13 goes down first where that takes away more than twice as many lines as the pass across
/// takes away columns (found by asking it). Older ones always go across first: one level apart.
bool down_first(const Image& image, int64_t height, int64_t width) {
    return height < image.height && image.height - height > 2 * (image.width - width);
}

}  // namespace

Image resize(const Image& image, int64_t height, int64_t width, Resample resample) {
    if (image.pixels.empty()) throw Error(ErrorKind::internal, "an image without pixels");
    if (height < 1 || width < 1)
        throw Error(ErrorKind::usage, "an image cannot be resized to nothing");
    // The picture in between counts as well.
    if (height > max_pixels || width > max_pixels / std::max(height, image.height))
        throw Error(ErrorKind::limit, "the resized image would have more than 100 million pixels");
    if (height == image.height && width == image.width) return image;
    const Filter filter = filter_of(resample);
    if (height == image.height) return resize_width(image, width, filter);
    if (width == image.width) return resize_height(image, height, filter);
    return down_first(image, height, width)
               ? resize_width(resize_height(image, height, filter), width, filter)
               : resize_height(resize_width(image, width, filter), height, filter);
}

}  // namespace whence::data
