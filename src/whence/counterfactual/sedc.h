#pragma once
// The smallest part of an input whose removal changes the answer: SEDC (Martens, Provost 2014,
// "Explaining data-driven document classifications"; for superpixels Vermeire et al. 2022,
// "Explainable image classification with evidence counterfactual").

#include "whence/core/explainer.h"
#include "whence/counterfactual/wanted.h"
#include "whence/mask/masker.h"

namespace whence {

struct SedcOptions {
    Wanted wanted;
    int64_t budget = 5000;             ///< rows the model may be asked; at least 1
    std::vector<std::string> classes;  ///< names of the classes, for labels
    std::string player = "segment";    ///< what a player without a name is called
};

/// Removes players (superpixels, words, columns) until the model gives the wanted answer: always
/// the one whose removal brings it nearest; then puts back, one by one, those that are not needed.
/// The result is irreducible: whichever of its players comes back, the answer is no longer the
/// wanted one. Where the budget allows, all smaller sets are asked too, so that it is the smallest,
/// or a note says up to which size that is known. Where the time is over or the model out of reach
/// in the middle, the nearest set so far is returned, not converged, and a note says so. Where the
/// masker fills in several ways the mean of the scores counts.
///
/// The attribution has 1 for each player that is removed, else 0. Cost: players * (removed + 1)
/// evaluations and the check. Misleads as every removal does: what stands for a missing player
/// (grey, a mean colour) is an input too.
class Sedc : public Explainer {
  public:
    /// `model` and `masker` (of the input that will be explained) must outlive this. `segments`:
    /// label of each pixel, where the players are superpixels, for pictures of the result.
    Sedc(const Model& model, const Masker& masker, SedcOptions options = {},
         std::optional<Tensor> segments = std::nullopt);
    [[nodiscard]] Explanation explain(const Batch& input, const Target& target,
                                      const Run& run) const override;

  private:
    const Model& model_;
    const Masker& masker_;
    SedcOptions options_;
    std::optional<Tensor> segments_;
};

}  // namespace whence
