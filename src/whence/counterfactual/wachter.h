#pragma once
// The counterfactual of Wachter, Mittelstadt, Russell (2018), "Counterfactual explanations without
// opening the black box": the nearest row with (about) a wanted score.

#include <memory>

#include "whence/counterfactual/counterfactual.h"

namespace whence {

struct WachterOptions {
    /// A class: its probability is moved. A range: the target's value is moved into it.
    Wanted wanted;
    Constraints constraints;
    /// Of a class: the probability p* aimed at, and how far from it is near enough (alibi's
    /// target_proba and tol). Of a range the tolerance says how far inside it to aim, in its units.
    double probability = 1;
    double tolerance = 0.05;
    double initial_lambda = 0.1;    ///< alibi's lam_init, above 0
    int64_t max_iterations = 1000;  ///< gradient steps of all lambdas together, each; at least 1
    std::vector<std::string> classes;
};

/// Minimises over x', for many lambda at once,
///     (p(x') - p*)^2 + lambda * sum_k |x'_k - x_k| / MAD_k
/// by proximal gradient steps with backtracking (the L1 term is taken exactly: features that need
/// not change do not), inside the limits. Of all lambda with |p - p*| <= tolerance the nearest x'
/// is returned: lambda is swept over initial_lambda / 10^i, i = 0 to 9, and the interval between
/// the largest that succeeds and the next is parted into 8, twice (alibi bisects it). For a linear
/// model x' changes the one feature with the largest |w_k| MAD_k.
///
/// Numbers move; categories and one-hot blocks stay (a gradient does not lead from one to another:
/// use DiverseCounterfactuals). Columns with few decimals are rounded to them at the end, away from
/// x, and asked again. Gradients come from `differentiable` where it is given, else from central
/// differences of 0.01 MAD (2 evaluations a number and step): nothing for trees, whose answers are
/// steps.
///
/// Misleads: without data near by x' can be an adversarial example (`to_data` says how far the data
/// are); a score that is flat at x has no gradient to follow.
class Wachter : public Explainer {
  public:
    /// As DiverseCounterfactuals; the background may have no rows (then MAD is 1 and nothing limits
    /// the columns). `differentiable`, if given, is the same model with one input of the same
    /// columns, of float32 or float64; it must outlive this.
    Wachter(const Model& model, Schema schema, const Tensor& background,
            WachterOptions options = {}, const DifferentiableModel* differentiable = nullptr);
    ~Wachter() override;
    [[nodiscard]] Explanation explain(const Batch& input, const Target& target,
                                      const Run& run) const override;

  private:
    const Model& model_;
    const DifferentiableModel* differentiable_;
    WachterOptions options_;
    std::unique_ptr<const counterfactual::Features> features_;
};

}  // namespace whence
