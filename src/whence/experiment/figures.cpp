#include "whence/experiment/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "whence/metrics/statistics.h"
#include "whence/render/grid.h"
#include "whence/render/number.h"
#include "whence/render/panels.h"

namespace whence::experiment {
namespace {

// Small on a disk, sharp enough on a page.
constexpr double figure_scale = 1.25;

std::vector<double> last_or_all(const Group& group, const Quantity& quantity, bool final_only) {
    std::vector<double> out;
    for (int64_t i = 0; i < group.iterations; ++i)
        for (int64_t f = 0; f < group.folds; ++f)
            for (int64_t e = final_only ? group.epochs - 1 : 0; e < group.epochs; ++e)
                out.push_back(quantity.of(group.row(i, f, e)));
    return out;
}

render::MatrixPanel matrix_of(const Study& study, const Group& group, bool final_only) {
    render::MatrixPanel panel{
        .title = group.data_set + (final_only ? ", final models" : ", all epochs"),
        .names = {"accuracy", "MeGe", "ReCo"}};
    const Quantity quantities[] = {accuracy(), mege(study.spec), reco(study.spec)};
    for (const Quantity& a : quantities)
        for (const Quantity& b : quantities)
            panel.values.push_back(metrics::pearson(last_or_all(group, a, final_only),
                                                    last_or_all(group, b, final_only)));
    return panel;
}

Explanation as_explanation(const ExampleRow& example, const DataRow& data) {
    Explanation out;
    out.attribution.values =
        Tensor::of<double>({std::ssize(example.map.values)}, example.map.values);
    out.attribution.segments = Tensor::of<int32_t>({data.height, data.width}, example.map.pieces);
    out.target.resolved.scale = Scale::probability;
    out.target.value = example.probability;
    out.target.label = data.classes[static_cast<size_t>(example.predicted)];
    return out;
}

Tensor picture_of(const ExampleRow& example, const DataRow& data) {
    Tensor out(ElementType::float32, {1, data.height, data.width, data.channels});
    for (size_t i = 0; i < example.pixels.size() && static_cast<int64_t>(i) < out.size(); ++i)
        out.as<float>()[i] = static_cast<float>(example.pixels[i]) / 255;
    return out;
}

bool fits(const ExampleRow& example, const DataRow& data) {
    const auto classes = std::ssize(data.classes);
    return std::ssize(example.map.pieces) == data.height * data.width &&
           std::ssize(example.pixels) == data.height * data.width * data.channels &&
           example.label >= 0 && example.label < classes && example.predicted >= 0 &&
           example.predicted < classes;
}

}  // namespace

Figure matrix_figure(const Study& study, const std::vector<Group>& groups,
                     const std::string& method) {
    std::vector<render::MatrixPanel> panels;
    int64_t columns = 0;
    for (const bool final_only : {false, true})
        for (const Group& group : groups)
            if (group.method == method) {
                panels.push_back(matrix_of(study, group, final_only));
                columns += final_only;
            }
    return {
        "matrix-" + method + ".png",
        render::matrix_panels(panels, {.columns = columns,
                                       .scale = figure_scale,
                                       .title = "Pearson's correlations, explained by " + method})};
}

Figure point_figure(const Study& study, const std::vector<Group>& groups) {
    std::vector<render::PointPanel> panels;
    const Quantity quantity = reco(study.spec);
    for (const Group& group : groups) {
        render::PointPanel panel{.title = group.data_set + ", " + group.method,
                                 .x_title = "accuracy",
                                 .y_title = "ReCo"};
        for (int64_t e = 0; e < group.epochs; ++e) {
            render::PointSeries one{.name = fmt::format("epoch {}", e + 1)};
            for (int64_t i = 0; i < group.iterations; ++i)
                for (int64_t f = 0; f < group.folds; ++f) {
                    one.x.push_back(group.row(i, f, e).accuracy);
                    one.y.push_back(quantity.of(group.row(i, f, e)));
                }
            panel.series.push_back(std::move(one));
        }
        panels.push_back(std::move(panel));
    }
    return {"accuracy-reco.png",
            render::point_panels(panels, {.columns = std::ssize(study.spec.methods),
                                          .scale = figure_scale,
                                          .title = "Accuracy and ReCo, a point for each network"})};
}

std::optional<Figure> example_figure(const Study& study, const std::string& data_set) {
    const auto data = std::ranges::find(study.data, data_set, &DataRow::data_set);
    if (data == study.data.end()) return std::nullopt;
    std::map<int64_t, render::GridRow> rows;  // by class
    const std::string& architecture = study.spec.architectures[0].name;
    for (const ExampleRow& example : study.examples) {
        if (example.data_set != data_set || example.architecture != architecture ||
            !fits(example, *data))
            continue;
        render::GridRow& row = rows[example.label];
        row.title = data->classes[static_cast<size_t>(example.label)];
        row.image = picture_of(example, *data);
        row.cells.push_back(
            {.title = example.method,
             .explanation = as_explanation(example, *data),
             .note = fmt::format("{} {}", data->classes[static_cast<size_t>(example.predicted)],
                                 render::number(example.probability, 2))});
    }
    if (rows.empty()) return std::nullopt;
    std::vector<render::GridRow> grid;
    for (auto& [label, row] : rows) grid.push_back(std::move(row));
    return Figure{"examples-" + data_set + ".png",
                  render::grid_figure(
                      grid, {.scale = 0.75, .colors = render::ColorScale::own, .title = data_set})};
}

}  // namespace whence::experiment
