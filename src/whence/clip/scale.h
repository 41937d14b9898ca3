#pragma once
// What a model of both sides makes of a cosine.

#include <optional>

#include "whence/core/run.h"
#include "whence/graph/graph.h"
#include "whence/runtime/onnx_model.h"
#include "whence/text/text_model.h"

namespace whence::clip {

struct Affine {
    double scale = 1, bias = 0;
};

/// logits = scale * cosine + bias, read off a graph of both sides by running it: the line through
/// what it answers (logits_per_image) for some made-up pictures and texts, over the cosines of its
/// own embeddings. `image` reads pixels as the pair's encoder does, `tokens` says which inputs are
/// texts. None where the graph has no such output, or the answers lie on no line of positive slope.
[[nodiscard]] std::optional<Affine> scale_of_model(const graph::Graph& whole,
                                                   const OnnxModel& image,
                                                   const text::TextEncoder& tokens, const Run& run);

}  // namespace whence::clip
