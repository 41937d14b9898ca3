// Pictures of a page: each panel is an image of its own, so that they wrap on a small screen.
#include <fmt/format.h>

#include "whence/core/error.h"
#include "whence/render/escape.h"
#include "whence/render/facts.h"
#include "whence/render/heat.h"
#include "whence/render/html_parts.h"
#include "whence/render/number.h"

namespace whence::render {
namespace {

constexpr double percentile = 99;
// Superpixels are drawn larger than they are: boundaries need room.
constexpr int64_t drawn_side = 448;
// Up to this size a photograph shows its pixels as squares; above they are too small to see.
constexpr int64_t blocky_side = 128;

std::string panel(const std::string& caption, const std::string& alternative,
                  const Picture& picture, bool blocky) {
    return fmt::format(
        "<figure><figcaption>{}</figcaption><img alt=\"{}\"{} src=\"{}\"></figure>\n",
        escaped(caption), escaped(alternative), blocky ? " class=\"pixels\"" : "",
        data_uri("image/png", to_png(picture)));
}

bool small(const Picture& picture) {
    return std::max(picture.height, picture.width) <= blocky_side;
}

std::string photographs(const ReportItem& item, const Picture& seen) {
    std::string out;
    const std::string size = std::to_string(seen.width) + " \u00d7 " + std::to_string(seen.height);
    if (item.original) {
        const Picture photograph = to_picture(*item.original);
        out += panel("photograph", "The photograph", photograph, small(photograph));
    }
    const std::string caption =
        item.original ? "what the model sees, " + size : "image, " + size + " pixels";
    return out + panel(caption, "The image as the model sees it", seen, small(seen));
}

}  // namespace

std::string colors_html(double limit, const std::string& scale) {
    if (limit == 0)
        return "<p class=\"faint\">Every value is zero: there is nothing to colour.</p>\n";
    const std::string end = number(limit);
    return fmt::format(
        "<div class=\"colors\"><img alt=\"Colours from blue over white to orange\" src=\"{}\">"
        "<div><span>\u2212{}</span><span>0</span><span>+{}</span></div>"
        "<div class=\"faint\"><span>lowers the {}</span><span>raises the {}</span></div></div>\n",
        data_uri("image/png", to_png(color_strip())), end, end, escaped(scale), escaped(scale));
}

std::string panels_html(const ReportItem& item) {
    const Map map = map_of(item.explanation);
    const double limit = color_limit(map, percentile);
    const bool segments = !map.labels.empty();
    const bool smooth = !map.layer.empty(), blocky = !segments && !smooth;
    const auto drawn = [&](int64_t height, int64_t width) {
        return !blocky ? pixel_factor(height, width, drawn_side) : 1;
    };
    const std::string target = short_target(item.explanation.target);
    std::string out = "<div class=\"panels\">\n";
    std::string notes;
    Picture seen;
    if (item.image) {
        seen = to_picture(*item.image);
        out += photographs(item, seen);
    }
    // A smooth map needs the pixels of the picture to be smooth in.
    const int64_t height = smooth && item.image ? seen.height : map.height,
                  width = smooth && item.image ? seen.width : map.width,
                  factor = drawn(height, width);
    out += panel(
        segments ? "weights of the segments" : "heat map",
        "Which parts of the image raise (orange) or lower (blue) the model's output for " + target,
        paint(map, limit, factor * height, factor * width, Boundaries::shown), blocky);
    if (item.image) {
        const int64_t enlarged = drawn(seen.height, seen.width);
        out += panel("overlay", "The same over the greyed image",
                     paint_over(map, limit, seen, Blend::magnitude, enlarged * seen.height,
                                enlarged * seen.width),
                     blocky);
    }
    out += "</div>\n" + colors_html(limit, scale_name(item.explanation));
    for (const std::string& note :
         pixel_notes(map, limit, percentile, item.image ? seen.height : map.height,
                     item.image ? seen.width : map.width))
        notes += (notes.empty() ? "" : " ") + note;
    return out + (notes.empty() ? "" : "<p class=\"faint\">" + escaped(notes) + "</p>\n");
}

std::string spotlight_html(const ReportItem& item) {
    const Picture seen = to_picture(*item.image);
    const int64_t factor = pixel_factor(seen.height, seen.width, drawn_side);
    return "<div class=\"panels\">\n" + photographs(item, seen) +
           panel("what the rule names",
                 "The superpixels that the rule names, the rest of the image greyed",
                 spotlight(map_of(item.explanation), seen, factor * seen.height,
                           factor * seen.width),
                 false) +
           "</div>\n";
}

}  // namespace whence::render
