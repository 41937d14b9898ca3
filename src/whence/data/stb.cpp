#include "stb.h"

#include <climits>
#include <cstdlib>

namespace {

// stb lets a picture's data grow as they inflate; a small file could ask for gigabytes that way.
thread_local size_t allocation_limit = SIZE_MAX;

// Zeros: a file may use a table that it never defined, and must give the same picture each time.
void* limited_malloc(size_t bytes) {
    return bytes <= allocation_limit ? std::calloc(bytes, 1) : nullptr;
}
void* limited_realloc(void* old, size_t bytes) {
    return bytes <= allocation_limit ? std::realloc(old, bytes) : nullptr;
}

}  // namespace

#define STBI_MALLOC(bytes) limited_malloc(bytes)
#define STBI_REALLOC(old, bytes) limited_realloc(old, bytes)
#define STBI_FREE(memory) std::free(memory)

// Static, so that no other copy of stb in the program can meet this one.
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STBI_WRITE_NO_STDIO
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#include <stb/stb_image.h>
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

namespace whence::data::stb {
namespace {

const stbi_uc* data_of(std::span<const std::byte> file) {
    return reinterpret_cast<const stbi_uc*>(file.data());
}

// stb has no reason, or an empty one, for some failures.
Picture failed() {
    const char* reason = stbi_failure_reason();
    return {.failure = reason && *reason ? reason : "its data are corrupt"};
}

// Only one picture at a time is decoded on a thread.
class AllocationLimit {
  public:
    explicit AllocationLimit(size_t bytes) { allocation_limit = bytes; }
    ~AllocationLimit() { allocation_limit = SIZE_MAX; }
    AllocationLimit(const AllocationLimit&) = delete;
    AllocationLimit& operator=(const AllocationLimit&) = delete;
};

void append(void* out, void* bytes, int size) {
    const auto* begin = static_cast<const std::byte*>(bytes);
    static_cast<std::vector<std::byte>*>(out)->assign(begin, begin + size);
}

}  // namespace

Picture read_size(std::span<const std::byte> file) {
    if (file.size() > INT_MAX) return {.failure = "larger than 2 GiB"};
    int width = 0, height = 0, channels = 0;
    if (!stbi_info_from_memory(data_of(file), static_cast<int>(file.size()), &width, &height,
                               &channels))
        return failed();
    return {.width = width, .height = height, .channels = channels};
}

Picture decode(std::span<const std::byte> file, size_t limit) {
    if (file.size() > INT_MAX) return {.failure = "larger than 2 GiB"};
    const AllocationLimit guard(limit);
    int width = 0, height = 0, channels = 0;
    stbi_uc* const pixels = stbi_load_from_memory(data_of(file), static_cast<int>(file.size()),
                                                  &width, &height, &channels, 0);
    if (!pixels) return failed();
    Picture picture{.width = width, .height = height, .channels = channels};
    picture.pixels.assign(pixels, pixels + picture.width * picture.height * picture.channels);
    stbi_image_free(pixels);
    return picture;
}

std::vector<std::byte> encode_png(int64_t width, int64_t height, int64_t channels,
                                  std::span<const uint8_t> pixels) {
    std::vector<std::byte> out;
    stbi_write_png_to_func(append, &out, static_cast<int>(width), static_cast<int>(height),
                           static_cast<int>(channels), pixels.data(),
                           static_cast<int>(width * channels));
    return out;
}

bool inflate(std::span<const std::byte> deflated, std::span<std::byte> out) {
    if (deflated.size() > INT_MAX || out.size() > INT_MAX) return false;
    char nothing = 0;  // stb copies to where it is told even if nothing is to be copied
    char* const room = out.empty() ? &nothing : reinterpret_cast<char*>(out.data());
    const int written = stbi_zlib_decode_noheader_buffer(
        room, static_cast<int>(out.size()),
        reinterpret_cast<const char*>(deflated.data()), static_cast<int>(deflated.size()));
    return written >= 0 && static_cast<size_t>(written) == out.size();
}

}  // namespace whence::data::stb
