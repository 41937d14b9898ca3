#include "whence/metrics/object_masks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "whence/core/baseline.h"
#include "whence/core/error.h"
#include "whence/core/rng.h"

namespace whence::metrics {
namespace {

constexpr uint32_t mosaic_stream = 0x6d6f7361;

// Where the numbers of a picture stand.
struct Layout {
    int64_t height, width, channels, row_step, pixel_step, channel_step;
    [[nodiscard]] int64_t at(int64_t y, int64_t x, int64_t c) const {
        return y * row_step + x * pixel_step + c * channel_step;
    }
};

Layout layout_of(const Shape& shape) {
    if (shape.size() == 2) return {shape[0], shape[1], 1, shape[1], 1, 1};
    if (shape.size() == 3) return {shape[1], shape[2], 1, shape[2], 1, 1};
    const auto axes = image_axes(shape);
    if (!axes)
        throw Error(ErrorKind::input,
                    fmt::format("{} is not the shape of pictures", to_string(shape)));
    const int64_t height = shape[axes->height], width = shape[axes->width],
                  channels = shape[axes->channels];
    return axes->channels == 3 ? Layout{height, width, channels, width * channels, channels, 1}
                               : Layout{height, width, channels, width, 1, height * width};
}

// Of each class its pictures.
std::map<int64_t, std::vector<int64_t>> by_class(std::span<const int64_t> labels) {
    std::map<int64_t, std::vector<int64_t>> of;
    for (size_t i = 0; i < labels.size(); ++i) of[labels[i]].push_back(static_cast<int64_t>(i));
    if (of.size() < 4)
        throw Error(ErrorKind::input,
                    fmt::format("a mosaic is of four classes; the pictures have {}", of.size()));
    return of;
}

}  // namespace

std::vector<uint8_t> foreground_mask(const Tensor& picture, double threshold) {
    if (!(threshold >= 0 && threshold < 1))
        throw Error(ErrorKind::usage,
                    fmt::format("a foreground above {} of the brightest; take [0, 1)", threshold));
    if (picture.rank() < 2 || picture.rank() > 4 || (picture.rank() > 2 && picture.rows() != 1))
        throw Error(ErrorKind::input,
                    fmt::format("{} is not the shape of one picture", to_string(picture.shape())));
    const Layout layout = layout_of(picture.shape());
    const std::vector<double> values = picture.to_doubles();
    for (const double value : values)
        if (!(value >= 0 && std::isfinite(value)))
            throw Error(ErrorKind::input,
                        fmt::format("a pixel is {}; a foreground is of numbers from 0 up", value));
    if (values.empty()) throw Error(ErrorKind::input, "the picture has no pixels");
    const double least = threshold * *std::ranges::max_element(values);
    std::vector<uint8_t> mask;
    for (int64_t y = 0; y < layout.height; ++y)
        for (int64_t x = 0; x < layout.width; ++x) {
            double brightest = 0;
            for (int64_t c = 0; c < layout.channels; ++c)
                brightest = std::max(brightest, values[layout.at(y, x, c)]);
            mask.push_back(brightest > least);
        }
    return mask;
}

std::vector<uint8_t> Mosaic::mask(int64_t tile) const {
    std::vector<uint8_t> out;
    for (int64_t y = 0; y < height; ++y)
        for (int64_t x = 0; x < width; ++x)
            out.push_back((y < height / 2 ? 0 : 2) + (x < width / 2 ? 0 : 1) == tile);
    return out;
}

std::vector<Mosaic> mosaics(const Tensor& pictures, std::span<const int64_t> labels, int64_t count,
                            uint64_t seed) {
    if (pictures.rank() != 4 || pictures.rows() != std::ssize(labels))
        throw Error(ErrorKind::input, fmt::format("{} labels for pictures of shape {}",
                                                  labels.size(), to_string(pictures.shape())));
    if (pictures.type() != ElementType::float32 && pictures.type() != ElementType::float64)
        throw Error(ErrorKind::input, "mosaics are of pictures of floating-point numbers");
    if (count < 1) throw Error(ErrorKind::usage, fmt::format("{} mosaics; take 1 or more", count));
    const Layout layout = layout_of(pictures.shape());
    if (layout.height % 2 != 0 || layout.width % 2 != 0)
        throw Error(ErrorKind::input, fmt::format("pictures of {} x {} cannot be halved",
                                                  layout.height, layout.width));
    const auto of_class = by_class(labels);
    std::vector<int64_t> classes;
    for (const auto& [label, which] : of_class) classes.push_back(label);
    std::vector<Mosaic> all;
    for (int64_t m = 0; m < count; ++m) {
        Rng rng(seed, mosaic_stream, static_cast<uint64_t>(m));
        std::vector<int32_t> order(classes.size());
        for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int32_t>(i);
        rng.shuffle(order);
        Mosaic mosaic{.height = layout.height, .width = layout.width};
        Tensor made(ElementType::float64, pictures.slice_rows(0, 1).shape());
        for (int64_t tile = 0; tile < 4; ++tile) {
            mosaic.classes[tile] = classes[order[tile]];
            const std::vector<int64_t>& which = of_class.at(mosaic.classes[tile]);
            mosaic.pictures[tile] = which[rng.below(which.size())];
            const std::vector<double> picture =
                pictures.slice_rows(mosaic.pictures[tile], 1).to_doubles();
            const int64_t top = tile / 2 * layout.height / 2, left = tile % 2 * layout.width / 2;
            for (int64_t y = 0; y < layout.height / 2; ++y)
                for (int64_t x = 0; x < layout.width / 2; ++x)
                    for (int64_t c = 0; c < layout.channels; ++c) {
                        double sum = 0;
                        for (const int64_t dy : {0, 1})
                            for (const int64_t dx : {0, 1})
                                sum += picture[layout.at(2 * y + dy, 2 * x + dx, c)];
                        made.as<double>()[layout.at(top + y, left + x, c)] = sum / 4;
                    }
        }
        mosaic.picture = made.cast(pictures.type());
        all.push_back(std::move(mosaic));
    }
    return all;
}

}  // namespace whence::metrics
