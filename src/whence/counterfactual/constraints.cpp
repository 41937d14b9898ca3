#include "whence/counterfactual/constraints.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "whence/core/error.h"

namespace whence {
namespace {

std::string_view trimmed(std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    return text;
}

bool is_column(std::string_view name, const Schema& schema) {
    return std::ranges::find(schema, name, &Feature::name) != schema.end();
}

[[noreturn]] void no_column(std::string_view name, const Schema& schema) {
    std::string have;
    for (size_t c = 0; c < std::min<size_t>(schema.size(), 12); ++c)
        have += (c ? ", " : "") + printable(schema[c].name, 40);
    throw Error(ErrorKind::usage,
                fmt::format("there is no column '{}'; there are {}{}", printable(name), have,
                            schema.size() > 12 ? ", ..." : ""));
}

// Parts between separators. Where a part is no column, a longer one that is may hold separators.
std::vector<std::string> parts(std::string_view text, char separator, const Schema& schema) {
    std::vector<std::string> out;
    text = trimmed(text);
    while (!text.empty()) {
        size_t end = text.find(separator);
        for (size_t longer = end; longer != std::string_view::npos && !schema.empty() &&
                                  !is_column(trimmed(text.substr(0, end)), schema);) {
            longer = text.find(separator, longer + 1);
            if (is_column(trimmed(text.substr(0, longer)), schema)) end = longer;
        }
        out.emplace_back(trimmed(text.substr(0, end)));
        text = end == std::string_view::npos ? "" : trimmed(text.substr(end + 1));
    }
    return out;
}

std::vector<std::string> columns(std::string_view text, const Schema& schema) {
    std::vector<std::string> out = parts(text, ',', schema);
    for (const std::string& name : out)
        if (!is_column(name, schema)) no_column(name, schema);
    return out;
}

double bound(std::string_view text, double open, std::string_view all) {
    text = trimmed(text);
    if (text.empty()) return open;
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || std::isnan(value))
        throw Error(ErrorKind::usage,
                    fmt::format("'{}' is no range: give NAME=LOW:HIGH (either may be left out), or "
                                "NAME=CATEGORY|CATEGORY",
                                printable(all)));
    return value;
}

Constraints::Range read_range(std::string_view text, const Schema& schema) {
    size_t equals = text.find('=');
    while (equals != std::string_view::npos && !is_column(trimmed(text.substr(0, equals)), schema))
        equals = text.find('=', equals + 1);
    if (equals == std::string_view::npos)
        no_column(trimmed(text.substr(0, text.find('='))), schema);
    Constraints::Range range;
    range.feature = trimmed(text.substr(0, equals));
    const std::string_view value = text.substr(equals + 1);
    if (std::ranges::find(schema, range.feature, &Feature::name)->categorical()) {
        range.categories = parts(value, '|', {});
        return range;
    }
    const size_t colon = value.find(':');
    range.low = bound(value.substr(0, colon), range.low, text);
    range.high = colon == std::string_view::npos ? range.low
                                                 : bound(value.substr(colon + 1), range.high, text);
    if (!(range.low <= range.high))
        throw Error(ErrorKind::usage, fmt::format("the range '{}' is empty", printable(text)));
    return range;
}

std::string stem(const std::string& name) {
    const size_t at = name.find_last_of("_=:");
    return at == std::string::npos || at == 0 ? "" : name.substr(0, at);
}

}  // namespace

Constraints Constraints::parse(std::string_view fixed, std::string_view increasing,
                               std::string_view decreasing, std::string_view ranges,
                               const Schema& schema) {
    Constraints out;
    out.fixed = columns(fixed, schema);
    out.increasing = columns(increasing, schema);
    out.decreasing = columns(decreasing, schema);
    for (const std::string& one : parts(ranges, ',', schema))
        out.ranges.push_back(read_range(one, schema));
    return out;
}

std::vector<std::vector<std::string>> parse_one_hot(std::string_view text, const Schema& schema) {
    std::vector<std::vector<std::string>> out;
    for (const std::string& block : parts(text, ',', {})) {
        out.push_back(parts(block, '+', {}));
        for (const std::string& name : out.back())
            if (!is_column(name, schema)) no_column(name, schema);
        if (out.back().size() < 2)
            throw Error(
                ErrorKind::usage,
                fmt::format("a one-hot block has at least two columns, joined by '+'; '{}' has "
                            "one",
                            printable(block)));
    }
    return out;
}

std::vector<std::vector<std::string>> find_one_hot(const Schema& schema, const Tensor& data) {
    const std::span<const double> values = data.as<double>();
    const size_t width = schema.size(), rows = static_cast<size_t>(data.rows());
    const auto binary = [&](size_t c) {
        if (schema[c].categorical() || stem(schema[c].name).empty()) return false;
        for (size_t r = 0; r < rows; ++r)
            if (const double v = values[r * width + c]; v != 0 && v != 1) return false;
        return true;
    };
    std::vector<std::vector<std::string>> out;
    for (size_t first = 0; first < width;) {
        size_t end = first;
        while (end < width && binary(end) && stem(schema[end].name) == stem(schema[first].name))
            ++end;
        bool one = end - first >= 2 && rows > 0;
        for (size_t r = 0; one && r < rows; ++r) {
            double sum = 0;
            for (size_t c = first; c < end; ++c) sum += values[r * width + c];
            one = sum == 1;
        }
        if (one) {
            out.emplace_back();
            for (size_t c = first; c < end; ++c) out.back().push_back(schema[c].name);
        }
        first = std::max(end, first + 1);
    }
    return out;
}

}  // namespace whence
