#pragma once
// Players (superpixels, words) switched off at random.

#include "whence/mask/masker.h"
#include "whence/perturb/design.h"
#include "whence/perturb/kernel.h"

namespace whence::perturb {

/// How the lime package draws which players are off.
enum class Removal {
    coins,   ///< each with probability 1/2 (pictures)
    number,  ///< m of them, m uniform in 1..players, which ones uniform (texts)
};

/// Probability of k players on, k = 0..n: how often lime draws k, times the kernel. With `number`
/// all n have no share, but for one player alone, who is there in half of the samples: else there
/// would be nothing to compare.
[[nodiscard]] std::vector<double> kept_distribution(int64_t players, const Kernel& kernel,
                                                    Removal removal);

/// What both schemes share.
class MaskedSamples : public Neighbourhood {
  public:
    explicit MaskedSamples(const Masker& masker)
        : masker_(masker), players_(masker.players()), origin_(masker.players(), 1.0) {}
    [[nodiscard]] Design blank(int64_t rows) const override;
    [[nodiscard]] const std::vector<double>& origin() const override { return origin_; }
    void draw(int64_t first, Design& design, Batch& rows, const Run& run) const override;
    /// Samples [0, rows) without their inputs: they depend on the number of players, the kernel and
    /// the seed alone.
    [[nodiscard]] Design design(int64_t rows) const;

  protected:
    /// Writes samples [first, end) into the design.
    virtual void choose(int64_t first, int64_t end, Design& design) const = 0;
    [[nodiscard]] virtual bool weighted() const = 0;

    const Masker& masker_;
    int64_t players_;

  private:
    std::vector<double> origin_;
};

/// GLIME's samples: how many are on by kept_distribution, which ones uniform, all weights 1. A pair
/// is antithetic in both: the numbers on are the distribution's quantiles at u and 1 - u, u
/// stratified (a scrambled van der Corput sequence), and the one takes the first of a random order,
/// the other the last, so that what is off in one is on in the other as far as the numbers allow.
/// Nearly complements, pairs cancel most of what products of two players would otherwise add to the
/// noise.
class StableMaskedSamples final : public MaskedSamples {
  public:
    StableMaskedSamples(const Masker& masker, const Kernel& kernel, Removal removal, uint64_t seed);
    [[nodiscard]] bool paired() const override { return true; }

  protected:
    void choose(int64_t first, int64_t end, Design& design) const override;
    [[nodiscard]] bool weighted() const override { return false; }

  private:
    [[nodiscard]] int64_t kept(double u) const;
    [[nodiscard]] double lower_quantile(int64_t pair) const;
    uint64_t seed_, scramble_;
    std::vector<double> cumulative_;
};

/// The lime package's: by `removal`, the first sample all on; weights by the kernel.
class CompatibleMaskedSamples final : public MaskedSamples {
  public:
    CompatibleMaskedSamples(const Masker& masker, const Kernel& kernel, Removal removal,
                            uint64_t seed)
        : MaskedSamples(masker), removal_(removal), seed_(seed) {
        for (int64_t on = 0; on <= players_; ++on) weights_.push_back(kernel.weight(on, players_));
    }
    [[nodiscard]] bool paired() const override { return false; }

  protected:
    void choose(int64_t first, int64_t end, Design& design) const override;
    [[nodiscard]] bool weighted() const override { return true; }

  private:
    std::vector<double> weights_;  // by the number of players that are on
    Removal removal_;
    uint64_t seed_;
};

}  // namespace whence::perturb
