#pragma once
// Regular expressions over UTF-8 (ICU), and cutting text where they match.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "whence/text/tokenizer.h"

namespace whence::text {

/// Whose \w and \s an expression means.
enum class Dialect {
    oniguruma,  ///< of tokenizer files: \s is White_Space
    python,     ///< of Python's re: \w is letters, numbers and _
};

/// A regular expression, or a string that is looked for as it is. Matching is bounded in time and
/// memory: an expression that backtracks without end is Error(limit).
class Pattern {
  public:
    /// Throws Error(input) saying what is wrong with it.
    Pattern(std::string_view expression, Dialect dialect);
    static Pattern literal(std::string text);

    /// Bytes of the matches that are not empty, in order. `text` must be valid UTF-8.
    [[nodiscard]] std::vector<Span> matches(std::string_view text) const;

  private:
    Pattern() = default;
    std::shared_ptr<const void> compiled_;  // URegularExpression
    std::string literal_;
};

}  // namespace whence::text
