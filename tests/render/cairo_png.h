#pragma once
// Reads back what was written.

#include <cairo.h>

#include <cstddef>
#include <cstring>
#include <span>
#include <string>

namespace whence::render::test {

struct Size {
    int width = 0, height = 0;
    friend bool operator==(Size, Size) = default;
};

/// Size of a PNG as Cairo decodes it; zero if it is none.
inline Size png_size(std::span<const std::byte> bytes) {
    const auto read = [](void* closure, unsigned char* data, unsigned int length) {
        auto& rest = *static_cast<std::span<const std::byte>*>(closure);
        if (rest.size() < length) return CAIRO_STATUS_READ_ERROR;
        std::memcpy(data, rest.data(), length);
        rest = rest.subspan(length);
        return CAIRO_STATUS_SUCCESS;
    };
    cairo_surface_t* surface = cairo_image_surface_create_from_png_stream(read, &bytes);
    Size out;
    if (cairo_surface_status(surface) == CAIRO_STATUS_SUCCESS)
        out = {cairo_image_surface_get_width(surface), cairo_image_surface_get_height(surface)};
    cairo_surface_destroy(surface);
    return out;
}

inline std::string as_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace whence::render::test
