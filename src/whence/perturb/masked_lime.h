#pragma once
// LIME for players of a masker: what pictures and texts have in common.

#include "whence/perturb/local_fit.h"
#include "whence/perturb/masked_samples.h"

namespace whence::perturb {

struct MaskedLime {
    const Model& model;
    const Masker& masker;
    std::string hidden;  ///< what stands for a missing player, in words
    const char* noun;    ///< what the players are: "segments"
    Removal removal;
    Kernel kernel;
    LimeScheme scheme;
    FitOptions fit;

    /// One value for each player, 0 for those that feature selection left out.
    [[nodiscard]] Explanation explain(const Batch& input, const Target& target,
                                      const Run& run) const;
};

}  // namespace whence::perturb
