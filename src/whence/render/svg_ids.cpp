#include "whence/render/svg_ids.h"

#include <map>
#include <string>

#include "whence/render/escape.h"

namespace whence::render {
namespace {

// Every place where Cairo writes an id or refers to one.
constexpr std::string_view id_marks[] = {"id=\"", "href=\"#", "url(#"};

// Length of the mark that `text` starts with; 0 if it starts with none.
size_t mark_length(std::string_view text) {
    for (const std::string_view mark : id_marks)
        if (text.starts_with(mark)) return mark.size();
    return 0;
}

std::string renumbered(std::string_view svg) {
    std::map<std::string, std::string, std::less<>> names;
    std::string out;
    out.reserve(svg.size());
    for (size_t at = 0; at < svg.size();) {
        const size_t mark = mark_length(svg.substr(at));
        if (mark == 0) {
            out += svg[at++];
            continue;
        }
        const size_t first = at + mark;
        const std::string_view id = svg.substr(first, svg.find_first_of("\")", first) - first);
        const auto [entry, added] = names.try_emplace(std::string(id), "");
        if (added) entry->second.append("w").append(std::to_string(names.size() - 1));
        out.append(svg.substr(at, mark)).append(entry->second);
        at = first + id.size();
    }
    return out;
}

}  // namespace

std::vector<std::byte> tidied_svg(std::span<const std::byte> svg, std::string_view title,
                                  std::string_view description) {
    std::string text = renumbered({reinterpret_cast<const char*>(svg.data()), svg.size()});
    const size_t root = text.find("<svg ");
    const size_t end = text.find('>', root);
    text.insert(end + 1, "\n<title>" + escaped(title) + "</title>\n<desc>" + escaped(description) +
                             "</desc>");
    text.insert(root + 5, "role=\"img\" ");
    const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
    return {bytes, bytes + text.size()};
}

}  // namespace whence::render
