#pragma once
// Grad-ECLIP (Zhao et al., ICML 2024): what a token's value brought into the token that a CLIP
// encoder is read at, times the gradient of the score there. o = A v is what attention computes at
// the read token, before the output projection, g = dc/do.
//
//   multi-head   H_i = sum over heads of A_h[read, i] <g_h, v_h,i>: gradient times
//                attention-weighted value. Over all tokens it adds up to <g, o> exactly.
//   single-head  as published (equations 8 to 10): H_i = ReLU(lambda_i <g, v_i>) of a model whose
//                blocks attend with one head over the full width, lambda_i the cosine of the
//                projected query of the read token and the projected key of i, scaled to [0, 1].
//
// Several blocks are added up. The published form explains a model that was changed and weighs by a
// similarity in place of the probabilities: its map may differ from what the model does
// (criticised in arXiv 2605.12952).

#include <string>
#include <vector>

#include "whence/core/explainer.h"
#include "whence/gradients/read_token.h"

namespace whence {

enum class EclipForm { multi_head, single_head };
/// "multi-head", "single-head".
[[nodiscard]] const char* name(EclipForm form);
/// Throws Error(usage) naming the choices.
[[nodiscard]] EclipForm parse_eclip_form(std::string_view text);

struct GradEclipOptions {
    /// Names of one block's tensors; heads apart in the first three: [1, heads, tokens, ...] or
    /// [heads, tokens, ...].
    struct Block {
        std::string values, context;
        std::string probabilities;  ///< multi-head
        std::string queries, keys;  ///< single-head: through the output projection
    };
    EclipForm form = EclipForm::multi_head;
    std::vector<Block> blocks;
    ReadToken token = {};
};

class GradEclip final : public Explainer {
  public:
    using Options = GradEclipOptions;
    /// `model` must outlive the explainer. Throws Error(usage) where no block is named.
    explicit GradEclip(const DifferentiableModel& model, Options options);

    /// Values as map_of_tokens shapes them, in units of the target. One pass with gradient, which
    /// goes back to the first block named only. Multi-head: the attribution error is that of the sum over
    /// all tokens, the read one included, against <g, o>. Throws Error(unsupported) for tensors of
    /// another shape, Error(usage) for a token that does not exist.
    [[nodiscard]] Explanation explain(const Batch& input, const Target& target,
                                      const Run& run) const override;

  private:
    const DifferentiableModel& model_;
    Options options_;
};

}  // namespace whence
