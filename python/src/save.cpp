#include <algorithm>

#include "explanation.h"
#include "whence/cli/outputs.h"
#include "whence/cli/present.h"
#include "whence/cli/rows_outputs.h"
#include "whence/core/file.h"

namespace whence::python {
namespace {

// Pixels as [0, 1] for showing: 8-bit ones divided, normalised ones stretched.
void make_visible(render::ReportItem& item, double white) {
    if (!item.image) return;
    std::vector<double> pixels = item.image->to_doubles();
    const auto [least, most] = std::ranges::minmax(pixels);
    double low = 0, range = white;
    if (white == 1 && (least < 0 || most > 1)) {
        low = least;
        range = most > least ? most - least : 1;
        item.note = "The picture is shown with the model's numbers stretched from black to white.";
    }
    if (low == 0 && range == 1) return;
    for (double& pixel : pixels) pixel = (pixel - low) / range;
    item.image = Tensor::of<double>(item.image->shape(), pixels).cast(ElementType::float32);
}

}  // namespace

render::ReportItem report_item(const Explained& explained) {
    if (!explained.model) return {.explanation = explained.explanation};
    render::ReportItem item = cli::present(explained.explanation, explained.model->subject, explained.input, Run{});
    make_visible(item, explained.input.white);
    return item;
}

void save(const Explained& explained, const std::string& path) {
    cli::check_outputs({path}, {});
    cli::write_outputs({path}, report_item(explained));
}

void plot(const std::vector<const Explained*>& explanations, const std::string& kind,
          const std::string& path, const render::PlotOptions& options) {
    cli::check_outputs({path}, {});
    std::vector<Explanation> all;
    for (const Explained* one : explanations) all.push_back(one->explanation);
    write_file(path, cli::encode_plot(path, all, render::parse_plot(kind), options));
}

}  // namespace whence::python
