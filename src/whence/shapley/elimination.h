#pragma once
// Triangular factors of a few hundred rows in double. Row-major. Private to this folder.

#include <cstdint>
#include <span>
#include <vector>

#include "whence/core/aligned.h"

namespace whence::shapley {

/// L of K = L L^T (Cholesky), kept as its transpose: row k of the upper triangle.
class Factor {
  public:
    /// `k`: symmetric [n][n], of which the upper triangle is read. Cost n^3 / 6 multiplications.
    Factor(AlignedVector<double> k, int64_t n);
    /// False where K is not positive definite; then nothing else may be asked.
    [[nodiscard]] bool exists() const { return exists_; }
    /// b becomes L^-1 b; b is [n][columns].
    void divide(std::span<double> b, int64_t columns) const;
    /// L^-1, [n][n], 0 above the diagonal. Cost n^3 / 6.
    [[nodiscard]] AlignedVector<double> inverse() const;

  private:
    int64_t n_, padded_;  // padded by a unit matrix
    AlignedVector<double> upper_;
    bool exists_ = false;
};

/// out = lower^T b for a lower triangle [n][n] and b [n][columns].
[[nodiscard]] AlignedVector<double> turned_product(std::span<const double> lower,
                                                   std::span<const double> b, int64_t n,
                                                   int64_t columns);

}  // namespace whence::shapley
