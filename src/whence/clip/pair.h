#pragma once
// A CLIP-style model: an encoder of pictures and an encoder of texts into one space, where the
// cosine of two embeddings says how well a picture and a text match.

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "whence/clip/folder.h"
#include "whence/core/run.h"
#include "whence/data/image.h"
#include "whence/runtime/onnx_model.h"
#include "whence/text/text_model.h"

namespace whence::clip {

/// A picture that could not be read or prepared.
struct Unreadable {
    size_t index = 0;    ///< among those asked for
    std::string reason;  ///< one line that names it
};

struct ImageEmbeddings {
    Tensor values;  ///< float32 [n, width], rows of length 1; zeros for what could not be read
    std::vector<Unreadable> unreadable;  ///< by index, ascending
};

struct TextEmbeddings {
    Tensor values;            ///< float32 [n, width], rows of length 1
    std::vector<size_t> cut;  ///< texts longer than the context: what is over was not read
};

/// The picture of that number. Throws Error(io), Error(input) or Error(limit) where it cannot be
/// read.
using ReadImage = std::function<data::Image(size_t index)>;
/// Embeddings of pictures first, first + 1, ...; indices of the unreadable count from the very
/// first.
using TakeImages = std::function<void(size_t first, const ImageEmbeddings& embeddings)>;

/// Both encoders with what lies between a file or a text and their inputs. Copies share everything.
/// Safe from several threads. Answers to one picture or text do not depend on the others asked with
/// it beyond the rounding of sums, nor on the number of threads at all.
class Pair {
  public:
    /// See read_folder for what is recognised. `threads` as OnnxModelOptions says; `run` stops
    /// loading. Throws as read_folder and OnnxModel::load, Error(input) where inputs and outputs of
    /// an encoder are not those of one, or the two do not embed in equally many dimensions.
    static Pair load(const std::filesystem::path& folder, int threads = 0, const Run& run = {});

    [[nodiscard]] const std::filesystem::path& folder() const;
    /// Dimensions of the space.
    [[nodiscard]] int64_t width() const;
    /// score(picture, text) = logit_scale * cosine + logit_bias, of which the activation makes
    /// confidences.
    [[nodiscard]] double logit_scale() const;
    [[nodiscard]] double logit_bias() const;
    [[nodiscard]] Activation activation() const;
    /// SHA-256 over both encoders with their weights, the tokenizer and the preprocessing: equal
    /// for models whose embeddings may be compared.
    [[nodiscard]] const std::string& fingerprint() const;
    /// What the folder did not say, and what stands for it.
    [[nodiscard]] const std::vector<std::string>& notes() const;
    /// How pictures are prepared, with the size the encoder reads; `image` of it says all.
    [[nodiscard]] const data::Preprocessing& preprocessing() const;
    /// How texts become the text encoder's inputs.
    [[nodiscard]] const text::TextEncoder& token_encoder() const;
    /// Most tokens of a text, those around it included.
    [[nodiscard]] int64_t context() const;
    /// The encoders as models: pixels [N, H, W, C] in [0, 1], or tokens, to embeddings [N, width]
    /// as the file gives them, of any length.
    [[nodiscard]] const OnnxModel& image_encoder() const;
    [[nodiscard]] const OnnxModel& text_encoder() const;

    /// Pictures are read and prepared on all threads while others are encoded; `take` is called
    /// from the caller's thread, batch by batch in order, so that what was taken is safe when a run
    /// is stopped. Throws Error(model) where the encoder answers NaN.
    void embed_images(size_t count, const ReadImage& read, const TakeImages& take,
                      const Run& run) const;
    [[nodiscard]] ImageEmbeddings embed_images(std::span<const std::filesystem::path> files,
                                               const Run& run = {}) const;
    [[nodiscard]] ImageEmbeddings embed_images(std::span<const data::Image> images,
                                               const Run& run = {}) const;
    /// Throws Error(input) for text that is not UTF-8.
    [[nodiscard]] TextEmbeddings embed_texts(std::span<const std::string> texts,
                                             const Run& run = {}) const;

    /// The image encoder with these texts in its graph: reads pixels [N, H, W, C] in [0, 1] and
    /// answers "logits" [N, K] = logit_scale * cosine + logit_bias with each text. An ordinary
    /// model: every method works on it. `texts` are embeddings, float32 [K, width], of length 1.
    [[nodiscard]] std::shared_ptr<const OnnxModel> image_model(const Tensor& texts,
                                                               const Run& run = {}) const;
    /// Likewise the text encoder with pictures: reads input_ids (and attention_mask).
    [[nodiscard]] std::shared_ptr<const OnnxModel> text_model(const Tensor& images,
                                                              const Run& run = {}) const;

  private:
    struct State;
    explicit Pair(std::shared_ptr<const State> state) : state_(std::move(state)) {}
    std::shared_ptr<const State> state_;
};

/// logits [n, K] of unit embeddings of one side [n, width] with those of the other [K, width], in
/// double.
[[nodiscard]] std::vector<double> logits_of(const Pair& pair, const Tensor& ones,
                                            const Tensor& others);
/// Confidences of logits [n, K], row by row: softmax over the row, or the sigmoid of each.
[[nodiscard]] std::vector<double> confidences_of(Activation activation, std::vector<double> logits,
                                                 size_t columns);

}  // namespace whence::clip
