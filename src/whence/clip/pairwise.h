#pragma once
// Pairwise attributions of a text and a picture (Moeller, Cao, Yang, Pado, Ku, "Explaining
// Caption-Image Interactions in CLIP Models with Second-Order Attributions", TMLR 2025, equations 9
// and 10).
//
// f(a, b) = <e(a), e(b)> for a picture a and a text b, compared with references r_a and r_b:
//
//   J_a = average over the line from r_a to a of de/da            (integrated Jacobian)
//   A   = (a - r_a) J_a^T J_b (b - r_b), summed over the features of each token
//
// and the sum of A over all pairs of tokens is f(a, b) - f(a, r_b) - f(r_a, b) + f(r_a, r_b) as steps
// grow. Numbers are divided by the lengths of e(a) and e(b), so that they are shares of the cosine.
//
// a and b are the states that each encoder's last blocks read. They misunderstand a model whose
// tokens have moved by then: in a vision transformer the class token has gathered much of the
// picture, and what it brings has no patch (a note says how much). Before the first block the class
// token and the end of the text are as in the references, and have nothing.

#include <optional>
#include <string>
#include <vector>

#include "whence/clip/pair.h"
#include "whence/core/pairwise.h"
#include "whence/gradients/quadrature.h"

namespace whence::clip {

struct PairwiseOptions {
    int64_t steps = 10;
    /// Where on the line; none: 1/n, 2/n, ..., 1, as published, whose error is larger by far.
    std::optional<gradients::QuadratureRule> rule = gradients::QuadratureRule::gauss_legendre;
    /// How many of each encoder's last blocks lie behind the states; 0: all, so that the states are
    /// the embeddings of patches and tokens. The published default is 1.
    int64_t blocks = 1;
};

/// One picture and one text as the encoders read them, one row each, and what they are compared with.
struct PairwiseInput {
    Batch image, text;
    Batch image_reference, text_reference;
};

struct PairwiseMatrix {
    Tensor values;  ///< float64 [text tokens, image tokens], shares of the cosine
    double cosine = 0;
    double against_references = 0;  ///< the four-term difference that the values should add up to
    std::string image_layer, text_layer;
    int64_t evaluations = 0, gradient_evaluations = 0;
};

/// Encoders of pictures and of texts, each of one output, the embedding; their blocks are found in
/// the graph. Cost, of the last `blocks` blocks: steps x width of the embedding gradients of the text,
/// steps x text tokens of the picture. Throws Error(usage) for less than one step or blocks below 0, Error(unsupported)
/// where an encoder has no block of attention with a residual stream, Error(model) where an
/// embedding is no number or zero.
[[nodiscard]] PairwiseMatrix pairwise_matrix(const OnnxModel& image, const OnnxModel& text,
                                             const PairwiseInput& input, const PairwiseOptions& options,
                                             const Run& run);

/// The same for a picture and a text, tokens merged into words by sum. References: the picture that is
/// zero after preprocessing, and padding in place of every token of the text, its start and end kept.
/// Throws also Error(input) for a text without words, Error(unsupported) where the tokens of
/// pictures fill no grid.
[[nodiscard]] PairwiseExplanation explain_pairwise(const Pair& pair, const data::Image& image,
                                                   const std::string& text,
                                                   const PairwiseOptions& options = {},
                                                   const Run& run = {});

}  // namespace whence::clip
