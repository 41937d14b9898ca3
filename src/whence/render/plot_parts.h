#pragma once
// What the plots share: title, remarks, a frame between them. Private to this folder.

#include <string>
#include <vector>

#include "whence/render/axis.h"
#include "whence/render/block.h"
#include "whence/render/number.h"
#include "whence/render/plots.h"
#include "whence/render/rows.h"

namespace whence::render {

using Bytes = std::vector<std::byte>;

inline constexpr double plot_margin = 24, plot_gap = 14;
inline constexpr TextStyle plot_label{.size = 12};
inline constexpr TextStyle plot_quiet{.size = 10.5, .color = faint_ink};

[[nodiscard]] TextStyle aligned(TextStyle style, Align align);

/// A page of the wanted width with the heading above, remarks below and `height` between them.
class Page {
  public:
    Page(Block above, const std::vector<std::string>& remarks, double height,
         const PlotOptions& options);
    [[nodiscard]] Canvas& canvas() { return canvas_; }
    [[nodiscard]] double left() const { return plot_margin; }
    [[nodiscard]] double right() const { return plot_margin + width_; }
    [[nodiscard]] double top() const { return top_; }
    [[nodiscard]] Bytes finish(const std::string& title, const std::string& description);

  private:
    double width_;
    Block above_, below_;
    double top_;
    Canvas canvas_;
};

/// Width between the margins.
[[nodiscard]] double plot_width(const PlotOptions& options);
/// Heading of a plot of many rows: the title, then how many rows and what was explained.
[[nodiscard]] Block rows_heading(const std::string& title, const ExplainedRows& rows,
                                 const std::vector<Explanation>& explanations, double width);
/// The largest error, and the notes that every row has.
[[nodiscard]] std::vector<std::string> rows_remarks(const std::vector<Explanation>& explanations);
/// How many features are drawn one by one.
[[nodiscard]] size_t shown_features(const ExplainedRows& rows, const PlotOptions& options);

/// Names at the left of rows of `row_height`, right-aligned at `x`, at most `width` wide.
void draw_names(Canvas& canvas, const std::vector<std::string>& names, double x, double width,
                double top, double row_height);
/// Room that the widest of them takes, at most `most`.
[[nodiscard]] double names_width(const std::vector<std::string>& names, double most);

/// From blue (0, low) to orange (1, high); grey for NaN.
[[nodiscard]] Rgb rank_color(double rank);
/// Its legend, upright between `top` and `bottom`: "high", "low" and `what`.
void draw_rank_legend(Canvas& canvas, double x, double top, double bottom, const std::string& what);

[[nodiscard]] Bytes waterfall(const Explanation& explanation, const PlotOptions& options);
[[nodiscard]] Bytes force(const Explanation& explanation, const PlotOptions& options);
[[nodiscard]] Bytes importance_bars(const std::vector<Explanation>& all, const PlotOptions& options);
[[nodiscard]] Bytes beeswarm(const std::vector<Explanation>& all, const PlotOptions& options);
[[nodiscard]] Bytes violin(const std::vector<Explanation>& all, const PlotOptions& options);
[[nodiscard]] Bytes rows_heatmap(const std::vector<Explanation>& all, const PlotOptions& options);
[[nodiscard]] Bytes scatter(const std::vector<Explanation>& all, const PlotOptions& options);
[[nodiscard]] Bytes decision(const std::vector<Explanation>& all, const PlotOptions& options);

}  // namespace whence::render
