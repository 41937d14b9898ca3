#pragma once
// Missing pixels filled in from those around them (ROAD).

#include <optional>

#include "whence/core/baseline.h"
#include "whence/mask/masker.h"

namespace whence::metrics {

struct ImputerOptions {
    double noise =
        0.01;           ///< standard deviation of the noise on imputed values, in the image's units
    uint64_t seed = 0;  ///< of the noise: one field for the image, whatever is missing
};

/// Players are the pixels of one image, row by row. The missing ones are imputed all at once: each
/// is the weighted mean of its eight neighbours, direct ones counting 1/6 and diagonal ones 1/12,
/// the weights of those within the image scaled to 1; plus normal noise (Rong et al. 2022, "A
/// consistent and efficient evaluation strategy for attribution methods": noisy linear imputation).
/// So the shape of what is missing is hardly seen, unlike with black.
///
/// Cost: for each row one positive definite system of as many unknowns n as pixels are missing: n w^2
/// operations for images up to w = 95 pixels wide, a sparse factorisation beyond.
class LinearImputer final : public Masker {
  public:
    /// `image`: one row of float32 or float64 (see image_axes). Throws Error(input) for anything
    /// else, Error(usage) for noise that is negative.
    LinearImputer(std::string input_name, Tensor image, ImputerOptions options = {});

    [[nodiscard]] int64_t players() const override { return height_ * width_; }
    [[nodiscard]] const std::vector<std::string>& names() const override { return names_; }
    /// Throws Error(usage) where no pixel is there.
    void apply(MatrixView<const uint8_t> present, int64_t first, Batch& rows,
               const Run& run) const override;

  private:
    template <class T>
    void write_row(std::span<const uint8_t> present, std::span<T> out) const;

    std::string input_name_;
    Tensor image_;
    int64_t height_ = 0, width_ = 0, channels_ = 0, pixel_step_ = 0, channel_step_ = 0;
    std::vector<double> values_, noise_;  // as the image lies in memory
    std::vector<std::string> names_;
};

}  // namespace whence::metrics
