#pragma once
// What a folder with the two encoders of a CLIP-style model holds, in the forms in which the usual
// tools write it. Nothing is run here.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "whence/data/preprocessing.h"
#include "whence/text/tokenizer.h"

namespace whence::clip {

/// How scores of texts become confidences.
enum class Activation {
    softmax,  ///< CLIP: the texts compete (Radford et al. 2021)
    sigmoid,  ///< SigLIP: each text is judged alone (Zhai et al. 2023)
};
/// "softmax", "sigmoid".
[[nodiscard]] std::string_view name(Activation activation);

struct Folder {
    std::filesystem::path path;
    /// The encoders; one file twice where it holds both.
    std::filesystem::path image_file, text_file;
    text::Tokenizer tokenizer;
    std::string tokenizer_sha256;  ///< of its files
    /// How pictures are prepared. Sizes are 0 where no file says them.
    data::ImagePreprocessing picture;
    int64_t context = 0;      ///< most tokens of a text
    bool pads_texts = false;  ///< every text is padded to the context: the encoder has no mask
    Activation activation = Activation::softmax;
    /// scores = logit_scale * cosine + logit_bias; none where no file says them.
    std::optional<double> logit_scale, logit_bias;
    std::vector<std::string> notes;  ///< what was not found, and what stands for it

    [[nodiscard]] bool one_file() const { return image_file == text_file; }
};

/// Recognised are, in this order:
///
///   vision_model.onnx and text_model.onnx     (optimum, transformers.js; also in onnx/)
///   visual.onnx and textual.onnx              (clip-as-service; also in onnx/)
///   visual/model.onnx and textual/model.onnx  (immich)
///   image_encoder.onnx and text_encoder.onnx  (also in onnx/)
///   model.onnx of two inputs                  (optimum; also in onnx/)
///
/// beside a tokenizer (see read_tokenizer), preprocessor_config.json, open_clip_config.json or
/// preprocess_cfg.json, and config.json: all but the encoders and the tokenizer may be missing, and
/// are then CLIP's own, which `notes` says. Throws Error(io) naming what was looked for,
/// Error(input) naming file and key of what is damaged, Error(unsupported) for a filter or a way of
/// resizing that is not known.
[[nodiscard]] Folder read_folder(const std::filesystem::path& path);

/// The `preprocessor_config.json` of Hugging Face.
[[nodiscard]] data::ImagePreprocessing picture_of_hugging_face(std::string_view json);
/// The `preprocess_cfg` of OpenCLIP.
[[nodiscard]] data::ImagePreprocessing picture_of_open_clip(std::string_view json);

}  // namespace whence::clip
