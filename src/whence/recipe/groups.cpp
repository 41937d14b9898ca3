#include "whence/recipe/groups.h"

#include <algorithm>
#include <charconv>

#include "whence/core/error.h"
#include "whence/recipe/closest.h"
#include "whence/recipe/names.h"

namespace whence::recipe {
namespace {

int64_t column_named(const Schema& schema, const std::string& text) {
    std::vector<std::string> names;
    for (const Feature& feature : schema) names.push_back(feature.name);
    const auto found = std::ranges::find(names, text);
    if (found != names.end()) return found - names.begin();
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size() && number >= 0 &&
        number < static_cast<int64_t>(names.size()))
        return number;
    throw Error(ErrorKind::usage,
                "groups: no column '" + printable(text) + "'" + did_you_mean(text, names));
}

}  // namespace

OptionSpec groups_option() {
    return {{"groups", std::string()},
            "tables: columns that are one feature, as in \"sex: sex_f, sex_m; a, b\""};
}

std::vector<ColumnGroup> parse_groups(const std::string& text, const Schema& schema) {
    std::vector<ColumnGroup> groups;
    for (size_t begin = 0; begin <= text.size();) {
        const size_t end = std::min(text.find(';', begin), text.size());
        const std::string part = text.substr(begin, end - begin);
        begin = end + 1;
        const size_t colon = part.find(':');
        const bool named = colon != std::string::npos;
        const std::vector<std::string> columns = parse_names(named ? part.substr(colon + 1) : part);
        if (columns.empty()) continue;
        ColumnGroup group;
        for (const std::string& column : columns) {
            group.name += (group.name.empty() ? "" : " + ") + column;
            group.columns.push_back(column_named(schema, column));
        }
        if (named) {
            const std::vector<std::string> name = parse_names(part.substr(0, colon));
            if (!name.empty()) group.name = name[0];
        }
        groups.push_back(std::move(group));
    }
    return groups;
}

}  // namespace whence::recipe
