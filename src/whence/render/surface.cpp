#include "whence/render/surface.h"

#include <new>

#include "whence/core/error.h"

namespace whence::render {

void expect(cairo_status_t status) {
    if (status == CAIRO_STATUS_SUCCESS) return;
    const bool too_big = status == CAIRO_STATUS_INVALID_SIZE || status == CAIRO_STATUS_NO_MEMORY;
    throw Error(too_big ? ErrorKind::limit : ErrorKind::internal,
                std::string("drawing failed: ") + cairo_status_to_string(status));
}

Surface image_surface(int64_t height, int64_t width) {
    constexpr int64_t largest = 32767;
    if (height > largest || width > largest) expect(CAIRO_STATUS_INVALID_SIZE);
    Surface surface(cairo_image_surface_create(CAIRO_FORMAT_RGB24, static_cast<int>(width),
                                               static_cast<int>(height)));
    expect(cairo_surface_status(surface.get()));
    return surface;
}

Surface image_surface(const Picture& picture) {
    Surface surface = image_surface(picture.height, picture.width);
    cairo_surface_flush(surface.get());
    unsigned char* data = cairo_image_surface_get_data(surface.get());
    const int stride = cairo_image_surface_get_stride(surface.get());
    for (int64_t row = 0; row < picture.height; ++row) {
        auto* line = reinterpret_cast<uint32_t*>(data + row * stride);
        for (int64_t column = 0; column < picture.width; ++column) {
            const Rgb color = picture.at(row, column);
            line[column] = uint32_t{color.red} << 16 | uint32_t{color.green} << 8 | color.blue;
        }
    }
    cairo_surface_mark_dirty(surface.get());
    return surface;
}

cairo_status_t append(void* closure, const unsigned char* data, unsigned int length) {
    auto& bytes = *static_cast<std::vector<std::byte>*>(closure);
    try {
        const auto* first = reinterpret_cast<const std::byte*>(data);
        bytes.insert(bytes.end(), first, first + length);
    } catch (const std::bad_alloc&) {
        return CAIRO_STATUS_NO_MEMORY;  // exceptions must not pass through C
    }
    return CAIRO_STATUS_SUCCESS;
}

std::vector<std::byte> png_bytes(cairo_surface_t& surface) {
    std::vector<std::byte> bytes;
    expect(cairo_surface_write_to_png_stream(&surface, append, &bytes));
    return bytes;
}

}  // namespace whence::render
