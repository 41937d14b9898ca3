#include "whence/render/heatmap.h"

#include <algorithm>
#include <cmath>

#include "whence/render/block.h"
#include "whence/render/color_bar.h"
#include "whence/render/facts.h"
#include "whence/render/heat.h"
#include "whence/render/number.h"

namespace whence::render {
namespace {

constexpr double margin = 24, gap = 18, caption_height = 22, bar_room = color_bar_room;
constexpr double least_width = 560;
// Panels are made for screens with two pixels per unit.
constexpr double pixels_per_unit = 2;
constexpr int64_t box = 560, box_of_four = 460;

struct Panel {
    std::string caption;
    Picture picture;
    double x = 0, width = 0, height = 0;
};

Panel panel(std::string caption, Picture picture, double height) {
    const double width =
        height * static_cast<double>(picture.width) / static_cast<double>(picture.height);
    // A strip of a thousand pixels by one would make a figure that nobody can show: it is squeezed.
    constexpr double widest = 600;
    return {std::move(caption), std::move(picture), 0, std::clamp(width, 1.0, widest), height};
}

std::string seen_caption(const Picture& seen, bool alone) {
    const std::string size = std::to_string(seen.width) + " \u00d7 " + std::to_string(seen.height);
    return alone ? "image, " + size + " pixels" : "what the model sees, " + size;
}

std::vector<Panel> panels_of(const Map& map, double limit, const Picture& seen,
                             const FigureOptions& options) {
    const int64_t side = options.original ? box_of_four : box;
    const int64_t factor = pixel_factor(seen.height, seen.width, side);
    const int64_t height = factor * seen.height, width = factor * seen.width;
    const double longer = static_cast<double>(std::max(height, width));
    // Larger pictures shrink to the box; a thin line of pixels keeps a visible thickness.
    const double shrink = std::min(1.0, static_cast<double>(side) / longer);
    const double shown = std::max(1.0, shrink * static_cast<double>(height) / pixels_per_unit);
    std::vector<Panel> out;
    if (options.original) out.push_back(panel("photograph", to_picture(*options.original), shown));
    out.push_back(panel(seen_caption(seen, !options.original), enlarged(seen, factor), shown));
    const char* map_caption = map.labels.empty() ? "heat map" : "weights of the segments";
    out.push_back(panel(map_caption, paint(map, limit, height, width, Boundaries::shown), shown));
    out.push_back(
        panel("overlay", paint_over(map, limit, seen, options.blend, height, width), shown));
    double x = margin;
    for (Panel& one : out) {
        one.x = x;
        // A caption may be wider than its picture.
        const double caption = text_width(one.caption, {.size = 11.5});
        x += std::max(one.width, caption) + gap;
    }
    return out;
}

double right_edge(const std::vector<Panel>& panels) {
    double out = margin + least_width;
    for (const Panel& one : panels) out = std::max(out, one.x + one.width);
    return out;
}

std::vector<std::string> notes_of(const Explanation& explanation, const Map& map, double limit,
                                  const Picture& seen, const FigureOptions& options) {
    std::string pixels;
    for (const std::string& note :
         pixel_notes(map, limit, options.percentile, seen.height, seen.width))
        pixels += (pixels.empty() ? "" : " ") + note;
    std::vector<std::string> out{pixels};
    for (std::string& caution : cautions(explanation)) out.push_back(std::move(caution));
    if (!options.note.empty()) out.push_back(clean(options.note, 1000));
    return out;
}

}  // namespace

std::vector<std::byte> image_figure(const Explanation& explanation, const Tensor& image,
                                    const FigureOptions& options) {
    const Map map = map_of(explanation);
    const double limit = color_limit(map, options.percentile);
    const Picture seen = to_picture(image);
    const std::vector<Panel> panels = panels_of(map, limit, seen, options);
    const double right = right_edge(panels), width = right - margin;
    const Block above = heading(explanation, width);
    const Block below = remarks(notes_of(explanation, map, limit, seen, options), width);
    const double top = margin + above.height() + caption_height;
    const double bar = top + panels[0].height + 14;
    Canvas canvas(right + margin, bar + bar_room + below.height() + margin, options.format,
                  std::clamp(options.scale, 0.25, 8.0));
    above.draw(canvas, margin, margin - 6);
    for (const Panel& one : panels) {
        canvas.text(one.x, top - 7, one.caption, {.size = 11.5});
        canvas.picture(one.x, top, one.width, one.height, one.picture);
        canvas.frame(one.x, top, one.width, one.height, hairline);
    }
    const Panel& heat = panels[panels.size() - 2];
    const Panel& last = panels.back();
    draw_color_bar(canvas, heat.x, std::max(last.x + last.width, heat.x + 260), bar, limit,
                   scale_name(explanation));
    below.draw(canvas, margin, bar + bar_room);
    return canvas.finish(title_of(explanation), summary(explanation));
}

Picture heat_map(const Explanation& explanation, double percentile) {
    const Map map = map_of(explanation);
    return paint(map, color_limit(map, percentile), map.height, map.width, Boundaries::hidden);
}

Picture overlay(const Explanation& explanation, const Tensor& image, Blend blend,
                double percentile) {
    const Map map = map_of(explanation);
    const Picture seen = to_picture(image);
    return paint_over(map, color_limit(map, percentile), seen, blend, seen.height, seen.width);
}

}  // namespace whence::render
