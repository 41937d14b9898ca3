#pragma once
// LIME for whatever a masker switches off: words (Ribeiro, Singh, Guestrin 2016, section 3.4), or the
// players of several inputs. Defaults are the lime package's (0.2.0.1) for texts: a word is there or
// not, distance 100 (1 - cosine) to the whole text.

#include "whence/mask/masker.h"
#include "whence/perturb/lime.h"

namespace whence {

struct LimePlayersOptions {
    int64_t num_samples = 5000;
    int64_t num_features = 10;
    /// In hundredths of the distance: 25 is what 0.25 is for pictures.
    double kernel_width = 25;
    double ridge = 1;
    FeatureSelection feature_selection = FeatureSelection::automatic;
    /// stable: the number of words on is drawn from the distribution that lime's uniform number and
    /// the kernel make together, in antithetic pairs, stratified; every sample counts 1.
    LimeScheme scheme = LimeScheme::stable;
    LocalModel local_model = LocalModel::ridge;  ///< this and the next two as for images
    double lasso = 0.01;
    int64_t tree_depth = 3;
    Distance distance = Distance::cosine;
    KernelFunction kernel;   ///< as for images; its distances are in hundredths, too
    int64_t settle_top = 0;  ///< as for images
};

/// Explains an input by the players of a masker: words, or those of several inputs. The result has
/// one value for each player, named as the masker names it; 0 for those that feature selection left
/// out.
///
/// It misleads where the text without most of its words is no text that the model knows (half of
/// the samples keep less than half of the words), and where words act together: the weights are of
/// a linear model, see R2.
class LimePlayers : public Explainer {
  public:
    /// `model` and `masker` must outlive this. `hidden` says in words what stands for a missing
    /// player. Throws Error(usage) for options that make no sense, Error(input) for no players.
    LimePlayers(const Model& model, const Masker& masker, std::string hidden,
             LimePlayersOptions options = {});
    /// `input`: one row, which the masker writes over.
    [[nodiscard]] Explanation explain(const Batch& input, const Target& target,
                                      const Run& run) const override;

  private:
    const Model& model_;
    const Masker& masker_;
    std::string hidden_;
    LimePlayersOptions options_;
};

}  // namespace whence
