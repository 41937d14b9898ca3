#include "whence/text/added_tokens.h"

#include <algorithm>

#include "whence/text/unicode.h"

namespace whence::text {
namespace {

size_t last_character(std::string_view text) {
    size_t at = text.size() - 1;
    while ((static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
    return at;
}

char32_t last_code_point(std::string_view text) {
    size_t at = last_character(text);
    return next_code_point(text, at);
}

bool ends_with_word(std::string_view text) {
    return !text.empty() && is_word_character(last_code_point(text));
}

bool starts_with_word(std::string_view text) {
    size_t at = 0;
    return !text.empty() && is_word_character(next_code_point(text, at));
}

size_t without_blanks_at_end(std::string_view text) {
    while (!text.empty() && is_space(last_code_point(text)))
        text = text.substr(0, last_character(text));
    return text.size();
}

size_t blanks_at_start(std::string_view text) {
    size_t end = 0;
    for (size_t at = 0; at < text.size() && is_space(next_code_point(text, at));) end = at;
    return end;
}

}  // namespace

void AddedTokens::add(AddedToken token) {
    if (token.content.empty()) return;
    std::vector<size_t>& lengths = lengths_by_first_[static_cast<unsigned char>(token.content[0])];
    const size_t length = token.content.size();
    const auto at = std::ranges::lower_bound(lengths, length, std::greater<>{});
    if (at == lengths.end() || *at != length) lengths.insert(at, length);
    std::string content = token.content;
    by_content_.insert_or_assign(std::move(content), std::move(token));
}

const AddedToken* AddedTokens::longest_at(std::string_view text, size_t at) const {
    for (const size_t length : lengths_by_first_[static_cast<unsigned char>(text[at])]) {
        if (length > text.size() - at) continue;
        const auto found = by_content_.find(std::string(text.substr(at, length)));
        if (found != by_content_.end()) return &found->second;
    }
    return nullptr;
}

std::vector<AddedTokens::Found> AddedTokens::find(std::string_view text) const {
    std::vector<Found> out;
    size_t done = 0;
    const auto cover = [&](size_t begin, size_t end, const AddedToken* token) {
        if (begin < end || token)
            out.push_back({{static_cast<int64_t>(begin), static_cast<int64_t>(end)}, token});
    };
    for (size_t at = 0; !empty() && at < text.size();) {
        const AddedToken* token = longest_at(text, at);
        if (!token) {
            ++at;
            continue;
        }
        size_t begin = at, end = at + token->content.size();
        at = end;
        if (token->single_word &&
            (ends_with_word(text.substr(0, begin)) || starts_with_word(text.substr(end))))
            continue;
        if (token->strip_left) begin = std::max(done, without_blanks_at_end(text.substr(0, begin)));
        if (token->strip_right) end += blanks_at_start(text.substr(end));
        begin = std::max(begin, done);
        if (end <= done) continue;
        cover(done, begin, nullptr);
        cover(begin, end, token);
        done = end;
        at = std::max(at, end);
    }
    cover(done, text.size(), nullptr);
    return out;
}

bool AddedTokens::separable() const {
    return std::ranges::all_of(by_content_, [](const auto& entry) {
        return !entry.second.normalized &&
               entry.second.content.find_first_of(" \t\n\r") == std::string::npos;
    });
}

}  // namespace whence::text
