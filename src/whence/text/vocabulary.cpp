#include "whence/text/parts.h"

namespace whence::text {
namespace {

constexpr size_t longest_word = 1024;

}  // namespace

void Vocabulary::add(std::string word, int64_t id) {
    if (word.size() > longest_word)
        wrong(
            fmt::format("a token of {} bytes; the longest may have {}", word.size(), longest_word));
    longest_ = std::max(longest_, word.size());
    const auto [at, added] = ids_.try_emplace(std::move(word), id);
    if (!added) at->second = id;
    words_[id] = &at->first;
}

std::optional<int64_t> Vocabulary::find(std::string_view word) const {
    const auto found = ids_.find(word);
    return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

std::string Vocabulary::word(int64_t id) const {
    const auto found = words_.find(id);
    return found == words_.end() ? "" : *found->second;
}

}  // namespace whence::text
