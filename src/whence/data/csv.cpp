#include "csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "csv_cells.h"
#include "csv_reader.h"
#include "whence/core/error.h"
#include "whence/core/file.h"

namespace whence::data {
namespace {

/// What the columns are, judged by all rows.
Schema infer_schema(CsvReader& reader) {
    const size_t count = reader.header().size();
    std::vector<bool> numeric(count, true), has_missing(count, false);
    std::vector<std::string_view> cells;
    while (reader.next(cells))
        for (size_t i = 0; i < count; ++i) {
            if (is_missing(cells[i]))
                has_missing[i] = true;
            else if (numeric[i] && !parse_number(cells[i]))
                numeric[i] = false;
        }
    reader.rewind();

    std::vector<std::set<std::string, std::less<>>> categories(count);
    const bool all_numeric = std::find(numeric.begin(), numeric.end(), false) == numeric.end();
    while (!all_numeric && reader.next(cells))
        for (size_t i = 0; i < count; ++i)
            if (!numeric[i] && !is_missing(cells[i]) && !categories[i].contains(cells[i]))
                categories[i].emplace(cells[i]);
    reader.rewind();

    Schema schema;
    for (size_t i = 0; i < count; ++i)
        schema.push_back(
            {reader.header()[i], {categories[i].begin(), categories[i].end()}, has_missing[i]});
    return schema;
}

Table read_rows(CsvReader& reader, const Schema& schema, std::string_view name) {
    RowParser parser(reader, schema, name);
    Table table{schema, std::vector<std::vector<double>>(schema.size())};
    std::vector<double> row(schema.size());
    bool any = false;
    for (; parser.next(row); any = true)
        for (size_t i = 0; i < schema.size(); ++i) table.columns[i].push_back(row[i]);
    if (!any)
        throw Error(ErrorKind::input, fmt::format("{}: no row below the header", name));
    return table;
}

}  // namespace

std::optional<size_t> Table::find(std::string_view column) const {
    for (size_t i = 0; i < schema.size(); ++i)
        if (schema[i].name == column) return i;
    return std::nullopt;
}

Table Table::select(std::span<const std::string> names) const {
    std::vector<std::string> header;
    for (const Feature& feature : schema) header.push_back(feature.name);
    Table out;
    for (const std::string& column : names) {
        const size_t at = column_at(header, column, "the table");
        out.schema.push_back(schema[at]);
        out.columns.push_back(columns[at]);
    }
    return out;
}

Tensor Table::matrix() const {
    const auto width = static_cast<int64_t>(columns.size());
    Tensor out(ElementType::float64, {rows(), width});
    const std::span<double> values = out.as<double>();
    for (int64_t column = 0; column < width; ++column)
        for (int64_t row = 0; row < rows(); ++row)
            values[row * width + column] = columns[column][row];
    return out;
}

Tensor Table::matrix(std::span<const std::string> names) const {
    return select(names).matrix();
}

std::string Table::text(int64_t row, size_t column) const {
    const double value = columns.at(column).at(static_cast<size_t>(row));
    if (std::isnan(value)) return "";
    const Feature& feature = schema.at(column);
    return feature.categorical() ? feature.categories.at(static_cast<size_t>(value))
                                 : fmt::format("{}", value);
}

Table parse_csv(std::string_view text, std::string_view name) {
    const std::string shown = printable(name, 400);
    CsvReader reader(text, shown);
    const Schema schema = infer_schema(reader);
    return read_rows(reader, schema, shown);
}

Table parse_csv(std::string_view text, std::string_view name, const Schema& expected) {
    const std::string shown = printable(name, 400);
    CsvReader reader(text, shown);
    return read_rows(reader, expected, shown);
}

Table read_csv(const std::filesystem::path& path) {
    return read_csv(path, csv_schema(path));
}

Table read_csv(const std::filesystem::path& path, const Schema& expected) {
    FileReader file(path);
    CsvReader reader(file);
    return read_rows(reader, expected, printable(path.string(), 400));
}

Schema csv_schema(const std::filesystem::path& path) {
    FileReader file(path);
    CsvReader reader(file);
    return infer_schema(reader);
}

std::string csv_line(std::span<const std::string> cells) {
    std::string out;
    for (size_t i = 0; i < cells.size(); ++i) {
        if (i) out += ',';
        const std::string& cell = cells[i];
        // Also what a reader would trim, take for another delimiter or a byte order mark, or skip
        // as an empty line.
        const bool quote = cell.find_first_of(",;\t\"\r\n") != std::string::npos ||
                           cell.starts_with(' ') || cell.ends_with(' ') ||
                           (cell.empty() && cells.size() == 1) ||
                           (i == 0 && cell.find_first_of("\xEF\xFE\xFF") == 0);
        if (!quote) {
            out += cell;
            continue;
        }
        out += '"';
        for (const char c : cell) out.append(c == '"' ? 2 : 1, c);
        out += '"';
    }
    return out + '\n';
}

std::string to_csv(const Table& table) {
    std::vector<std::string> cells;
    for (const Feature& feature : table.schema) cells.push_back(feature.name);
    std::string out = csv_line(cells);
    for (int64_t row = 0; row < table.rows(); ++row) {
        for (size_t column = 0; column < cells.size(); ++column)
            cells[column] = table.text(row, column);
        out += csv_line(cells);
    }
    return out;
}

}  // namespace whence::data
