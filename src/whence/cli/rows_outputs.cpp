#include "rows_outputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <map>
#include <optional>
#include <span>

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

std::string number(double value) {
    return std::isnan(value) ? std::string() : fmt::format("{}", value);
}

std::string csv_header(const std::vector<std::string>& names) {
    std::vector<std::string> cells{"row", "prediction", "base_value", "error"};
    cells.insert(cells.end(), names.begin(), names.end());
    return data::csv_line(cells);
}

// Numbers need no quotes.
void add_csv_line(int64_t row, std::array<double, 3> before, std::span<const double> values,
                  std::string& text) {
    text += std::to_string(row);
    for (const double value : before) text += ',' + number(value);
    for (const double value : values) text += ',' + number(value);
    text += '\n';
}

double error_of(const Explanation& e) {
    return e.diagnostics.attribution_error.value_or(std::nan(""));
}

Bytes csv(const std::vector<Explanation>& explanations) {
    const Matrix matrix = matrix_of(explanations);
    std::string text = csv_header(matrix.names);
    for (size_t row = 0; row < explanations.size(); ++row) {
        const Explanation& e = explanations[row];
        add_csv_line(e.provenance.input_row.value_or(static_cast<int64_t>(row)),
                     {e.target.value, base_of(e), error_of(e)},
                     std::span(matrix.values).subspan(row * matrix.names.size(), matrix.names.size()),
                     text);
    }
    return bytes_of(text);
}

Tensor matrix_tensor(const Matrix& matrix, size_t rows) {
    return Tensor::of<double>({static_cast<int64_t>(rows), std::ssize(matrix.names)}, matrix.values);
}

NamedTensor names_of(const std::vector<std::string>& names) {
    return {"names", Tensor::of<std::string>({std::ssize(names)}, names)};
}

Bytes npz(const std::vector<Explanation>& explanations) {
    const Matrix matrix = matrix_of(explanations);
    const auto rows = static_cast<int64_t>(explanations.size());
    std::vector<double> predictions, bases, errors;
    for (const Explanation& e : explanations) {
        predictions.push_back(e.target.value);
        bases.push_back(base_of(e));
        errors.push_back(error_of(e));
    }
    return data::encode_npz(std::vector<NamedTensor>{
        {"values", matrix_tensor(matrix, explanations.size())},
        {"prediction", Tensor::of<double>({rows}, predictions)},
        {"base_value", Tensor::of<double>({rows}, bases)},
        {"error", Tensor::of<double>({rows}, errors)},
        names_of(matrix.names)});
}

Bytes npy(const std::vector<Explanation>& explanations) {
    return data::encode_npy(matrix_tensor(matrix_of(explanations), explanations.size()));
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
                        : ending == ".npy" ? npy(explanations)
                                           : encode_plot(path, explanations, plot, options));
    }
    for (size_t i = 0; i < paths.size(); ++i) write_file(paths[i], files[i]);
}

bool take_rows_as_they_come(const std::vector<std::string>& paths) {
    return std::ranges::all_of(paths, [](const std::string& path) {
        const std::string ending = ending_of(path);
        return ending == ".csv" || ending == ".npy" || ending == ".npz";
    });
}

// A .csv is written as it comes; arrays are put aside, for their header says how long they are.
struct RowsWriter::File {
    std::string path;
    std::optional<FileWriter> text;
    std::vector<data::GrowingArray> arrays;  // values; of a .npz prediction, base_value, error
};

RowsWriter::RowsWriter(const std::vector<std::string>& paths, const Schema& schema) {
    for (const Feature& feature : schema) names_.push_back(feature.name);
    for (const std::string& path : paths) {
        File file{.path = path};
        const std::string ending = ending_of(path);
        const std::filesystem::path folder = std::filesystem::path(path).parent_path();
        if (ending == ".csv") {
            file.text.emplace(path);
            file.text->append(csv_header(names_));
        } else {
            file.arrays.emplace_back("values", folder, Shape{std::ssize(names_)});
            if (ending == ".npz")
                for (const char* name : {"prediction", "base_value", "error"})
                    file.arrays.emplace_back(name, folder);
        }
        files_.push_back(std::move(file));
    }
}

RowsWriter::~RowsWriter() = default;

void RowsWriter::append(const recipe::RowsValues& values, int64_t row) {
    const size_t rows = values.predictions.size(), columns = names_.size();
    const std::vector<double> bases(rows, values.base_value);
    for (File& file : files_) {
        if (file.text) {
            std::string text;
            for (size_t r = 0; r < rows; ++r)
                add_csv_line(row + static_cast<int64_t>(r),
                             {values.predictions[r], values.base_value, values.errors[r]},
                             std::span(values.values).subspan(r * columns, columns), text);
            file.text->append(text);
            continue;
        }
        file.arrays[0].append(values.values);
        if (file.arrays.size() == 1) continue;
        file.arrays[1].append(values.predictions);
        file.arrays[2].append(bases);
        file.arrays[3].append(values.errors);
    }
}

void RowsWriter::commit() {
    for (File& file : files_) {
        if (file.text)
            file.text->commit();
        else if (file.arrays.size() == 1)
            data::write_npy(file.path, file.arrays[0]);
        else
            data::write_npz(file.path, file.arrays, std::vector{names_of(names_)});
    }
}

}  // namespace whence::cli
