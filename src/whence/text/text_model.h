#pragma once
// A model of numbered tokens as a model of texts, so that methods need to know one shape of text.

#include <memory>
#include <span>

#include "whence/core/model.h"
#include "whence/text/tokenizer.h"

namespace whence::text {

/// Which inputs of a model hold what. Empty names are found: ids is called input_ids, ids, tokens
/// or is the only input of whole numbers; mask attention_mask or input_mask; types token_type_ids
/// or segment_ids.
struct TextInputs {
    std::string ids, mask, types;
    /// Most tokens of a text; 0: as the tokenizer's file says, else 512. A model whose input has a
    /// fixed length says itself.
    int64_t max_length = 0;
};

/// How a text becomes the inputs of one model. Without a tokenizer the model reads strings itself.
class TextEncoder {
  public:
    /// Throws Error(input) where an input of the model is none of those above, naming it.
    TextEncoder(std::optional<Tokenizer> tokenizer, TextInputs names,
                const std::vector<TensorInfo>& inputs);

    /// The model's inputs for these texts, one row each, `length` tokens wide (0: as many as the
    /// longest has; models of a fixed length have that). Throws as Tokenizer::encode.
    [[nodiscard]] Batch encode(std::span<const std::string> texts, int64_t length = 0) const;
    [[nodiscard]] Batch encode(const std::string& text) const { return encode({&text, 1}); }
    /// The tokens of a text as encode makes them; empty for a model that reads strings.
    [[nodiscard]] std::vector<Token> tokens(const std::string& text) const;

    /// nullptr: the model reads strings.
    [[nodiscard]] const Tokenizer* tokenizer() const { return tokenizer_ ? &*tokenizer_ : nullptr; }
    [[nodiscard]] const std::string& ids_name() const { return names_.ids; }
    /// Tokens of every row; 0 where the model takes any number.
    [[nodiscard]] int64_t fixed_length() const { return fixed_; }
    [[nodiscard]] int64_t max_length() const { return most_; }
    /// Whether the text has more tokens than max_length: what is over is not read.
    [[nodiscard]] bool cuts(const std::string& text) const;
    /// What stands for a token that says nothing: padding, unless it also ends texts (CLIP's does, and its
    /// encoder would take the first for the end): then number 0, with which CLIP's authors pad.
    [[nodiscard]] int64_t filler_id() const;
    /// What stands for a missing token: the mask token, else the filler.
    [[nodiscard]] int64_t hidden_id() const;

  private:
    friend class TextModel;
    struct Input {
        enum class Role { ids, mask, types, text } role;
        TensorInfo info;
    };
    [[nodiscard]] Input::Role role_of(const TensorInfo& info,
                                      const std::vector<TensorInfo>& inputs) const;
    [[nodiscard]] Tensor filled(const Input& input, std::span<const std::vector<int64_t>> rows,
                                int64_t length) const;
    [[nodiscard]] Batch from_ids(std::span<const std::vector<int64_t>> rows, int64_t length) const;
    /// The numbers of a text, cut, with the special tokens, not padded.
    [[nodiscard]] std::vector<int64_t> framed(std::span<const int64_t> ids) const;

    std::optional<Tokenizer> tokenizer_;
    TextInputs names_;
    std::vector<Input> inputs_;
    int64_t fixed_ = 0, most_ = 0;
    // What the tokenizer puts around a text, and their types; the text's own type.
    std::vector<Token> before_, after_;
    int64_t type_ = 0;
};

/// Reads "text", strings [rows], and answers as `inner` does.
///
/// A row's answer depends on that row alone: texts of a model without a fixed length are padded to
/// the next multiple of 16 where the model has a mask, else not at all, and those of one length are
/// asked together. Outputs whose size depends on the length are left out where lengths differ.
/// Parts of a text between blanks are tokenised once and remembered where the tokenizer allows it
/// (Tokenizer::separable): texts that differ in some words cost little more than their copies.
class TextModel final : public Model {
  public:
    /// Both must outlive it.
    TextModel(const Model& inner, const TextEncoder& encoder);
    ~TextModel() override;

    [[nodiscard]] const std::vector<TensorInfo>& inputs() const override { return inputs_; }
    [[nodiscard]] const std::vector<TensorInfo>& outputs() const override {
        return inner_.outputs();
    }
    [[nodiscard]] Batch predict(const Batch& inputs, const Run& run) const override;
    [[nodiscard]] int concurrency() const override { return inner_.concurrency(); }
    [[nodiscard]] int64_t preferred_batch() const override { return inner_.preferred_batch(); }

  private:
    class Memory;
    [[nodiscard]] std::vector<int64_t> ids_of(const std::string& text) const;
    [[nodiscard]] Batch by_length(std::span<const std::vector<int64_t>> rows, const Run& run) const;

    const Model& inner_;
    const TextEncoder& encoder_;
    std::vector<TensorInfo> inputs_;
    std::unique_ptr<Memory> memory_;  // none where parts cannot be remembered
};

}  // namespace whence::text
