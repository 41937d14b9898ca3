#pragma once
// Superpixels switched off at random.

#include "whence/mask/masker.h"
#include "whence/perturb/design.h"

namespace whence::perturb {

/// lime's kernel exp(-d^2 / (2 width^2)) at the cosine distance d = 1 - sqrt(k/n) of k superpixels
/// on out of n to all of them (1 for none).
[[nodiscard]] double cosine_kernel(int64_t on, int64_t players, double width);

/// Probability of k superpixels on, k = 0..n: proportional to C(n, k) 2^-n times the kernel.
[[nodiscard]] std::vector<double> kept_distribution(int64_t players, double width);

/// GLIME's samples: how many are on by kept_distribution, which ones uniform, all weights 1. A pair
/// is antithetic in both: the numbers on are the distribution's quantiles at u and 1 - u, u
/// stratified (a scrambled van der Corput sequence), and the one takes the first of a random order,
/// the other the last, so that what is off in one is on in the other as far as the numbers allow.
/// Nearly complements, pairs cancel most of what products of two superpixels would otherwise add to
/// the noise.
class StableImageSamples : public Neighbourhood {
  public:
    StableImageSamples(const Masker& masker, double width, uint64_t seed)
        : StableImageSamples(masker, kept_distribution(masker.players(), width), seed) {}
    /// `kept`: probability of k players on, k = 0..n.
    StableImageSamples(const Masker& masker, const std::vector<double>& kept, uint64_t seed);
    [[nodiscard]] Design blank(int64_t rows) const override;
    [[nodiscard]] const std::vector<double>& origin() const override { return origin_; }
    [[nodiscard]] bool paired() const override { return true; }
    void draw(int64_t first, Design& design, Batch& rows, const Run& run) const override;

  private:
    [[nodiscard]] int64_t kept(double u) const;
    [[nodiscard]] double lower_quantile(int64_t pair) const;
    const Masker& masker_;
    uint64_t seed_, scramble_;
    std::vector<double> cumulative_;
    std::vector<double> origin_;
};

/// The lime package's: every superpixel on with probability 1/2, the first sample all on; weights
/// by the kernel.
class CompatibleImageSamples : public Neighbourhood {
  public:
    CompatibleImageSamples(const Masker& masker, double width, uint64_t seed);
    [[nodiscard]] Design blank(int64_t rows) const override;
    [[nodiscard]] const std::vector<double>& origin() const override { return origin_; }
    [[nodiscard]] bool paired() const override { return false; }
    void draw(int64_t first, Design& design, Batch& rows, const Run& run) const override;

  private:
    const Masker& masker_;
    double width_;
    uint64_t seed_;
    std::vector<double> origin_;
};

}  // namespace whence::perturb
