#include "whence/render/text_image.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "whence/render/number.h"
#include "whence/render/palette.h"

namespace whence::render {
namespace {

constexpr int64_t most_cells = 48;

// Mean of the finite values of a rectangle of cells; NaN if there is none.
double mean(const Map& map, int64_t row, int64_t end_row, int64_t column, int64_t end_column) {
    double sum = 0;
    int64_t counted = 0;
    for (int64_t y = row; y < end_row; ++y)
        for (int64_t x = column; x < end_column; ++x)
            if (std::isfinite(map.at(y, x))) sum += map.at(y, x), ++counted;
    return counted > 0 ? sum / static_cast<double>(counted) : std::nan("");
}

// The map averaged down to at most `cells` on its longer side (and in width). Never enlarged.
Map coarse(const Map& map, int64_t cells) {
    const double longer = static_cast<double>(std::max(map.height, map.width));
    const double factor = std::min(1.0, static_cast<double>(cells) / longer);
    const auto shrunk = [factor](int64_t length) {
        return std::max<int64_t>(1, std::llround(factor * static_cast<double>(length)));
    };
    Map out{shrunk(map.height), shrunk(map.width), {}, {}};
    for (int64_t row = 0; row < out.height; ++row)
        for (int64_t column = 0; column < out.width; ++column)
            out.values.push_back(
                mean(map, row * map.height / out.height, (row + 1) * map.height / out.height,
                     column * map.width / out.width, (column + 1) * map.width / out.width));
    return out;
}

std::string ansi(int layer, Rgb color) {
    return fmt::format("\x1b[{};2;{};{};{}m", layer, color.red, color.green, color.blue);
}

// Two rows of the map in one line: the upper half block has the colour of the letter, the lower
// half that of the background.
std::string half_blocks(const Map& map, double limit) {
    const auto color = [&](int64_t row, int64_t column) {
        return diverging(map.at(row, column) / limit);
    };
    std::string out;
    for (int64_t row = 0; row < map.height; row += 2) {
        out += "  ";
        for (int64_t column = 0; column < map.width; ++column) {
            out += ansi(38, color(row, column));
            if (row + 1 < map.height) out += ansi(48, color(row + 1, column));
            out += "\u2580";
        }
        out += "\x1b[0m\n";
    }
    return out;
}

// Two characters for each value make it about square.
constexpr double strong = 0.5, weak = 0.15;

std::string_view sign_of(double relative) {
    if (std::isnan(relative)) return " ?";
    if (relative >= strong) return "++";
    if (relative <= -strong) return "--";
    if (relative >= weak) return " +";
    if (relative <= -weak) return " -";
    return " .";
}

std::string signs(const Map& map, double limit) {
    std::string out;
    for (int64_t row = 0; row < map.height; ++row) {
        out += "  ";
        for (int64_t column = 0; column < map.width; ++column)
            out += sign_of(map.at(row, column) / limit);
        out += "\n";
    }
    return out;
}

std::string_view third(double share, const std::array<std::string_view, 3>& names) {
    return names[share < 1.0 / 3 ? 0 : share < 2.0 / 3 ? 1 : 2];
}

}  // namespace

std::string map_as_text(const Map& map, const TextOptions& options) {
    const bool blocks = options.color && !options.ascii;
    const int64_t room = (std::max<int64_t>(options.width, 40) - 2) / (blocks ? 1 : 2);
    const Map small = coarse(map, std::min(room, most_cells));
    // The coarse map's own limit: means are smaller than single pixels.
    const double limit = color_limit({small.height, small.width, small.values, {0}});
    if (limit == 0) return "  (every value is zero)\n";
    const std::string size = map.height == small.height && map.width == small.width
                                 ? ""
                                 : ", each the mean of several pixels";
    if (blocks)
        return half_blocks(small, limit) + "  orange raises, blue lowers" + size +
               "; full colour at " + number(limit) + "\n";
    return signs(small, limit) + "  ++ raises, -- lowers by more than half of " + number(limit) +
           "; + - by more than 15 %" + size + "\n";
}

std::string place_of_segment(const Map& map, int32_t label) {
    double rows = 0, columns = 0, pixels = 0;
    for (int64_t row = 0; row < map.height; ++row)
        for (int64_t column = 0; column < map.width; ++column)
            if (map.labels[static_cast<size_t>(row * map.width + column)] == label)
                rows += static_cast<double>(row) + 0.5,
                    columns += static_cast<double>(column) + 0.5, ++pixels;
    if (pixels == 0) return "no pixels";
    const std::string_view vertical =
        third(rows / pixels / static_cast<double>(map.height), {"upper", "", "lower"});
    const std::string_view horizontal =
        third(columns / pixels / static_cast<double>(map.width), {"left", "", "right"});
    std::string where(vertical);
    if (!vertical.empty() && !horizontal.empty()) where += " ";
    where += horizontal;
    const double share = pixels / static_cast<double>(map.values.size());
    return (where.empty() ? "centre" : where) + ", " + percent(share);
}

}  // namespace whence::render
