#pragma once
// Samples around an input, as a linear surrogate sees them.

#include <cstdint>
#include <vector>

#include "whence/core/batch.h"
#include "whence/core/run.h"

namespace whence::perturb {

/// Interpretable features of the samples, [rows, columns], row-major: 0 or 1 in `bits`, or numbers
/// in `values`; the other of the two is empty.
struct Design {
    int64_t rows = 0, columns = 0;
    std::vector<uint8_t> bits;
    std::vector<double> values;
    std::vector<double> weights;  ///< of each row; empty: all 1

    [[nodiscard]] bool binary() const { return !bits.empty(); }
    [[nodiscard]] double at(int64_t row, int64_t column) const {
        const int64_t i = row * columns + column;
        return binary() ? bits[i] : values[i];
    }
    [[nodiscard]] double weight(int64_t row) const { return weights.empty() ? 1 : weights[row]; }
};

/// Where the samples of one explanation come from.
///
/// Sample i depends on the seed and i alone, so that it does not matter in which batches, or on
/// which threads, samples are drawn.
class Neighbourhood {
  public:
    virtual ~Neighbourhood() = default;
    /// A design for `rows` samples with nothing drawn yet.
    [[nodiscard]] virtual Design blank(int64_t rows) const = 0;
    /// The input itself as the surrogate sees it.
    [[nodiscard]] virtual const std::vector<double>& origin() const = 0;
    /// Samples 2i and 2i + 1 are an antithetic pair, not independent.
    [[nodiscard]] virtual bool paired() const = 0;
    /// Draws samples [first, first + rows.rows()): features and weights into the same rows of
    /// `design`, model inputs into `rows`, which arrives as copies of the input or of earlier
    /// samples.
    virtual void draw(int64_t first, Design& design, Batch& rows, const Run& run) const = 0;
};

}  // namespace whence::perturb
