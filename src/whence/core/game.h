#pragma once
// A cooperative game: what the answer is worth when only some of the players are there.

#include <cstdint>
#include <string>
#include <vector>

#include "whence/core/run.h"
#include "whence/core/tensor.h"

namespace whence {

/// Everything that the Shapley family knows of what it explains. A model behind a Masker is one
/// (MaskedGame); a model that can answer many coalitions at once in a faster way supplies its own.
///
/// `coalitions` has one row for each question and one column for each player, 1 where the player is
/// there. values returns v(S) for each row; row i depends on row i alone, and the same row always
/// has the same value. const; safe to call from one thread at a time, it uses run.threads itself.
class Game {
  public:
    virtual ~Game() = default;
    [[nodiscard]] virtual int64_t players() const = 0;
    /// Name of each player; empty where they have none (superpixels).
    [[nodiscard]] virtual const std::vector<std::string>& names() const = 0;
    /// Throws OutOfReach with the values of the first coalitions where the model gets out of reach.
    [[nodiscard]] virtual std::vector<double> values(MatrixView<const uint8_t> coalitions,
                                                     const Run& run) const = 0;
    /// Rows that the model is asked for one value.
    [[nodiscard]] virtual int64_t rows_per_value() const { return 1; }
};

}  // namespace whence
