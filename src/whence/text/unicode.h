#pragma once
// What Unicode says of a character, from ICU's tables. Private to this folder.

#include "whence/text/aligned.h"

namespace whence::text {

[[nodiscard]] bool is_space(char32_t c);   ///< property White_Space
[[nodiscard]] bool is_letter(char32_t c);  ///< category L
[[nodiscard]] bool is_number(char32_t c);  ///< category N
[[nodiscard]] bool is_mark(char32_t c);    ///< category M
[[nodiscard]] bool is_nonspacing_mark(char32_t c);
[[nodiscard]] bool is_word_character(char32_t c);    ///< \w: letters, marks, digits, connectors
[[nodiscard]] bool is_bert_control(char32_t c);      ///< category C but tab, newline, return
[[nodiscard]] bool is_bert_punctuation(char32_t c);  ///< ASCII punctuation and category P
[[nodiscard]] bool is_cjk(char32_t c);               ///< ideographs as BERT's tokenizer lists them

/// The lower case of one character, without its neighbours (one or two characters).
void append_lowercase(const Char& c, Chars& out);

enum class NormalForm { nfc, nfd, nfkc, nfkd };
/// A decomposed part lies where the whole lay; what is composed lies where its first part lay.
void normalize(NormalForm form, Chars& text);

}  // namespace whence::text
