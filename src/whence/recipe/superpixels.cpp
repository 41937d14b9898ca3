#include "whence/recipe/superpixels.h"

#include "whence/mask/segmentation.h"

namespace whence::recipe {

Tensor superpixels(const Task& task, const Tensor& image) {
    if (task.segments) return *task.segments;
    return superpixels(image, task.input.white,
                       parse_segmentation(task.options.get<std::string>("segmentation")), task.run);
}

Tensor superpixels(const Tensor& image, double white, const Segmentation& method, const Run& run) {
    const auto axes = image_axes(image.shape());
    // Rectangles need the size alone: any channels and any range will do.
    if (std::holds_alternative<Grid>(method)) {
        const auto length = [&](int axis) { return image.shape()[static_cast<size_t>(axis)]; };
        return segment(Tensor(ElementType::float32,
                              {1, length(axes->height), length(axes->width), 1}),
                       method, run);
    }
    if (axes->channels == 3 && white == 1) return segment(image, method, run);
    // Segmentation reads pixels as they stand in a picture: channels last, from 0 to 1.
    const Shape& s = image.shape();
    std::vector<double> in = image.to_doubles();
    for (double& value : in) value /= white;
    if (axes->channels == 3) return segment(Tensor::of<double>(s, in), method, run);
    std::vector<double> out(in.size());
    const int64_t channels = s[1], pixels = s[2] * s[3];
    for (int64_t c = 0; c < channels; ++c)
        for (int64_t p = 0; p < pixels; ++p) out[p * channels + c] = in[c * pixels + p];
    return segment(Tensor::of<double>({1, s[2], s[3], channels}, out), method, run);
}

}  // namespace whence::recipe
