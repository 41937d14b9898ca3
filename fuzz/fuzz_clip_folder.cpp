// What lies between a file and an encoder of pictures, as Hugging Face and OpenCLIP say it: what is read has
// sensible sizes, can be written as our own preprocessing, and reads back as the same.

#include "require.h"
#include "whence/clip/folder.h"
#include "whence/core/error.h"

using namespace whence;

namespace {

template <class Read>
void check(std::string_view text, const Read& read) {
    data::Preprocessing out{.kind = data::InputKind::image};
    try {
        out.image = read(text);
    } catch (const Error&) {
        return;
    }
    require(out.image.height >= 0 && out.image.height <= 10'000 && out.image.width >= 0 && out.image.width <= 10'000);
    require(out.image.scale > 0);
    const std::string json = data::to_json(out);
    require(data::to_json(data::preprocessing_from_json(json, "")) == json);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* bytes, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(bytes), size);
    check(text, clip::picture_of_hugging_face);
    check(text, clip::picture_of_open_clip);
    return 0;
}
