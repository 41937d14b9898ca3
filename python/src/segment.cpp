#include "segment.h"

#include <nanobind/stl/string.h>

#include "arrays.h"
#include "interrupt.h"
#include "whence/core/error.h"
#include "whence/mask/segmentation.h"

namespace whence::python {
namespace {

// 8-bit pixels become numbers from 0 to 1, a grey picture gets its one channel.
Tensor to_image(nb::handle object) {
    Tensor image = to_tensor(object, "the image");
    if (image.type() == ElementType::uint8) {
        image = image.cast(ElementType::float64);
        for (double& value : image.as<double>()) value /= 255;
    } else if (image.type() != ElementType::float32 && image.type() != ElementType::string) {
        image = image.cast(ElementType::float64);
    }
    if (image.rank() == 2) image = image.reshaped({image.shape()[0], image.shape()[1], 1});
    return image;
}

nb::object segment_image(nb::handle object, const std::string& method, uint64_t seed, int threads) {
    const Tensor image = to_image(object);
    const Segmentation segmentation = parse_segmentation(method);
    Tensor labels;
    Pace pace;
    run_without_gil({.threads = threads}, pace, 1, [&](const Run& run) {
        Run seeded = run;
        seeded.seed = seed;
        labels = segment(image, segmentation, seeded);
    });
    return to_numpy(std::move(labels));
}

}  // namespace

void bind_segment(nb::module_& module) {
    module.def("segment", &segment_image, nb::arg("image"), nb::arg("method"), nb::arg("seed"), nb::arg("threads"));
}

}  // namespace whence::python
