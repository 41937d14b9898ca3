#include "whence/recipe/names.h"

#include <algorithm>

namespace whence::recipe {

std::vector<std::string> parse_names(std::string_view text) {
    std::vector<std::string> names;
    while (!text.empty()) {
        const size_t comma = std::min(text.find(','), text.size());
        std::string_view name = text.substr(0, comma);
        while (name.starts_with(' ')) name.remove_prefix(1);
        while (name.ends_with(' ')) name.remove_suffix(1);
        if (!name.empty()) names.emplace_back(name);
        text.remove_prefix(std::min(comma + 1, text.size()));
    }
    return names;
}

}  // namespace whence::recipe
