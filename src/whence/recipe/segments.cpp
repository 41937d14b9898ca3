#include "whence/recipe/segments.h"

#include "whence/core/baseline.h"
#include "whence/mask/segmentation.h"

namespace whence::recipe {

Tensor segments_of(const Task& task, const Tensor& image) {
    if (task.segments) return *task.segments;
    const Segmentation method = parse_segmentation(task.options.get<std::string>("segmentation"));
    const auto axes = image_axes(image.shape());
    const double white = task.input.white;
    if (axes->channels == 3 && white == 1) return segment(image, method, task.run);
    // Segmentation reads pixels as they stand in a picture: channels last, from 0 to 1.
    const Shape& s = image.shape();
    std::vector<double> in = image.to_doubles();
    for (double& value : in) value /= white;
    if (axes->channels == 3) return segment(Tensor::of<double>(s, in), method, task.run);
    std::vector<double> out(in.size());
    const int64_t channels = s[1], pixels = s[2] * s[3];
    for (int64_t c = 0; c < channels; ++c)
        for (int64_t p = 0; p < pixels; ++p) out[p * channels + c] = in[c * pixels + p];
    return segment(Tensor::of<double>({1, s[2], s[3], channels}, out), method, task.run);
}

}  // namespace whence::recipe
