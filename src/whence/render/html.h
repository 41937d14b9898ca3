#pragma once
// Explanations as a page: one file, nothing fetched, no script.

#include <optional>
#include <string>
#include <vector>

#include "whence/core/explanation.h"
#include "whence/render/chart.h"

namespace whence::render {

struct ReportItem {
    Explanation explanation;
    std::string title;               ///< empty: method and target
    std::optional<Tensor> image;     ///< what the model saw, for explanations of images
    std::optional<Tensor> original;  ///< the whole photograph, where the model saw less of it
    std::vector<ClassScore> scores;  ///< what the model predicts, most probable first
    std::string note;                ///< shown under the picture
    std::string replay;              ///< command that recomputes this explanation
};

struct ReportOptions {
    std::string title = "Explanations by Whence";
    int64_t top = 15;         ///< features shown before the full table is unfolded
    bool attach_json = true;  ///< each explanation as JSON behind a download link
    std::vector<std::vector<std::string>> table;  ///< shown first; its first line are the titles
    std::string figure;                           ///< shown next: HTML, as grid_html makes it
};

/// One self-contained HTML file: summary, picture or bars, full table, how far to trust it, how it
/// was made. Light and dark, printable. Every string is escaped; the page's policy forbids scripts
/// and requests.
[[nodiscard]] std::string report(const std::vector<ReportItem>& items,
                                 const ReportOptions& options = {});

/// The same for one explanation as a fragment with its own scoped style, for notebooks.
[[nodiscard]] std::string html_fragment(const ReportItem& item, int64_t top = 10);
[[nodiscard]] std::string html_fragment(const Explanation& explanation, int64_t top = 10);

}  // namespace whence::render
