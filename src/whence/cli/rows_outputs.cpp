#include "rows_outputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "outputs.h"
#include "whence/core/error.h"
#include "whence/core/explanation_json.h"
#include "whence/core/file.h"
#include "whence/data/csv.h"
#include "whence/data/npy.h"
#include "whence/render/escape.h"
#include "whence/render/html.h"

namespace whence::cli {
namespace {

using Bytes = std::vector<std::byte>;

// Values of all rows by feature, in the order in which features first appear; what a row does not
// have is NaN.
struct Matrix {
    std::vector<std::string> names;
    std::vector<double> values;  // [rows, names]
};

Matrix matrix_of(const std::vector<Explanation>& explanations) {
    Matrix out;
    std::map<std::string, size_t> place;
    for (const Explanation& e : explanations)
        for (int64_t i = 0; i < e.attribution.values.size(); ++i)
            if (place.emplace(column_of(e.attribution, i), out.names.size()).second)
                out.names.push_back(column_of(e.attribution, i));
    for (const Explanation& e : explanations) {
        std::vector<double> row(out.names.size(), std::nan(""));
        const std::vector<double> values = e.attribution.values.to_doubles();
        for (size_t i = 0; i < values.size(); ++i) row[place[column_of(e.attribution, i)]] = values[i];
        out.values.insert(out.values.end(), row.begin(), row.end());
    }
    return out;
}

double base_of(const Explanation& e) {
    return e.target.baseline_value.value_or(std::nan(""));
}

Bytes csv(const std::vector<Explanation>& explanations) {
    const Matrix matrix = matrix_of(explanations);
    std::vector<std::string> cells{"row", "prediction", "base_value", "error"};
    cells.insert(cells.end(), matrix.names.begin(), matrix.names.end());
    std::string text = data::csv_line(cells);
    const auto number = [](double value) {
        return std::isnan(value) ? std::string() : fmt::format("{}", value);
    };
    for (size_t row = 0; row < explanations.size(); ++row) {
        const Explanation& e = explanations[row];
        cells = {std::to_string(e.provenance.input_row.value_or(static_cast<int64_t>(row))),
                 number(e.target.value), number(base_of(e)),
                 number(e.diagnostics.attribution_error.value_or(std::nan("")))};
        for (size_t i = 0; i < matrix.names.size(); ++i)
            cells.push_back(number(matrix.values[row * matrix.names.size() + i]));
        text += data::csv_line(cells);
    }
    return bytes_of(text);
}

Bytes npz(const std::vector<Explanation>& explanations) {
    const Matrix matrix = matrix_of(explanations);
    const auto rows = static_cast<int64_t>(explanations.size());
    std::vector<double> predictions, bases;
    for (const Explanation& e : explanations) {
        predictions.push_back(e.target.value);
        bases.push_back(base_of(e));
    }
    return data::encode_npz(std::vector<NamedTensor>{
        {"values", Tensor::of<double>({rows, std::ssize(matrix.names)}, matrix.values)},
        {"prediction", Tensor::of<double>({rows}, predictions)},
        {"base_value", Tensor::of<double>({rows}, bases)},
        {"names", Tensor::of<std::string>({std::ssize(matrix.names)}, matrix.names)}});
}

std::string ending_of(const std::string& path) {
    std::string out = std::filesystem::path(path).extension().string();
    std::ranges::transform(out, out.begin(), [](unsigned char c) { return std::tolower(c); });
    return out;
}

Bytes page(const std::vector<Explanation>& explanations, render::Plot plot,
           render::PlotOptions options) {
    options.format = render::Format::svg;
    const Bytes drawing = render::draw(plot, explanations, options);
    const std::string figure = fmt::format("<figure><img alt=\"{}\" src=\"{}\"></figure>\n",
                                           render::escaped(render::name(plot)),
                                           render::data_uri("image/svg+xml", drawing));
    std::vector<render::ReportItem> items;
    if (explanations.size() == 1) items.push_back({.explanation = explanations[0]});
    return bytes_of(render::report(items, {.figure = figure}));
}

}  // namespace

Bytes encode_plot(const std::string& path, const std::vector<Explanation>& explanations,
                  render::Plot plot, render::PlotOptions options) {
    const std::string ending = ending_of(path);
    if (ending == ".html") return page(explanations, plot, options);
    if (ending != ".png" && ending != ".svg")
        throw Error(ErrorKind::usage, "-o " + printable(path, 400) +
                                          ": a plot is a .png, .svg or .html file");
    options.format = ending == ".svg" ? render::Format::svg : render::Format::png;
    return render::draw(plot, explanations, options);
}

void write_rows(const std::vector<std::string>& paths, const std::vector<Explanation>& explanations,
                render::Plot plot, const render::PlotOptions& options) {
    std::vector<Bytes> files;
    for (const std::string& path : paths) {
        const std::string ending = ending_of(path);
        files.push_back(ending == ".json"  ? bytes_of(to_json(explanations))
                        : ending == ".csv" ? csv(explanations)
                        : ending == ".npz" ? npz(explanations)
                                           : encode_plot(path, explanations, plot, options));
    }
    for (size_t i = 0; i < paths.size(); ++i) write_file(paths[i], files[i]);
}

}  // namespace whence::cli
