#pragma once
// Words switched off at random, as the lime package does for texts.

#include "whence/mask/masker.h"
#include "whence/perturb/design.h"

namespace whence::perturb {

/// Probability of k words on, k = 0..n: lime removes m words, m uniform in 1..n, and weights by the
/// kernel, so k = n - m follows the kernel itself, and k = n has no share. One word alone is
/// there in half of the samples: else there would be nothing to compare. `width` as for
/// cosine_kernel.
[[nodiscard]] std::vector<double> kept_words_distribution(int64_t players, double width);

/// The lime package's: m words off, m uniform in 1..n, which ones uniform; the first sample all on;
/// weights by the kernel.
class CompatibleTextSamples final : public Neighbourhood {
  public:
    CompatibleTextSamples(const Masker& masker, double width, uint64_t seed);
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
