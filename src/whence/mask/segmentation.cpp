#include "whence/mask/segmentation.h"

#include <algorithm>
#include <cmath>

#include "whence/core/error.h"
#include "whence/mask/felzenszwalb.h"
#include "whence/mask/grid.h"
#include "whence/mask/quickshift.h"
#include "whence/mask/segmentation_options.h"
#include "whence/mask/slic.h"

namespace whence {
namespace {

using superpixel::Labels;
using superpixel::Planes;

constexpr int64_t max_pixels = int64_t{1} << 26;

struct Size {
    int64_t height, width, channels;
};

Size image_size(const Tensor& image) {
    Shape shape = image.shape();
    if (shape.size() == 4 && shape[0] == 1) shape.erase(shape.begin());
    if (shape.size() != 3 || (shape[2] != 1 && shape[2] != 3) || shape[0] < 1 || shape[1] < 1)
        throw Error(ErrorKind::input,
                    "segmentation takes one image [H, W, C] or [1, H, W, C] with "
                    "1 or 3 channels, not " +
                        to_string(image.shape()));
    // Divided, so that no product overflows.
    if (shape[0] > max_pixels / shape[1])
        throw Error(ErrorKind::limit,
                    "an image of " + std::to_string(shape[1]) + " x " + std::to_string(shape[0]) +
                        " pixels is too large to segment (at most 2^26); make it smaller first");
    return {shape[0], shape[1], shape[2]};
}

template <class T>
Planes to_planes(std::span<const T> values, const Size& size) {
    Planes planes(size.height, size.width);
    for (int k = 0; k < superpixel::channels; ++k) {
        const int64_t channel = size.channels == 1 ? 0 : k;
        for (int64_t i = 0; i < planes.pixels(); ++i)
            planes.plane(k)[i] =
                static_cast<double>(values[static_cast<size_t>(i * size.channels + channel)]);
    }
    return planes;
}

// A little slack for rounding; 0..255 by mistake is the error to catch.
void check_range(const Planes& image) {
    for (const double value : image.values) {
        if (!std::isfinite(value))
            throw Error(ErrorKind::input, "the image to segment has values that are not finite");
        if (value < -1e-6 || value > 1 + 1e-6)
            throw Error(
                ErrorKind::input,
                "the image to segment must have values in [0, 1]; it has " + std::to_string(value));
    }
}

Planes read_image(const Tensor& image, const Size& size) {
    if (image.type() != ElementType::float32 && image.type() != ElementType::float64)
        throw Error(ErrorKind::input, "the image to segment must be float32 or float64, not " +
                                          std::string(name(image.type())));
    Planes planes = image.type() == ElementType::float32 ? to_planes(image.as<float>(), size)
                                                         : to_planes(image.as<double>(), size);
    check_range(planes);
    return planes;
}

Labels run_method(Planes image, const Segmentation& method, const Run& run) {
    if (const auto* grid = std::get_if<Grid>(&method))
        return superpixel::grid_labels(image.height, image.width, *grid);
    if (const auto* slic = std::get_if<Slic>(&method))
        return superpixel::segment_pixels(std::move(image), *slic, run);
    if (const auto* felzenszwalb = std::get_if<Felzenszwalb>(&method))
        return superpixel::segment_pixels(std::move(image), *felzenszwalb, run);
    return superpixel::segment_pixels(std::move(image), std::get<Quickshift>(method), run);
}

// 0, 1, 2, ... in the order in which the numbers first appear. They are -1 or more.
void number_in_order(Labels& labels) {
    const auto largest = static_cast<size_t>(*std::ranges::max_element(labels) + 2);
    std::vector<int32_t> number(largest, -1);
    int32_t next = 0;
    for (int32_t& label : labels) {
        int32_t& known = number[static_cast<size_t>(label + 1)];
        if (known < 0) known = next++;
        label = known;
    }
}

}  // namespace

Tensor segment(const Tensor& image, const Segmentation& method, const Run& run) {
    check_options(method);
    const Size size = image_size(image);
    run.check();
    Labels labels = run_method(read_image(image, size), method, run);
    number_in_order(labels);
    return Tensor::of<int32_t>({size.height, size.width}, labels);
}

int64_t segment_count(const Tensor& labels) {
    const auto numbers = labels.as<int32_t>();
    return numbers.empty() ? 0 : int64_t{*std::ranges::max_element(numbers)} + 1;
}

}  // namespace whence
