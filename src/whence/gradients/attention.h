#pragma once
// Where a transformer looks: its attention probabilities A [heads, tokens, tokens] (rows: who
// looks; columns: at whom), joined over its blocks into one row of relevance for one token.
//
//   raw attention        the last block's row, averaged over heads
//   attention rollout    R = (A_n + I)/2 ... (A_1 + I)/2, heads averaged
//                        Abnar and Zuidema 2020, eq. 1
//   attention relevance  R <- R + E_h[ReLU(g_b * A_b)] R, from R = I, g the gradient of the target
//                        with respect to A: Chefer, Gur and Wolf 2021, eq. 5 and 6
//
// Raw attention and rollout never look at the target: every class gets the same map. Attention says
// where values are read, not what they say and not what the score owes them; what skips attention
// (the residual stream, the MLPs) is assumed to keep tokens in their places.

#include <string>
#include <vector>

#include "whence/core/explainer.h"
#include "whence/gradients/read_token.h"

namespace whence {

enum class AttentionRule { raw, rollout, relevance };

/// "raw-attention", "attention-rollout", "attention-relevance".
[[nodiscard]] const char* name(AttentionRule rule);

struct AttentionOptions {
    AttentionRule rule = AttentionRule::rollout;
    /// Tensors of attention probabilities, from the first block to the last; each
    /// [1, heads, tokens, tokens] or [heads, tokens, tokens]. For CLIP the authors join the last
    /// block's alone.
    std::vector<std::string> layers;
    /// The token whose row is read; no index: the mean of all rows.
    ReadToken token = {};
};

class Attention final : public Explainer {
  public:
    using Options = AttentionOptions;
    /// `model` must outlive the explainer. Throws Error(usage) where no tensor is named.
    explicit Attention(const DifferentiableModel& model, Options options);

    /// Values [1, 1, h, w] where the input is a picture and the other tokens (without `token`) fill
    /// a grid of its proportions; else [1, tokens]. One pass, with gradient for relevance. Throws
    /// Error(unsupported) for tensors of another shape, Error(usage) for a token that does not
    /// exist.
    [[nodiscard]] Explanation explain(const Batch& input, const Target& target,
                                      const Run& run) const override;

  private:
    const DifferentiableModel& model_;
    Options options_;
};

}  // namespace whence
