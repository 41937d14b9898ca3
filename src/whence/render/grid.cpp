#include "whence/render/grid.h"

#include <fmt/format.h>

#include <algorithm>

#include "whence/core/error.h"
#include "whence/render/block.h"
#include "whence/render/color_bar.h"
#include "whence/render/escape.h"
#include "whence/render/facts.h"
#include "whence/render/heat.h"
#include "whence/render/html_parts.h"
#include "whence/render/html_style.h"
#include "whence/render/number.h"

namespace whence::render {
namespace {

constexpr double margin = 24, gap = 12, title_height = 19, note_height = 17, room = 10;
constexpr TextStyle cell_style{.size = 11.5}, note_style{.size = 10.5, .color = faint_ink},
    grid_style{.size = 17, .bold = true};
// Longer side of a cell: of its picture's pixels, and on paper.
constexpr int64_t drawn_side = 320;
constexpr double shown_side = 160;

struct Overlay {
    Map map;
    double limit = 0;
};

// Every map before the first is painted: colours are shared.
struct Maps {
    std::vector<std::vector<std::optional<Overlay>>> rows;
    double limit = 0;   // of all
    std::string scale;  // of the targets, where all have the same

    Maps(const std::vector<GridRow>& grid, const GridOptions& options) {
        if (grid.empty()) throw Error(ErrorKind::usage, "a grid of no rows cannot be drawn");
        bool first = true;
        for (const GridRow& row : grid) {
            rows.emplace_back();
            for (const GridCell& cell : row.cells) {
                rows.back().emplace_back();
                if (!cell.explanation) continue;
                Map map = map_of(*cell.explanation);
                const double own = color_limit(map, options.percentile);
                limit = std::max(limit, own);
                rows.back().back() = Overlay{std::move(map), own};
                const std::string name = scale_name(*cell.explanation);
                scale = first || scale == name ? name : "target";
                first = false;
            }
        }
        if (options.colors == ColorScale::shared)
            for (auto& row : rows)
                for (auto& one : row)
                    if (one) one->limit = limit;
    }
    [[nodiscard]] size_t longest() const {
        size_t most = 0;
        for (const auto& row : rows) most = std::max(most, row.size());
        return most;
    }
};

// Small pictures are enlarged, large ones shrunk, so that all cells are of one kind.
struct Size {
    int64_t height, width;
    explicit Size(const Picture& seen) {
        const int64_t longer = std::max<int64_t>({seen.height, seen.width, 1});
        const int64_t factor = std::max<int64_t>(1, drawn_side / longer);
        const double shrink =
            std::min(1.0, static_cast<double>(drawn_side) / static_cast<double>(factor * longer));
        const auto length = [&](int64_t n) {
            return std::max<int64_t>(1, std::llround(shrink * static_cast<double>(factor * n)));
        };
        height = length(seen.height), width = length(seen.width);
    }
    [[nodiscard]] double shown_height() const {
        return shown_side * static_cast<double>(height) /
               static_cast<double>(std::max(height, width));
    }
    [[nodiscard]] double shown_width() const {
        return shown_side * static_cast<double>(width) /
               static_cast<double>(std::max(height, width));
    }
};

// What stands below a cell: its note, and the end of its colours where they are its own.
std::string below(const GridCell& cell, const std::optional<Overlay>& map,
                  const GridOptions& options) {
    std::string out = clean(cell.note);
    if (map && options.colors == ColorScale::own)
        out += (out.empty() ? "" : ", ") + std::string("colours end at ") + number(map->limit);
    return out;
}

double column_x(size_t column) {
    return margin + static_cast<double>(column) * (shown_side + gap);
}

void draw_cell(Canvas& canvas, double x, double y, const std::string& title, const Picture* picture,
               const Size& size, const std::string& note) {
    canvas.text(x, y + 12, fitted(title, shown_side, cell_style), cell_style);
    y += title_height;
    const double width = std::max(1.0, size.shown_width()),
                 height = std::max(1.0, size.shown_height());
    if (picture) canvas.picture(x, y, width, height, *picture);
    canvas.frame(x, y, width, height, hairline);
    if (picture) {
        canvas.text(x, y + height + 13, fitted(note, shown_side, note_style), note_style);
        return;
    }
    // The reason stands where the picture would.
    constexpr double inset = 8, line_height = 14;
    double line = y + inset + 10;
    for (const std::string& part : broken(note, width - 2 * inset, note_style)) {
        if (line > y + height - 4) break;
        canvas.text(x + inset, line, part, note_style);
        line += line_height;
    }
}

std::string description(const std::vector<GridRow>& rows) {
    std::string out;
    for (const GridRow& row : rows)
        for (const GridCell& cell : row.cells)
            out += clean(row.title) + ", " + clean(cell.title) + ". ";
    return out;
}

std::string figure(const std::string& title, const Picture* picture, const std::string& alternative,
                   const std::string& note) {
    std::string out = "<td><figure><figcaption>" + escaped(title) + "</figcaption>";
    if (picture)
        out += fmt::format("<img alt=\"{}\" src=\"{}\">", escaped(alternative),
                           data_uri("image/png", to_png(*picture)));
    return out + "<div class=\"faint\">" + escaped(note) + "</div></figure></td>";
}

}  // namespace

std::vector<std::byte> grid_figure(const std::vector<GridRow>& rows, const GridOptions& options) {
    const Maps maps(rows, options);
    std::vector<Picture> images;
    double height = 0;
    for (const GridRow& row : rows) {
        images.push_back(to_picture(row.image));
        height += title_height + Size(images.back()).shown_height() + note_height + room;
    }
    const double right = std::max(column_x(maps.longest() + 1) - gap, column_x(3) - gap);
    const Block notes = remarks(options.notes, right - margin);
    const bool bar = options.colors == ColorScale::shared;
    const double title = options.title.empty() ? 0 : 30, top = margin + title;
    Canvas canvas(right + margin,
                  top + height + (bar ? color_bar_room : 0) + notes.height() + margin,
                  options.format, std::clamp(options.scale, 0.25, 8.0));
    if (!options.title.empty())
        canvas.text(margin, margin + 12, fitted(clean(options.title), right - margin, grid_style),
                    grid_style);
    double y = top;
    for (size_t r = 0; r < rows.size(); ++r) {
        const Size size(images[r]);
        const Picture seen = resized(images[r], size.height, size.width);
        draw_cell(canvas, column_x(0), y, clean(rows[r].title), &seen, size, "");
        for (size_t c = 0; c < rows[r].cells.size(); ++c) {
            const GridCell& cell = rows[r].cells[c];
            const std::optional<Overlay>& map = maps.rows[r][c];
            Picture over;
            if (map)
                over = paint_over(map->map, map->limit, images[r], options.blend, size.height,
                                  size.width);
            draw_cell(canvas, column_x(c + 1), y, clean(cell.title), map ? &over : nullptr, size,
                      below(cell, map, options));
        }
        y += title_height + size.shown_height() + note_height + room;
    }
    if (bar) {
        draw_color_bar(canvas, margin, std::min(right, margin + 420), y, maps.limit, maps.scale);
        y += color_bar_room;
    }
    notes.draw(canvas, margin, y);
    return canvas.finish(clean(options.title), description(rows));
}

std::string grid_html(const std::vector<GridRow>& rows, const GridOptions& options) {
    const Maps maps(rows, options);
    std::string out = fmt::format("<style>{}</style>\n<div class=\"whence\">\n", part_style);
    if (!options.title.empty()) out += element("h2", clean(options.title)) + "\n";
    out += "<table class=\"grid\"><tbody>\n";
    for (size_t r = 0; r < rows.size(); ++r) {
        const Picture image = to_picture(rows[r].image);
        const Size size(image);
        const Picture seen = resized(image, size.height, size.width);
        out += "<tr>" + figure(clean(rows[r].title), &seen, "The image", "");
        for (size_t c = 0; c < rows[r].cells.size(); ++c) {
            const GridCell& cell = rows[r].cells[c];
            const std::optional<Overlay>& map = maps.rows[r][c];
            Picture over;
            if (map)
                over =
                    paint_over(map->map, map->limit, image, options.blend, size.height, size.width);
            out += figure(clean(cell.title), map ? &over : nullptr,
                          "What raises (orange) or lowers (blue) the target: " + clean(cell.title),
                          below(cell, map, options));
        }
        out += "</tr>\n";
    }
    out += "</tbody></table>\n";
    if (options.colors == ColorScale::shared) out += colors_html(maps.limit, maps.scale);
    for (const std::string& note : options.notes)
        out += "<p class=\"faint\">" + escaped(note) + "</p>\n";
    return out + "</div>\n";
}

}  // namespace whence::render
