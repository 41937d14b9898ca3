#pragma once
// Tokenizers as Hugging Face's tokenizer.json describes them, and plain vocabularies: text in,
// numbers out, each with the place in the text it came from.
//
// Read are normalizers (BertNormalizer, NFC, NFD, NFKC, NFKD, Lowercase, Strip, StripAccents,
// Replace, Prepend, ByteLevel, Sequence), pre-tokenizers (BertPreTokenizer, ByteLevel, Whitespace,
// WhitespaceSplit, Split, Punctuation, Digits, Metaspace, CharDelimiterSplit, Sequence), models
// (WordPiece, BPE, Unigram, WordLevel), post-processors (TemplateProcessing, BertProcessing,
// RobertaProcessing, ByteLevel, Sequence), added tokens, truncation and padding. What else a file
// asks for is Error(unsupported) with its name: numbers that are almost right would be worse.
// Results equal those of the tokenizers package 0.23.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace whence::text {

/// [begin, end) in bytes.
struct Span {
    int64_t begin = 0, end = 0;
    friend bool operator==(const Span&, const Span&) = default;
};

struct Token {
    int64_t id = 0;
    int64_t type = 0;      ///< segment, for models that read two texts
    Span place;            ///< in the text; [0, 0) for tokens that do not stand in it
    bool special = false;  ///< put there by the post-processor or by padding
    bool padding = false;
};

/// How many tokens there are to be.
struct Length {
    int64_t most = 0;   ///< cut to at most this many, special tokens included; 0: as they are
    int64_t least = 0;  ///< padded to at least this many
    friend bool operator==(const Length&, const Length&) = default;
};

/// A vocabulary for networks that average or sum embeddings of words: words are what `words`
/// matches, each is looked up.
struct VocabularyOptions {
    std::string words = "[\\p{L}\\p{N}']+";  ///< regular expression, after lowercase
    bool lowercase = true;
    std::string start, end;  ///< tokens around the text; empty: none
    std::string unknown;     ///< token of unknown words; empty: they are left out
    std::string pad;         ///< token that fills the end; empty: number 0
};

class TokenizerParts;

class Tokenizer {
  public:
    /// Throws Error(input) for a file that is broken, Error(unsupported) for parts that are not
    /// known, Error(limit) for more than 128 MiB.
    static Tokenizer read(const std::filesystem::path& path);
    static Tokenizer from_json(std::string_view json);
    /// Each line of the file: a word and, after a blank, its number; without numbers lines count
    /// from 0.
    static Tokenizer read_vocabulary(const std::filesystem::path& path,
                                     const VocabularyOptions& options);
    static Tokenizer vocabulary(std::string_view lines, const VocabularyOptions& options);

    /// Throws Error(input), naming the first wrong byte, for text that is not UTF-8, Error(limit)
    /// for more than 64 MiB. Safe from several threads.
    [[nodiscard]] std::vector<Token> encode(std::string_view text) const;
    [[nodiscard]] std::vector<Token> encode(std::string_view text, const Length& length) const;

    /// What the file says of truncation and fixed padding.
    [[nodiscard]] Length length() const;
    /// The token that pads: what the file says, else a token called [PAD], <pad>, <PAD> or
    /// <|endoftext|>, else number 0.
    [[nodiscard]] int64_t pad_id() const;
    [[nodiscard]] bool pads_left() const;
    [[nodiscard]] bool cuts_left() const;
    /// The token [MASK], <mask> or <MASK>, for models that were trained with one.
    [[nodiscard]] std::optional<int64_t> mask_id() const;
    /// The token as the vocabulary writes it; empty for a number it does not have.
    [[nodiscard]] std::string token(int64_t id) const;
    [[nodiscard]] std::optional<int64_t> id_of(std::string_view token) const;
    /// Whether the tokens of a text are those of its parts between blanks, one part after the
    /// other, so that parts may be remembered.
    [[nodiscard]] bool separable() const;
    /// The tokens of a text before any are added around it, cut or padded.
    [[nodiscard]] std::vector<Token> encode_part(std::string_view text) const;
    /// Adds what belongs around the tokens of a text, cuts and pads. Without the text places keep
    /// the blanks that some tokenizers trim.
    [[nodiscard]] std::vector<Token> finished(std::vector<Token> tokens, const Length& length,
                                              std::string_view text = {}) const;

  private:
    explicit Tokenizer(std::shared_ptr<const TokenizerParts> parts) : parts_(std::move(parts)) {}
    std::shared_ptr<const TokenizerParts> parts_;
};

}  // namespace whence::text
