#pragma once
// Words that are switched off by rewriting the text.

#include "whence/mask/masker.h"
#include "whence/text/words.h"

namespace whence::text {

/// Writes texts: the words that are there, and everything between words. Words that are missing are
/// left out, or stand as `mask_string`. The tensor it writes holds strings [rows] (or [rows, 1]).
class WordMasker final : public Masker {
  public:
    /// `input_name`: the tensor that is explained.
    explicit WordMasker(Words words, std::optional<std::string> mask_string = std::nullopt,
                        std::string input_name = "text");

    [[nodiscard]] int64_t players() const override { return words_.players(); }
    [[nodiscard]] const std::vector<std::string>& names() const override { return words_.names; }
    void apply(MatrixView<const uint8_t> present, int64_t first, Batch& rows,
               const Run& run) const override;

    [[nodiscard]] const Words& words() const { return words_; }
    /// One text.
    [[nodiscard]] std::string masked(std::span<const uint8_t> present) const;

  private:
    void write(const uint8_t* present, std::string& out) const;
    Words words_;
    std::optional<std::string> mask_string_;
    std::string input_name_;
};

/// Words that are switched off in the tokens: a missing word's tokens become `hidden` (the mask or
/// padding token). Faster than rewriting, for nothing is tokenised again, and not the same: the
/// number of tokens stays. `ids`: one row of whole numbers as the model reads them, as long as
/// `tokens`. Throws Error(input) where a word has no token (it was cut off).
[[nodiscard]] LabelMasker token_masker(std::string input_name, const Tensor& ids,
                                       const Words& words, const std::vector<Token>& tokens,
                                       int64_t hidden);

}  // namespace whence::text
