#pragma once
// Players of several inputs in one game.

#include "whence/mask/masker.h"

namespace whence {

/// A masker made of maskers, each of its own tensor of the batch: their players one after the
/// other.
///
/// Where one of them fills in several ways, so does this; two that do must do so in the same number
/// of ways and with the same weights: way b of one goes with way b of the other, as with rows of
/// one table. The others fill in alike each time.
class JointMasker final : public Masker {
  public:
    /// The maskers, of different tensors, must outlive this. Throws Error(usage) where the numbers
    /// of ways or the weights differ.
    explicit JointMasker(std::vector<const Masker*> parts);

    [[nodiscard]] int64_t players() const override { return players_; }
    /// Empty unless all parts name their players.
    [[nodiscard]] const std::vector<std::string>& names() const override { return names_; }
    [[nodiscard]] int64_t fillings() const override { return fillings_; }
    [[nodiscard]] std::span<const double> weights() const override { return weights_; }
    void apply(MatrixView<const uint8_t> present, int64_t first, Batch& rows,
               const Run& run) const override;

  private:
    std::vector<const Masker*> parts_;
    int64_t players_ = 0, fillings_ = 1;
    std::vector<std::string> names_;
    std::vector<double> weights_;
};

}  // namespace whence
