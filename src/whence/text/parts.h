#pragma once
// The stages of a tokenizer. Private to this folder.
//
// text -> (added tokens cut out) -> Normalizer -> PreTokenizer -> TokenModel -> PostProcessor

#include <memory>
#include <unordered_map>

#include "whence/text/aligned.h"
#include "whence/text/json.h"
#include "whence/text/tokenizer.h"

namespace whence::text {

class Normalizer {
  public:
    virtual ~Normalizer() = default;
    virtual void apply(Chars& text) const = 0;
    /// Whether what it does to a part does not depend on what stands beyond a blank.
    [[nodiscard]] virtual bool separable() const { return false; }
};

class PreTokenizer {
  public:
    virtual ~PreTokenizer() = default;
    /// Cuts `piece` and appends its parts to `out`; empty parts are left out.
    virtual void cut(Aligned piece, std::vector<Aligned>& out) const = 0;
    /// Whether it cuts at every blank, drops the blanks, and then looks no further.
    [[nodiscard]] virtual bool separable() const { return false; }
};

/// Words to numbers and back.
class Vocabulary {
  public:
    /// Throws Error(input) for a word longer than 1024 bytes.
    void add(std::string word, int64_t id);
    [[nodiscard]] std::optional<int64_t> find(std::string_view word) const;
    [[nodiscard]] std::string word(int64_t id) const;
    [[nodiscard]] size_t longest() const { return longest_; }
    [[nodiscard]] size_t size() const { return ids_.size(); }

  private:
    struct Hash : std::hash<std::string_view> {
        using is_transparent = void;
    };
    std::unordered_map<std::string, int64_t, Hash, std::equal_to<>> ids_;
    std::unordered_map<int64_t, const std::string*> words_;
    size_t longest_ = 0;
};

/// What the post-processor adds or corrects, without padding.
class PostProcessor {
  public:
    virtual ~PostProcessor() = default;
    /// `text`: where the tokens stand; empty: their places do not matter.
    virtual void apply(std::vector<Token>& tokens, const Vocabulary& vocabulary,
                       std::string_view text) const = 0;
    [[nodiscard]] virtual int64_t added() const = 0;  ///< how many tokens it adds
};

/// A token of a piece, [begin, end) in bytes of the piece.
struct PieceToken {
    int64_t id;
    size_t begin, end;
};

class TokenModel {
  public:
    virtual ~TokenModel() = default;
    virtual void tokenize(std::string_view piece, std::vector<PieceToken>& out) const = 0;
    [[nodiscard]] const Vocabulary& vocabulary() const { return vocabulary_; }

  protected:
    explicit TokenModel(Vocabulary vocabulary) : vocabulary_(std::move(vocabulary)) {}
    Vocabulary vocabulary_;
};

/// Null for JSON null. `depth`: of sequences in sequences; too deep is Error(input).
[[nodiscard]] std::unique_ptr<Normalizer> read_normalizer(const Json& json, int depth = 0);
[[nodiscard]] std::unique_ptr<PreTokenizer> read_pre_tokenizer(const Json& json, int depth = 0);
[[nodiscard]] std::unique_ptr<PostProcessor> read_post_processor(const Json& json, int depth = 0);
[[nodiscard]] std::unique_ptr<TokenModel> read_model(const Json& json);

[[nodiscard]] std::unique_ptr<Normalizer> lowercase_normalizer();
/// Keeps what the expression matches, each match a piece.
[[nodiscard]] std::unique_ptr<PreTokenizer> keep_matches(std::string_view expression);
/// Whole pieces looked up; `unknown` absent: pieces that are not found are left out.
[[nodiscard]] std::unique_ptr<TokenModel> word_level(Vocabulary vocabulary,
                                                     std::optional<int64_t> unknown);
[[nodiscard]] std::unique_ptr<PostProcessor> surround(std::optional<int64_t> start,
                                                      std::optional<int64_t> end);

inline constexpr int deepest = 16;

/// The printable character that stands for a byte (GPT-2's table), and back for a space.
[[nodiscard]] char32_t byte_character(unsigned char byte);
/// Cuts as GPT-2's regular expression does; bytes of the pieces, which cover the text.
[[nodiscard]] std::vector<Span> gpt2_pieces(std::string_view text);

/// How matches become pieces.
enum class Behavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };
[[nodiscard]] Behavior read_behavior(const Json& json, Behavior otherwise);
/// Pieces of a text of `size` bytes in which `matches` (in order) were found.
[[nodiscard]] std::vector<Span> split_at(const std::vector<Span>& matches, int64_t size,
                                         Behavior behavior, bool invert);

}  // namespace whence::text
