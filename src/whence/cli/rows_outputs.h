#pragma once
// Explanations of many rows as files: the ending says the format.

#include <string>
#include <vector>

#include "whence/core/explanation.h"
#include "whence/recipe/rows.h"
#include "whence/render/plots.h"

namespace whence::cli {

/// .json: all explanations, as whence replay, report and plot read them. .csv: a line for each row,
/// a column for each feature. .npy: values [rows, features]. .npz: these, prediction, base_value,
/// error, names. .png, .svg, .html: the plot. Each is made in memory first and written whole.
void write_rows(const std::vector<std::string>& paths, const std::vector<Explanation>& explanations,
                render::Plot plot, const render::PlotOptions& options);

/// Whether rows can be written to all these files as they come: .csv, .npy and .npz.
[[nodiscard]] bool take_rows_as_they_come(const std::vector<std::string>& paths);

/// The same files as write_rows makes, of blocks of rows: what is in memory does not grow.
class RowsWriter {
  public:
    RowsWriter(const std::vector<std::string>& paths, const Schema& schema);
    ~RowsWriter();
    /// The next rows; `row` is the number of the first. Throws Error(io).
    void append(const recipe::RowsValues& values, int64_t row);
    /// The files are there from now on, and not before.
    void commit();

  private:
    struct File;
    std::vector<std::string> names_;
    std::vector<File> files_;
};

/// The plot alone: .png, .svg, or .html with the drawing and a table.
[[nodiscard]] std::vector<std::byte> encode_plot(const std::string& path,
                                                 const std::vector<Explanation>& explanations,
                                                 render::Plot plot, render::PlotOptions options);

}  // namespace whence::cli
