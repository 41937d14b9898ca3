#pragma once
// LeGrad (Bousselham et al. 2024): how each block's own score would rise if a token were looked at
// more, added up over the last blocks.
//
//   s_b  the score that the model's head gives to the mean over all tokens of block b's output
//   E_b  = mean over heads and over queries of ReLU(ds_b / dA_b), A_b the attention probabilities
//   map  = sum of E_b over the blocks, without the class token            (equations 5 to 8)
//
// Block b's score knows nothing of the blocks after it, so their attention is never explained twice.

#include <memory>
#include <string>
#include <vector>

#include "whence/core/explainer.h"
#include "whence/gradients/read_token.h"

namespace whence {

struct LegradOptions {
    /// The tensor that all blocks below start from: the input of the first of them.
    std::string from;
    /// One block: from there to s_b, outputs as the model's; and what it is differentiated by.
    struct Block {
        std::shared_ptr<const DifferentiableModel> score;
        std::string probabilities;
    };
    std::vector<Block> blocks;
    ReadToken token = {};
};

class Legrad final : public Explainer {
  public:
    using Options = LegradOptions;
    /// `model` must outlive the explainer. Throws Error(usage) where there is no block.
    explicit Legrad(const DifferentiableModel& model, Options options);

    /// Values as map_of_tokens shapes them, none negative. One forward pass, and one with gradient
    /// from `from` on for each block. Throws Error(unsupported) for tensors of another shape.
    [[nodiscard]] Explanation explain(const Batch& input, const Target& target,
                                      const Run& run) const override;

  private:
    const DifferentiableModel& model_;
    Options options_;
};

}  // namespace whence
