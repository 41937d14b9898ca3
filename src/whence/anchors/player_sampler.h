#pragma once
// Inputs of which some players (superpixels, words) are hidden.

#include "whence/anchors/sampler.h"
#include "whence/mask/masker.h"

namespace whence::anchors {

/// Predicate p: player p is there. Without condition each is there with probability 1/2.
class PlayerSampler : public Sampler {
  public:
    /// `masker` fills in one way and must outlive this.
    PlayerSampler(const Masker& masker, uint64_t seed);

    [[nodiscard]] int64_t predicates() const override { return masker_.players(); }
    [[nodiscard]] bool implied(std::span<const int32_t>, int32_t) const override { return false; }
    void draw(std::span<const Draw> draws, Batch& rows, const Run& run) const override;
    [[nodiscard]] uint64_t kept(std::span<const int32_t> anchor, int32_t predicate,
                                int64_t word) const override;
    [[nodiscard]] double coverage(std::span<const int32_t> anchor) const override;
    [[nodiscard]] std::vector<Rule::Condition> conditions(
        std::span<const int32_t> anchor) const override;

  private:
    /// Coins of players 64 * block to 64 * block + 63 in sample `index`.
    [[nodiscard]] uint64_t coins(int64_t index, int64_t block) const;

    const Masker& masker_;
    int64_t blocks_;
    uint64_t seed_;
};

}  // namespace whence::anchors
