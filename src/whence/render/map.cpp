#include "whence/render/map.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "whence/core/baseline.h"
#include "whence/core/error.h"
#include "whence/render/facts.h"

namespace whence::render {
namespace {

struct Layout {
    int64_t height = 0, width = 0, channels = 1;
    bool channels_last = true;
};

// [1, H, W, C] and [1, C, H, W], and a map without channels [1, H, W]. A layer has any number of
// channels, which come first: ONNX convolves nothing else.
std::optional<Layout> image_layout(const Attribution& attribution) {
    const Tensor& values = attribution.values;
    const Shape& shape = values.shape();
    if (values.size() == 0 || values.rows() != 1) return std::nullopt;
    if (!attribution.layer.empty())
        return shape.size() == 4 && shape[2] * shape[3] > 1
                   ? std::optional(Layout{shape[2], shape[3], shape[1], false})
                   : std::nullopt;
    if (shape.size() == 3 && shape[1] > 1 && shape[2] > 1) return Layout{shape[1], shape[2]};
    const auto axes = shape.size() == 4 ? image_axes(shape) : std::nullopt;
    if (!axes) return std::nullopt;
    const auto length = [&](int axis) { return shape[static_cast<size_t>(axis)]; };
    return Layout{length(axes->height), length(axes->width), length(axes->channels),
                  axes->channels == 3};
}

Map pixel_map(const Attribution& attribution, const Layout& layout) {
    const std::vector<double> values = attribution.values.to_doubles();
    const int64_t pixels = layout.height * layout.width;
    Map map{layout.height,
            layout.width,
            std::vector<double>(static_cast<size_t>(pixels)),
            {},
            clean(attribution.layer)};
    for (int64_t pixel = 0; pixel < pixels; ++pixel)
        for (int64_t channel = 0; channel < layout.channels; ++channel)
            map.values[static_cast<size_t>(pixel)] +=
                values[static_cast<size_t>(layout.channels_last ? pixel * layout.channels + channel
                                                                : channel * pixels + pixel)];
    return map;
}

Map segment_map(const Tensor& weights, const Tensor& segments) {
    const std::vector<double> values = weights.to_doubles();
    const Tensor labels = segments.cast(ElementType::int32);
    Map map{segments.shape()[0], segments.shape()[1], {}, {}, {}};
    for (const int32_t label : labels.as<int32_t>()) {
        const bool known = label >= 0 && static_cast<size_t>(label) < values.size();
        map.labels.push_back(label);
        map.values.push_back(known ? values[static_cast<size_t>(label)]
                                   : std::numeric_limits<double>::quiet_NaN());
    }
    return map;
}

std::vector<double> magnitudes(const Map& map) {
    std::vector<double> out;
    for (const double value : map.values)
        if (std::isfinite(value)) out.push_back(std::abs(value));
    return out;
}

}  // namespace

Kind kind(const Explanation& explanation) {
    const Attribution& attribution = explanation.attribution;
    if (attribution.segments && attribution.segments->rank() == 2 &&
        attribution.segments->size() > 0)
        return Kind::segments;
    const bool pixels = attribution.names.empty() && image_layout(attribution);
    return pixels ? Kind::pixels : Kind::table;
}

const char* unit(const Map& map) {
    return map.layer.empty() ? "pixels" : "cells";
}

Map map_of(const Explanation& explanation) {
    const Attribution& attribution = explanation.attribution;
    switch (kind(explanation)) {
        case Kind::segments:
            return segment_map(attribution.values, *attribution.segments);
        case Kind::pixels:
            return pixel_map(attribution, *image_layout(attribution));
        case Kind::table:
            break;
    }
    throw Error(ErrorKind::usage,
                "this explanation is of features, not of an image: its values "
                "have the shape " +
                    to_string(attribution.values.shape()));
}

double color_limit(const Map& map, double percentile) {
    std::vector<double> sizes = magnitudes(map);
    if (sizes.empty()) return 0;
    const double largest = *std::ranges::max_element(sizes);
    if (!map.labels.empty() || !map.layer.empty())
        return largest;  // few values, none of them noise
    const double share = std::clamp(percentile, 0.0, 100.0) / 100;
    const auto place = static_cast<int64_t>(std::ceil(share * static_cast<double>(sizes.size())));
    const auto nth = sizes.begin() + std::max<int64_t>(0, place - 1);
    std::nth_element(sizes.begin(), nth, sizes.end());
    return *nth > 0 ? *nth : largest;
}

double half_mass(const Map& map) {
    std::vector<double> sizes = magnitudes(map);
    std::ranges::sort(sizes, std::greater{});
    double total = 0;
    for (const double size : sizes) total += size;
    if (total == 0) return 0;
    double sum = 0;
    size_t taken = 0;
    while (sum < total / 2 && taken < sizes.size()) sum += sizes[taken++];
    return static_cast<double>(taken) / static_cast<double>(map.values.size());
}

}  // namespace whence::render
