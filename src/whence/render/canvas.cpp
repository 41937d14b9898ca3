#include "whence/render/canvas.h"

#include <cairo-svg.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "whence/core/error.h"
#include "whence/render/facts.h"
#include "whence/render/svg_ids.h"
#include "whence/render/unicode.h"

namespace whence::render {
namespace {

constexpr const char* font = "DejaVu Sans";
constexpr std::string_view ellipsis = "\u2026";

void use_font(cairo_t* context, const TextStyle& style) {
    cairo_select_font_face(context, font, CAIRO_FONT_SLANT_NORMAL,
                           style.bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(context, style.size);
    // Without hinting letters are as wide in a PNG as in an SVG, at any scale.
    cairo_font_options_t* options = cairo_font_options_create();
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
    cairo_set_font_options(context, options);
    cairo_font_options_destroy(options);
}

double advance(cairo_t* context, const std::string& text) {
    cairo_text_extents_t extents;
    cairo_text_extents(context, text.c_str(), &extents);
    return extents.x_advance;
}

Surface make_surface(double width, double height, Format format, double scale,
                     std::vector<std::byte>& svg) {
    if (format == Format::png)
        return image_surface(std::lround(std::ceil(height * scale)),
                             std::lround(std::ceil(width * scale)));
    Surface surface(cairo_svg_surface_create_for_stream(append, &svg, width, height));
    cairo_svg_surface_set_document_unit(surface.get(), CAIRO_SVG_UNIT_PX);
    return surface;
}

}  // namespace

Canvas::Canvas(double width, double height, Format format, double scale)
    : format_(format),
      surface_(make_surface(width, height, format, scale, *svg_)),
      context_(cairo_create(surface_.get())) {
    expect(cairo_status(context_.get()));
    if (format == Format::png) cairo_scale(context_.get(), scale, scale);
    box(0, 0, width, height, paper);
}

void Canvas::color(Rgb color) {
    cairo_set_source_rgb(context_.get(), color.red / 255.0, color.green / 255.0,
                         color.blue / 255.0);
}

void Canvas::text(double x, double y, std::string_view text, const TextStyle& style) {
    const std::string shown = clean(text, 1000);
    use_font(context_.get(), style);
    color(style.color);
    const double share = style.align == Align::left ? 0 : style.align == Align::center ? 0.5 : 1;
    const double shift = share == 0 ? 0 : share * advance(context_.get(), shown);
    cairo_move_to(context_.get(), x - shift, y);
    cairo_show_text(context_.get(), shown.c_str());
    expect(cairo_status(context_.get()));
}

void Canvas::box(double x, double y, double width, double height, Rgb fill) {
    color(fill);
    cairo_rectangle(context_.get(), x, y, width, height);
    cairo_fill(context_.get());
}

void Canvas::frame(double x, double y, double width, double height, Rgb stroke) {
    color(stroke);
    cairo_set_line_width(context_.get(), 1);
    cairo_rectangle(context_.get(), x - 0.5, y - 0.5, width + 1, height + 1);
    cairo_stroke(context_.get());
}

void Canvas::line(double x1, double y1, double x2, double y2, Rgb stroke, double thickness) {
    color(stroke);
    cairo_set_line_width(context_.get(), thickness);
    cairo_move_to(context_.get(), x1, y1);
    cairo_line_to(context_.get(), x2, y2);
    cairo_stroke(context_.get());
}

void Canvas::dot(double x, double y, double radius, Rgb fill) {
    color(fill);
    cairo_new_path(context_.get());
    cairo_arc(context_.get(), x, y, radius, 0, 2 * std::numbers::pi);
    cairo_fill(context_.get());
}

void Canvas::path(const std::vector<Point>& points) {
    cairo_new_path(context_.get());
    for (const Point& point : points) cairo_line_to(context_.get(), point.x, point.y);
}

void Canvas::polyline(const std::vector<Point>& points, Rgb stroke, double thickness) {
    color(stroke);
    cairo_set_line_width(context_.get(), thickness);
    path(points);
    cairo_stroke(context_.get());
}

void Canvas::polygon(const std::vector<Point>& points, Rgb fill) {
    color(fill);
    path(points);
    cairo_close_path(context_.get());
    cairo_fill(context_.get());
}

void Canvas::picture(double x, double y, double width, double height, const Picture& picture) {
    const Surface pixels = image_surface(picture);
    const double across = width / static_cast<double>(picture.width);
    const double down = height / static_cast<double>(picture.height);
    cairo_t* context = context_.get();
    cairo_save(context);
    cairo_translate(context, x, y);
    cairo_scale(context, across, down);
    cairo_set_source_surface(context, pixels.get(), 0, 0);
    double device_x = 1, device_y = 1;
    cairo_user_to_device_distance(context, &device_x, &device_y);
    // What is enlarged stays blocky; what is reduced is averaged. An SVG is shown at any size, and
    // its pictures come with enlarged pixels already.
    const bool blocky = format_ == Format::png && device_x > 0.99 && device_y > 0.99;
    cairo_pattern_set_filter(cairo_get_source(context),
                             blocky ? CAIRO_FILTER_NEAREST : CAIRO_FILTER_GOOD);
    cairo_rectangle(context, 0, 0, static_cast<double>(picture.width),
                    static_cast<double>(picture.height));
    cairo_fill(context);
    cairo_restore(context);
    expect(cairo_status(context));
}

std::vector<std::byte> Canvas::finish(std::string_view title, std::string_view description) {
    context_.reset();
    if (format_ == Format::png) return png_bytes(*surface_);
    cairo_surface_finish(surface_.get());
    expect(cairo_surface_status(surface_.get()));
    return tidied_svg(*svg_, title, description);
}

double text_width(std::string_view text, const TextStyle& style) {
    // A picture to measure on; nothing is drawn.
    const Surface surface = image_surface(1, 1);
    const Context context(cairo_create(surface.get()));
    use_font(context.get(), style);
    const double width = advance(context.get(), clean(text, 1000));
    expect(cairo_status(context.get()));
    return width;
}

std::string fitted(std::string_view text, double width, const TextStyle& style) {
    std::string shown(text);
    // Each step removes at least one column, so this ends; the first guess is nearly right.
    for (double now = text_width(shown, style); now > width; now = text_width(shown, style)) {
        const auto guess = static_cast<int64_t>(static_cast<double>(columns(shown)) * width / now);
        const int64_t smaller = std::min(columns(shown) - 1, std::max(guess, int64_t{1}));
        if (smaller < 1) return "";
        shown = shortened(text, smaller, ellipsis);
        if (smaller == 1) return shown;
    }
    return shown;
}

std::vector<std::string> broken(std::string_view text, double width, const TextStyle& style) {
    std::vector<std::string> lines(1);
    while (!text.empty()) {
        const size_t space = std::min(text.find(' '), text.size());
        const std::string word = fitted(text.substr(0, space), width, style);
        text.remove_prefix(std::min(space + 1, text.size()));
        const std::string longer = lines.back().empty() ? word : lines.back() + " " + word;
        if (lines.back().empty() || text_width(longer, style) <= width)
            lines.back() = longer;
        else
            lines.push_back(word);
    }
    return lines;
}

}  // namespace whence::render
