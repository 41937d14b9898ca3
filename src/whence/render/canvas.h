#pragma once
// One drawing, two formats: PNG and SVG come from the same calls. Private to this folder.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "whence/render/chart.h"
#include "whence/render/surface.h"

namespace whence::render {

inline constexpr Rgb ink{34, 34, 38}, faint_ink{105, 105, 112}, hairline{200, 200, 206},
    track{236, 236, 240}, paper{255, 255, 255};

struct Point {
    double x = 0, y = 0;
};

enum class Align { left, center, right };

struct TextStyle {
    double size = 12;
    bool bold = false;
    Rgb color = ink;
    Align align = Align::left;
};

/// Units are 1/96 inch, y grows downwards. Text is cleaned before it is drawn.
class Canvas {
  public:
    Canvas(double width, double height, Format format, double scale);

    /// `y` is the line the letters stand on.
    void text(double x, double y, std::string_view text, const TextStyle& style = {});
    void box(double x, double y, double width, double height, Rgb color);
    void frame(double x, double y, double width, double height, Rgb color);
    void line(double x1, double y1, double x2, double y2, Rgb color, double thickness = 1);
    void dot(double x, double y, double radius, Rgb color);
    /// Straight lines from point to point.
    void polyline(const std::vector<Point>& points, Rgb color, double thickness = 1);
    void polygon(const std::vector<Point>& points, Rgb fill);
    /// Stretched over the box; enlarged pixels stay squares.
    void picture(double x, double y, double width, double height, const Picture& picture);

    /// The file. `title` and `description` go into an SVG for those who cannot see it.
    [[nodiscard]] std::vector<std::byte> finish(std::string_view title,
                                                std::string_view description);

  private:
    void color(Rgb color);
    void path(const std::vector<Point>& points);

    Format format_;
    // Cairo keeps its address and writes until surface_ is gone.
    std::unique_ptr<std::vector<std::byte>> svg_ = std::make_unique<std::vector<std::byte>>();
    Surface surface_;
    Context context_;
};

[[nodiscard]] double text_width(std::string_view text, const TextStyle& style);
/// Shortened in the middle until it fits.
[[nodiscard]] std::string fitted(std::string_view text, double width, const TextStyle& style);
/// Broken at spaces into lines that fit.
[[nodiscard]] std::vector<std::string> broken(std::string_view text, double width,
                                              const TextStyle& style);

}  // namespace whence::render
