#pragma once
// Which word of a text goes with which patch of a picture.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "whence/core/explanation.h"

namespace whence {

/// What pairs of a word and a patch contribute to the score of one picture and one text.
struct PairwiseExplanation {
    ExplainedText text;              ///< where the words stand; a part's feature is a row of `values`
    std::vector<std::string> words;  ///< of each row: a word, or a sign between words
    int64_t height = 0, width = 0;   ///< of the grid of patches
    Tensor values;                   ///< float64 [words, height * width], patches row by row
    /// The score, and what is left of it without what picture and text do together: the attribution
    /// error is stated for all pairs of tokens, those without a word or a patch included.
    TargetRecord target;
    Diagnostics diagnostics;
    Provenance provenance;
};

/// The words as an explanation of the text: each row summed over the patches named (none: all), in the
/// order of `words`. Throws Error(usage) for a patch that does not exist.
[[nodiscard]] Explanation of_words(const PairwiseExplanation& pairs,
                                   const std::vector<int64_t>& patches = {});
/// The patches as a map [1, 1, height, width] of the picture: each column summed over the words
/// named (none: all). Throws Error(usage) for a word that does not exist.
[[nodiscard]] Explanation of_patches(const PairwiseExplanation& pairs,
                                     const std::vector<int64_t>& words = {});

/// An explanation's JSON (docs/explanation-json.md) whose attribution's values have the shape [words,
/// height, width], with the words beside it ("words").
[[nodiscard]] std::string to_json(const PairwiseExplanation& pairs);
/// Throws Error(input) naming what is missing or wrong.
[[nodiscard]] PairwiseExplanation pairwise_from_json(std::string_view text);

}  // namespace whence
