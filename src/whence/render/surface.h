#pragma once
// Cairo's objects with an owner. Private to this folder.

#include <cairo.h>

#include <cstddef>
#include <memory>
#include <vector>

#include "whence/render/picture.h"

namespace whence::render {

struct DestroySurface {
    void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
};
struct DestroyContext {
    void operator()(cairo_t* context) const { cairo_destroy(context); }
};
using Surface = std::unique_ptr<cairo_surface_t, DestroySurface>;
using Context = std::unique_ptr<cairo_t, DestroyContext>;

/// Throws Error(internal) with Cairo's words unless `status` is success, Error(limit) where memory
/// or Cairo's largest size (32 767) is exceeded.
void expect(cairo_status_t status);

/// A blank image of that many pixels.
[[nodiscard]] Surface image_surface(int64_t height, int64_t width);
/// A copy of the picture.
[[nodiscard]] Surface image_surface(const Picture& picture);

[[nodiscard]] std::vector<std::byte> png_bytes(cairo_surface_t& surface);

/// Cairo's write callback; `closure` is a std::vector<std::byte>.
cairo_status_t append(void* closure, const unsigned char* data, unsigned int length);

}  // namespace whence::render
