#pragma once
// An explanation in a few sentences for someone outside the field, in English, Russian or Chinese.

#include <string>
#include <string_view>

#include "whence/core/explanation.h"

namespace whence::render {

enum class Language { english, russian, chinese };

/// "en", "ru", "zh".
[[nodiscard]] std::string_view name(Language language);
/// Throws Error(usage) naming the choices.
[[nodiscard]] Language parse_language(std::string_view text);

/// One paragraph: what the model says, compared with what, what raised and lowered it most, the rule
/// or the changes where the method found those, how far to trust it, and that it speaks of the model
/// and not of causes. Every number is one of the explanation's, rounded as in the figures (with a
/// decimal point in every language, so that text and figures read alike). Sentences are chosen by
/// what the explanation holds; nothing is said that its values do not carry.
[[nodiscard]] std::string in_words(const Explanation& explanation,
                                   Language language = Language::english);

}  // namespace whence::render
