#pragma once
// Words as players, for every method that only asks; and what methods of tokens say, in words.

#include <memory>

#include "whence/core/explanation.h"
#include "whence/recipe/methods.h"
#include "whence/text/word_masker.h"

namespace whence {
struct Hierarchy;
}

namespace whence::recipe {

/// Options that say what the words of a text are and how they are switched off: bow, mask-string,
/// split-expression, char-level, mask-tokens. For the rows of methods that explain texts. `bow` is
/// the default of that option, `stand_in` what stands for a missing word where no mask-string is
/// given.
[[nodiscard]] std::vector<OptionSpec> word_options(bool bow = true,
                                                   std::string_view stand_in = "UNKWORDZ");
/// `options`, then those of word_options().
[[nodiscard]] std::vector<OptionSpec> with_word_options(std::vector<OptionSpec> options);

/// A text as a game: the model that is asked, its input, and who the players are. `model` refers
/// to the subject of the task, which must outlive it.
struct TextPlayers {
    text::Words words;
    std::unique_ptr<const Model> own_model;  ///< of texts; none where tokens are masked
    const Model* model;
    Batch input;
    std::unique_ptr<const Masker> masker;
    std::string hidden;  ///< what stands for a missing word, in words
};
/// For a task whose input is a text and whose method has word_options. Throws Error(usage) for
/// options that exclude each other, Error(input) for a text without words.
[[nodiscard]] TextPlayers text_players(const Task& task, std::string_view stand_in = "UNKWORDZ");

/// Words that are parted by less are joined first: by blanks, by a comma or its like, by the end of
/// a sentence, by the end of a paragraph. A word that stands in several places belongs to its
/// first.
[[nodiscard]] Hierarchy word_hierarchy(const text::Words& words);

/// Writes down where the words stand.
void place_words(const text::Words& words, Attribution& attribution);

/// What becomes of tokens that stand for no part of a text: its start, its end, padding.
enum class SpecialTokens { kept, left_out };

/// Values of tokens (or of their embeddings, [1, tokens, features]: summed) become values of words:
/// each word has the sum of its tokens, tokens of no word (special ones, punctuation) their own.
void tokens_to_words(const TextInput& text, Attribution& attribution,
                     SpecialTokens special = SpecialTokens::kept);

/// The tensor of word embeddings: what the first table gives for the tokens. Throws
/// Error(unsupported) where there is none.
[[nodiscard]] std::string word_embedding(const Subject& subject);

/// The tokens with padding in place of every token of the text, those around it kept: int64
/// [1, tokens].
[[nodiscard]] Tensor padded_tokens(const Subject& subject, const Input& input);

}  // namespace whence::recipe
