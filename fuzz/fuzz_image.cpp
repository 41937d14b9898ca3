// A picture that is read has all its pixels, and they survive being written as PNG.

#include "require.h"
#include "whence/core/error.h"
#include "whence/data/image.h"

using namespace whence::data;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* bytes, size_t size) {
    Image image;
    try {
        image = decode_image(std::as_bytes(std::span(bytes, size)), "picture");
    } catch (const whence::Error&) {
        return 0;
    }
    require(image.height > 0 && image.width > 0 && (image.channels == 1 || image.channels == 3));
    require(static_cast<int64_t>(image.pixels.size()) ==
            image.height * image.width * image.channels);
    if (image.pixels.size() > 50'000) return 0;  // large pictures would only slow the search
    require(decode_image(encode_png(image)) == image);
    const Image small = resize(to_gray(image), 3, 5);
    require(small.pixels.size() == 15);
    return 0;
}
