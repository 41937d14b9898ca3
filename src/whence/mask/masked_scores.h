#pragma once
// What a model says of masked rows that nobody writes out.

#include <memory>
#include <span>

#include "whence/core/tensor.h"
#include "whence/mask/masker.h"

namespace whence {

/// A model's answers over one masker, for models whose answer to a masked row can be put together
/// from answers to its parts. They are the model's own but for the rounding of its arithmetic.
class MaskedScores {
  public:
    virtual ~MaskedScores() = default;
    /// Numbers in the answer to one row.
    [[nodiscard]] virtual int64_t classes() const = 0;
    /// The output's scores for every coalition of `present` and the fillings [first, first +
    /// count): `out` is [count][coalitions][classes]. Each row's depend on that row alone. const,
    /// safe from several threads.
    virtual void scores(MatrixView<const uint8_t> present, int64_t first, int64_t count,
                        std::span<float> out) const = 0;
};

/// A model of which that can be had.
class MaskedScorer {
  public:
    virtual ~MaskedScorer() = default;
    /// For rows of `masker` and one of the model's outputs; this and the masker must outlive the
    /// answer. nullptr where these rows or this output cannot be answered so.
    [[nodiscard]] virtual std::unique_ptr<MaskedScores> over(const LabelMasker& masker,
                                                             const std::string& output) const = 0;
};

}  // namespace whence
