#pragma once
// The graphs of a pair: cut from files to one input and one embedding, joined with what the other
// side embeds.

#include "whence/core/tensor.h"
#include "whence/graph/graph.h"

namespace whence::clip {

enum class Side { picture, text };

/// The part of the graph that makes the embedding of that side, its only output. The embedding is
/// the output called image_embeds (text_embeds), image_features, pooler_output, or another of the
/// usual names, else the only one of rank 2; where `both`, the graph holds both sides and their own
/// names are needed. Throws Error(input) naming what was looked for and what is there.
[[nodiscard]] graph::Graph encoder_of(const graph::Graph& graph, Side side, bool both);

/// The encoder (of one output, the embedding e) followed by
///     logits_k = scale * <e, u_k> / |e| + bias
/// for the unit vectors u_k, float32 [K, width]: its only output then is "logits", [N, K]. Throws
/// Error(unsupported) for graphs of an opset below 7.
[[nodiscard]] graph::Graph joined(graph::Graph encoder, const Tensor& units, double scale,
                                  double bias);

}  // namespace whence::clip
