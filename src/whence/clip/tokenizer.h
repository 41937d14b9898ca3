#pragma once
// The tokenizer of a CLIP model, in whichever of its usual forms a folder holds it.

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

#include "whence/text/tokenizer.h"

namespace whence::clip {

/// The first of these that the folder holds:
///
///   tokenizer.json                              read as it is (CLIP's, SigLIP's, any other)
///   vocab.json and merges.txt                   CLIP's byte-pair encoding
///   bpe_simple_vocab_16e6.txt, as it is or .gz  the same as its authors publish it
///
/// Tokens equal those of the tokenizers package with these files. Throws Error(io) naming what was
/// looked for where there is none, Error(input) for files that are damaged or do not fit together.
[[nodiscard]] text::Tokenizer read_tokenizer(const std::filesystem::path& folder);

/// CLIP's byte-pair encoding (Radford et al. 2021) of 77 tokens: text is brought to NFC and lower
/// case, blanks are joined, words end in </w>, and <|startoftext|> and <|endoftext|> stand around
/// them. `vocabulary` is the JSON that numbers the tokens, `merges` a pair on each line, the first
/// merged first, after a line that begins with #version.
[[nodiscard]] text::Tokenizer tokenizer_of(std::string_view vocabulary, std::string_view merges);

/// The text of bpe_simple_vocab_16e6.txt: a line of no meaning, then merges, of which the first
/// 48 894 count. The vocabulary follows from them: 256 bytes, the same at the end of a word, what
/// merges make, <|startoftext|>, <|endoftext|>.
[[nodiscard]] text::Tokenizer tokenizer_of(std::string_view merges_of_the_authors);

}  // namespace whence::clip
