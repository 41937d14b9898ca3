#pragma once
// Which of a model's many tensors are worth explaining.

#include <string>
#include <vector>

#include "whence/runtime/onnx_model.h"

namespace whence::recipe {

enum class LayerRole {
    features,   ///< the last features over the picture, before they are pooled: what CAMs are made
                ///< of
    block,      ///< the output of a residual block, the last of each shape
    attention,  ///< attention probabilities of one block
    embedding,  ///< rows of a learned table: words, positions
};
/// "last convolution", "block output", "attention", "embedding".
[[nodiscard]] std::string_view name(LayerRole role);

struct SuggestedLayer {
    std::string name;
    LayerRole role = LayerRole::features;
    std::string reason;  ///< one line
    std::string shape;   ///< "[?, 512, 7, 7]", or empty where it is unknown
};

/// Useful layers, by role, within a role from the input to the output. Empty for a model that has
/// none of them.
[[nodiscard]] std::vector<SuggestedLayer> suggested_layers(const OnnxModel& model);

/// The last features over the picture; empty where the model has no convolution.
[[nodiscard]] std::string last_convolution(const OnnxModel& model);

/// Attention probabilities from the first block to the last: outputs of a Softmax over the last
/// axis whose last two lengths are equal (or unknown), and which a product of matrices reads.
[[nodiscard]] std::vector<std::string> find_attention(const OnnxModel& model);

}  // namespace whence::recipe
