#include "csv_cells.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "whence/core/error.h"

namespace whence::data {
namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

double out_of_range(std::string_view cell) {
    const size_t exponent = cell.find_first_of("eE");
    const bool tiny = exponent != std::string_view::npos
                          ? cell.substr(exponent + 1).starts_with("-")
                          : cell.find_first_of("123456789") > cell.find('.');
    return tiny ? 0 : std::numeric_limits<double>::infinity();
}

/// "a, b, c and 4 more", so that an error stays one line.
std::string listed(const std::vector<std::string>& names) {
    constexpr size_t most = 12;
    std::string out;
    for (size_t i = 0; i < std::min(names.size(), most); ++i)
        out += (i ? ", " : "") + printable(names[i], 40);
    return names.size() > most ? out + fmt::format(" and {} more", names.size() - most) : out;
}

}  // namespace

bool is_missing(std::string_view cell) {
    for (const std::string_view word : {"", "NA", "NaN", "nan", "?"})
        if (cell == word) return true;
    return false;
}

std::optional<double> parse_number(std::string_view cell) {
    if (cell.starts_with("+") && !cell.starts_with("+-")) cell.remove_prefix(1);
    double value = 0;
    const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
    if (end != cell.data() + cell.size()) return std::nullopt;
    if (error == std::errc::result_out_of_range) return out_of_range(cell);
    return error == std::errc() ? std::optional(value) : std::nullopt;
}

size_t column_at(const std::vector<std::string>& header, std::string_view column,
                 std::string_view name) {
    const auto found = std::find(header.begin(), header.end(), column);
    if (found == header.end())
        throw Error(ErrorKind::input, fmt::format("{}: no column '{}'; the columns are {}", name,
                                                  printable(column), listed(header)));
    return static_cast<size_t>(found - header.begin());
}

/// Turns the cells of one column into numbers.
class RowParser::Column {
  public:
    Column(const Feature& feature, size_t place) : place_(place), feature_(feature) {
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

    [[nodiscard]] size_t place() const { return place_; }

  private:
    std::string shown() const { return fmt::format("column '{}'", printable(feature_.name)); }

    size_t place_;  // in the rows of the file
    const Feature& feature_;
    std::unordered_map<std::string, double> codes_;
};

RowParser::RowParser(CsvReader& reader, const Schema& schema, std::string_view name)
    : reader_(reader) {
    columns_.reserve(schema.size());
    for (const Feature& feature : schema)
        columns_.emplace_back(feature, column_at(reader.header(), feature.name, name));
}

RowParser::~RowParser() = default;

bool RowParser::next(std::span<double> row) {
    if (!reader_.next(cells_)) return false;
    for (size_t i = 0; i < columns_.size(); ++i)
        row[i] = columns_[i].parse(cells_[columns_[i].place()], reader_);
    return true;
}

}  // namespace whence::data
