// An idx file (gzipped or not) or CIFAR-10 records are read whole or refused.

#include "require.h"
#include "whence/core/error.h"
#include "whence/data/labelled_images.h"

using namespace whence::data;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
    const auto bytes = std::as_bytes(std::span(data, size));
    try {
        const whence::Tensor tensor = decode_idx(bytes);
        require(whence::element_count(tensor.shape()) == tensor.size());
    } catch (const whence::Error&) {
    }
    try {
        const LabelledImages images = decode_cifar10(bytes);
        require(images.count() * images.image_size() == static_cast<int64_t>(images.pixels.size()));
    } catch (const whence::Error&) {
    }
    return 0;
}
