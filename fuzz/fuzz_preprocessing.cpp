// A preprocessing that is read is written in a form that reads back as the same, and it either
// prepares a picture or says why not.

#include "require.h"
#include "whence/core/error.h"
#include "whence/data/preprocessing.h"

using namespace whence::data;

namespace {

void prepare(const Preprocessing& preprocessing) {
    const ImagePreprocessing& how = preprocessing.image;
    if (how.height > 300 || how.width > 300 || how.resize_to > 300)
        return;  // slow, not interesting
    const Image image{3, 5, 3, std::vector<uint8_t>(45, 128)};
    const int64_t side = how.height > 0 ? -1 : 4;
    const whence::Tensor tensor = prepare_image(image, preprocessing, side, side);
    require(tensor.size() == tensor.shape()[1] * tensor.shape()[2] * tensor.shape()[3]);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* bytes, size_t size) {
    Preprocessing preprocessing;
    try {
        preprocessing =
            preprocessing_from_json({reinterpret_cast<const char*>(bytes), size}, "folder");
    } catch (const whence::Error&) {
        return 0;
    }
    const std::string text = to_json(preprocessing);
    require(to_json(preprocessing_from_json(text, "")) == text);
    try {
        if (preprocessing.kind == InputKind::image) prepare(preprocessing);
    } catch (const whence::Error&) {
    }
    return 0;
}
