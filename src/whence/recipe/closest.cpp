#include "whence/recipe/closest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <numeric>
#include <optional>
#include <utility>

#include "whence/core/error.h"

namespace whence::recipe {
namespace {

constexpr size_t most_suggestions = 3, longest_text = 64;

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        c = c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
}

// Letters to insert, delete or change (Levenshtein 1966), or neighbours to swap.
int64_t edits(std::string_view a, std::string_view b) {
    std::vector<int64_t> before(b.size() + 1), last(b.size() + 1), now(b.size() + 1);
    std::iota(last.begin(), last.end(), 0);
    for (size_t i = 1; i <= a.size(); ++i) {
        now[0] = static_cast<int64_t>(i);
        for (size_t j = 1; j <= b.size(); ++j) {
            now[j] = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = std::min(now[j], before[j - 2] + 1);
        }
        before = std::exchange(last, now);
    }
    return last[b.size()];
}

// Smaller is nearer; none: not near.
std::optional<int64_t> distance(const std::string& text, const std::string& name) {
    if (text == name) return 0;
    if (name.size() <= longest_text) {
        const int64_t count = edits(text, name);
        if (count <= std::max<int64_t>(1, static_cast<int64_t>(text.size()) / 3)) return count;
    }
    if (text.size() >= 3 && name.find(text) != std::string::npos)
        return 100 + static_cast<int64_t>(name.size());
    return std::nullopt;
}

}  // namespace

std::vector<std::string> closest(std::string_view text, std::span<const std::string> names) {
    if (text.empty() || text.size() > longest_text) return {};
    const std::string wanted = lower(text);
    std::vector<std::pair<int64_t, std::string>> near;
    for (const std::string& name : names)
        if (const auto found = distance(wanted, lower(name))) near.emplace_back(*found, name);
    std::ranges::stable_sort(near, {}, &std::pair<int64_t, std::string>::first);
    std::vector<std::string> out;
    for (size_t i = 0; i < std::min(near.size(), most_suggestions); ++i)
        out.push_back(near[i].second);
    return out;
}

std::string did_you_mean(std::string_view text, std::span<const std::string> names) {
    std::string out;
    for (const std::string& name : closest(text, names))
        out += fmt::format("{}'{}'", out.empty() ? "; did you mean " : " or ", printable(name, 60));
    return out.empty() ? out : out + "?";
}

}  // namespace whence::recipe
