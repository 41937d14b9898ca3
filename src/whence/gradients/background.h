#pragma once
// A set of baselines: rows of what the explained input might have been.

#include <span>
#include <string>

#include "whence/gradients/inquiry.h"

namespace whence::gradients {

/// Rows shaped as the explained input, checked once. Borrows the tensor.
class Background {
  public:
    /// Throws Error(input) for no rows, another number of features, or numbers not finite.
    Background(const Tensor& rows, const std::string& description, const Inquiry& inquiry);

    [[nodiscard]] int64_t size() const { return rows_.rows(); }
    void read(int64_t index, std::span<double> row) const;
    /// Every row in turn, as a question's points.
    [[nodiscard]] Place place() const;

  private:
    const Tensor& rows_;
};

}  // namespace whence::gradients
