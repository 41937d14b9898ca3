#pragma once
// Tokens that are found in the text as they are, before anything else looks at it. Private to this
// folder.

#include <unordered_map>

#include "whence/text/parts.h"

namespace whence::text {

struct AddedToken {
    std::string content;
    int64_t id = 0;
    bool single_word = false;                      ///< only where no word character touches it
    bool strip_left = false, strip_right = false;  ///< takes the blanks at that side too
    bool normalized = false;                       ///< looked for in the normalised text
    bool special = false;
};

/// Where tokens of one kind stand in a text.
class AddedTokens {
  public:
    void add(AddedToken token);
    struct Found {
        Span place;
        const AddedToken* token;  ///< null: text between tokens
    };
    /// Covers the text: the leftmost, of those the longest.
    [[nodiscard]] std::vector<Found> find(std::string_view text) const;
    [[nodiscard]] bool empty() const { return by_content_.empty(); }
    /// None holds or takes a blank.
    [[nodiscard]] bool separable() const;

  private:
    [[nodiscard]] const AddedToken* longest_at(std::string_view text, size_t at) const;
    std::unordered_map<std::string, AddedToken> by_content_;
    std::vector<size_t> lengths_by_first_[256];  // falling
};

}  // namespace whence::text
