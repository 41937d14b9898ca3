#pragma once
// The blocks of a transformer, found in its graph by what is computed and never by names.

#include <string>
#include <vector>

#include "whence/graph/graph.h"

namespace whence::graph {

/// Names of the tensors of one block. Heads are apart in q, keys, values, probabilities and context:
/// [N, heads, tokens, ...] or [N heads, tokens, ...].
struct AttentionBlock {
    std::string queries;        ///< as the block projects them, before any scaling
    std::string keys;           ///< likewise, the last two axes exchanged: [..., width, tokens]
    std::string values;
    std::string probabilities;  ///< softmax of queries times keys, scaled and masked
    std::string context;        ///< probabilities times values
    /// The context with heads joined, through the output projection and its bias; empty where no
    /// matrix follows.
    std::string projected;
    std::string input;   ///< the residual stream that attention is added to; empty where it is none
    /// The residual stream after the block: with the MLP added, where one follows; empty as `input`.
    std::string output;
    int64_t width = 0;   ///< heads times the width of a head; 0 where the projection does not tell
    int64_t tokens = 0;  ///< keys; 0 where the graph does not tell
    bool pools = false;  ///< one learned query that reads all tokens (SigLIP's pooling)
};

/// In the order in which they run. The graph is of opset 18 or newer, annotated, with fused
/// operators written out (runtime's canonical graph); what is no plain softmax attention is left out.
[[nodiscard]] std::vector<AttentionBlock> attention_blocks(const Graph& graph);

/// Attention operators that stay one node because they cannot be written out, each described; so that
/// a method that finds no block can say why.
[[nodiscard]] std::vector<std::string> fused_attention(const Graph& graph);

/// The tensor that says which token an encoder of texts reads at its end: the position of the
/// largest token id, or of the first end token (an ArgMax over what is computed from the integer
/// input alone). Empty where there is none.
[[nodiscard]] std::string read_position(const Graph& graph);

/// What is computed by one_head().
struct OneHead {
    std::string context;        ///< shape as the block's own
    std::string queries, keys;  ///< through the output projection, [1, tokens, width] or [tokens, 1, width]
    std::string values;         ///< the block's own
};
/// Rewrites a block to attend with one head over the full width, softmax(q k^T / sqrt(width) + mask)
/// v, and everything after it reads that (what Grad-ECLIP, Zhao et al. 2024, computes before it
/// explains); masks stay. For inputs of one row. Throws Error(unsupported) for a block whose width or
/// projection is not known.
[[nodiscard]] OneHead use_one_head(Graph& graph, const AttentionBlock& block);

/// The model that scores another state than the last one: what reads `last`, the final block's
/// output, reads `state`, one of the same shape, instead. With `mean` every token of it is the mean
/// over all tokens, so that a class token, or a mean over tokens, reads that mean (LeGrad, Bousselham
/// et al. 2024, equation 7).
void read_instead(Graph& graph, const AttentionBlock& last, const std::string& state, bool mean);

/// A tensor with the block's input, tokens or rows first as it may be, as [N, tokens, width]; what
/// reads the input reads it through this tensor, which a model can be cut at.
[[nodiscard]] std::string rows_first_input(Graph& graph, const AttentionBlock& block);

}  // namespace whence::graph
