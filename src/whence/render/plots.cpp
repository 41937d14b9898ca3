#include "whence/render/plots.h"

#include "whence/core/error.h"
#include "whence/render/plot_parts.h"

namespace whence::render {
namespace {

struct PlotRow {
    Plot plot;
    std::string_view name;
    Bytes (*one)(const Explanation&, const PlotOptions&);
    Bytes (*many)(const std::vector<Explanation>&, const PlotOptions&);
};
constexpr PlotRow plots[] = {{Plot::waterfall, "waterfall", waterfall, nullptr},
                             {Plot::force, "force", force, nullptr},
                             {Plot::bar, "bar", nullptr, importance_bars},
                             {Plot::beeswarm, "beeswarm", nullptr, beeswarm},
                             {Plot::violin, "violin", nullptr, violin},
                             {Plot::heatmap, "heatmap", nullptr, rows_heatmap},
                             {Plot::scatter, "scatter", nullptr, scatter},
                             {Plot::decision, "decision", nullptr, decision}};

const PlotRow& row_of(Plot plot) {
    return plots[static_cast<size_t>(plot)];
}

}  // namespace

std::string_view name(Plot plot) {
    return row_of(plot).name;
}

Plot parse_plot(std::string_view text) {
    std::string have;
    for (const PlotRow& row : plots) {
        if (row.name == text) return row.plot;
        have += (have.empty() ? "" : ", ") + std::string(row.name);
    }
    throw Error(ErrorKind::usage,
                "there is no plot '" + printable(std::string(text)) + "'; there are " + have);
}

bool of_one_row(Plot plot) {
    return row_of(plot).one != nullptr;
}

Bytes draw(Plot plot, const std::vector<Explanation>& explanations, const PlotOptions& options) {
    if (explanations.empty()) throw Error(ErrorKind::usage, "there is no explanation to draw");
    if (!of_one_row(plot)) return row_of(plot).many(explanations, options);
    if (explanations.size() > 1)
        throw Error(ErrorKind::usage, "the plot " + std::string(name(plot)) +
                                          " shows one row, and these are " +
                                          std::to_string(explanations.size()));
    return row_of(plot).one(explanations[0], options);
}

}  // namespace whence::render
