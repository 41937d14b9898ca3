#include "csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <set>
#include <unordered_map>

#include "csv_reader.h"
#include "whence/core/error.h"
#include "whence/core/file.h"

namespace whence::data {
namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

bool is_missing(std::string_view cell) {
    for (const std::string_view word : {"", "NA", "NaN", "nan", "?"})
        if (cell == word) return true;
    return false;
}

/// Infinite where the number does not fit into a double, 0 where it is too near to it.
double out_of_range(std::string_view cell) {
    const size_t exponent = cell.find_first_of("eE");
    const bool tiny = exponent != std::string_view::npos
                          ? cell.substr(exponent + 1).starts_with("-")
                          : cell.find_first_of("123456789") > cell.find('.');
    return tiny ? 0 : std::numeric_limits<double>::infinity();
}

std::optional<double> parse_number(std::string_view cell) {
    if (cell.starts_with("+") && !cell.starts_with("+-")) cell.remove_prefix(1);
    double value = 0;
    const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
    if (end != cell.data() + cell.size()) return std::nullopt;
    if (error == std::errc::result_out_of_range) return out_of_range(cell);
    return error == std::errc() ? std::optional(value) : std::nullopt;
}

/// "a, b, c and 4 more", so that an error stays one line.
std::string listed(const std::vector<std::string>& names) {
    constexpr size_t most = 12;
    std::string out;
    for (size_t i = 0; i < std::min(names.size(), most); ++i)
        out += (i ? ", " : "") + printable(names[i], 40);
    return names.size() > most ? out + fmt::format(" and {} more", names.size() - most) : out;
}

size_t column_at(const std::vector<std::string>& header, std::string_view column,
                 std::string_view name) {
    const auto found = std::find(header.begin(), header.end(), column);
    if (found == header.end())
        throw Error(ErrorKind::input, fmt::format("{}: no column '{}'; the columns are {}", name,
                                                  printable(column), listed(header)));
    return static_cast<size_t>(found - header.begin());
}

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

/// Turns the cells of one column into numbers.
class ColumnParser {
  public:
    explicit ColumnParser(const Feature& feature) : feature_(feature) {
        for (size_t i = 0; i < feature.categories.size(); ++i)
            codes_.emplace(feature.categories[i], static_cast<double>(i));
    }

    double parse(std::string_view cell, const CsvReader& reader) const {
        if (feature_.categorical()) {
            // Categories come first: a table may well call one of them "NA".
            const auto found = codes_.find(std::string(cell));
            if (found != codes_.end()) return found->second;
        }
        if (is_missing(cell)) {
            if (!feature_.allows_missing) reader.fail(shown() + " is missing, which it may not be");
            return missing;
        }
        if (feature_.categorical())
            reader.fail(fmt::format("{} holds the unknown category '{}'; known: {}", shown(),
                                    printable(cell, 40), listed(feature_.categories)));
        const std::optional<double> value = parse_number(cell);
        if (!value || std::isnan(*value))
            reader.fail(
                fmt::format("{} holds '{}', which is no number", shown(), printable(cell, 40)));
        if (std::isinf(*value)) reader.fail(shown() + " is infinite");
        return *value;
    }

  private:
    std::string shown() const { return fmt::format("column '{}'", printable(feature_.name)); }

    const Feature& feature_;
    std::unordered_map<std::string, double> codes_;
};

Table read_rows(CsvReader& reader, const Schema& schema, std::string_view name) {
    std::vector<size_t> cell_of;
    std::vector<ColumnParser> parsers;
    for (const Feature& feature : schema) {
        cell_of.push_back(column_at(reader.header(), feature.name, name));
        parsers.emplace_back(feature);
    }
    Table table{schema, std::vector<std::vector<double>>(schema.size())};
    std::vector<std::string_view> cells;
    bool any = false;
    while (reader.next(cells)) {
        any = true;
        for (size_t i = 0; i < schema.size(); ++i)
            table.columns[i].push_back(parsers[i].parse(cells[cell_of[i]], reader));
    }
    if (!any) throw Error(ErrorKind::input, fmt::format("{}: no row below the header", name));
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
    return parse_csv(read_text(path), path.string());
}

Table read_csv(const std::filesystem::path& path, const Schema& expected) {
    return parse_csv(read_text(path), path.string(), expected);
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
