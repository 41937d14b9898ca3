#pragma once
// A plain check that tags nest: enough to catch an unescaped name or a forgotten end.

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace whence::render::test {

/// Empty if every tag is closed in order and attributes are quoted; else what is wrong. Elements of
/// HTML that have no end and the contents of <style> are known.
inline std::string markup_fault(std::string_view text) {
    constexpr std::array<std::string_view, 4> without_end = {"meta", "img", "br", "link"};
    std::vector<std::string> open;
    for (size_t at = text.find('<'); at != std::string_view::npos; at = text.find('<', at)) {
        size_t end = at + 1;
        for (char quote = 0; end < text.size() && (quote || text[end] != '>'); ++end) {
            if (quote ? text[end] == quote : text[end] == '"') quote = quote ? 0 : text[end];
            if (text[end] == '<') return "< inside a tag: " + std::string(text.substr(at, 60));
        }
        if (end >= text.size()) return "a tag never ends";
        const std::string_view tag = text.substr(at + 1, end - at - 1);
        at = end + 1;
        if (tag.empty()) return "an empty tag";
        if (tag[0] == '!' || tag[0] == '?' || tag.back() == '/') continue;
        const size_t skip = tag[0] == '/' ? 1 : 0;
        const std::string name(tag.substr(skip, tag.find_first_of(" \n", skip) - skip));
        if (std::ranges::find(without_end, name) != without_end.end()) continue;
        if (skip == 0) {
            open.push_back(name);
            if (name == "style") at = text.find("</style>", at);
        } else if (open.empty() || open.back() != name) {
            return "</" + name + "> closes " + (open.empty() ? "nothing" : open.back());
        } else {
            open.pop_back();
        }
    }
    return open.empty() ? "" : "never closed: " + open.back();
}

}  // namespace whence::render::test
