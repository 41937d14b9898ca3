#pragma once
// The words of a text: the players that explanations switch off.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "whence/text/tokenizer.h"

namespace whence::text {

struct WordOptions {
    /// What parts words, a regular expression as Python's re reads it.
    std::string split_expression = "\\W+";
    /// A word is one player however often it stands there; else each place is its own.
    bool bow = true;
    /// Every character is a word, blanks too; split_expression is not used.
    bool char_level = false;
};

/// As lime's IndexedString and IndexedCharacters (lime 0.2.0.1) see a text.
struct Words {
    /// A word, or what stands between two. Parts cover the text.
    struct Part {
        Span place;
        int32_t player = -1;  ///< -1: between words, always there
    };
    std::string text;
    std::vector<std::string> names;  ///< of each player: the word itself
    std::vector<Part> parts;

    [[nodiscard]] int64_t players() const { return static_cast<int64_t>(names.size()); }
};

/// `text` must be UTF-8; at most 16 MiB. Throws Error(input) for an expression that is none.
[[nodiscard]] Words split_words(std::string text, const WordOptions& options = {});

/// The player that each token belongs to: the one whose word it begins in, or, of a token that
/// begins between words, the first it reaches into. -1 for tokens of no word (special tokens,
/// punctuation, padding).
[[nodiscard]] std::vector<int32_t> players_of_tokens(const Words& words,
                                                     const std::vector<Token>& tokens);

}  // namespace whence::text
