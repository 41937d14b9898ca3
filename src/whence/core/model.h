#pragma once
// What methods know of a model: two interfaces, a handful of verbs.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "whence/core/batch.h"
#include "whence/core/run.h"
#include "whence/core/target.h"

namespace whence {

struct TensorInfo {
    std::string name;
    ElementType type = ElementType::float32;
    Shape shape;                    ///< -1: any length; the first dimension is the batch
    Scale scale = Scale::raw;       ///< for outputs: in what scale the scores are, where known
};

/// Anything that can be asked.
///
/// predict takes any number of rows (at least one) and returns every output, one row for each row
/// asked; row i of the answer depends on row i of the question alone. It is const and may be called
/// from up to concurrency() threads at once. It throws Error(input) for a wrong shape or type before
/// anything runs, Error(interrupted) or OutOfReach(limit) as `run` demands, Error(model) when the
/// model itself fails, OutOfReach where it was there and no longer is. Inputs are named as in inputs();
/// a model with one input also takes an unnamed one.
class Model {
 public:
    virtual ~Model() = default;
    [[nodiscard]] virtual const std::vector<TensorInfo>& inputs() const = 0;
    [[nodiscard]] virtual const std::vector<TensorInfo>& outputs() const = 0;
    [[nodiscard]] virtual Batch predict(const Batch& inputs, const Run& run) const = 0;
    [[nodiscard]] virtual int concurrency() const = 0;
    /// Rows per call that run fastest without using much memory. Never depends on the threads.
    [[nodiscard]] virtual int64_t preferred_batch() const = 0;
};

/// What the reverse sweep multiplies with at a nonlinear operator y = s(u).
enum class Rules {
    gradient,       ///< the derivative s'(u)
    guided,         ///< the derivative; every ReLU also stops negative gradients (Springenberg et al. 2015)
    deconvolution,  ///< every ReLU stops negative gradients, whatever u is (Zeiler, Fergus 2014)
    deep_lift,      ///< (y - y0) / (u - u0) against a reference (Shrikumar et al. 2017, rescale rule)
};
/// "gradient", "guided", "deconvolution", "deep-lift".
[[nodiscard]] std::string_view name(Rules rules);

/// What one pass through a differentiable model is to return.
struct GradientRequest {
    /// The scalar to differentiate, per row. `index` absent: each row's own top class.
    std::string output;
    std::optional<int64_t> index;
    std::optional<int64_t> minus;
    Scale scale = Scale::raw;
    /// Names of tensors (inputs or any tensor of any layer) whose values are returned.
    std::vector<std::string> values;
    /// Names of tensors with respect to which the gradient is returned. May be empty: forward only.
    std::vector<std::string> gradients;
    /// How they are taken: the true gradient, or multipliers that stand for it.
    Rules rules = Rules::gradient;
    /// deep_lift: the inputs each row is compared with, one row for all or one for each. Borrowed.
    const Batch* reference = nullptr;
};

struct GradientResult {
    std::vector<double> target;      ///< the scalar, per row
    std::vector<double> reference_target;  ///< deep_lift: the same scalar (same class) of the reference
    std::vector<int64_t> index;      ///< which class it was, per row
    std::vector<Tensor> values;      ///< as requested, in order
    std::vector<Tensor> gradients;   ///< as requested, in order; same shape as the tensor
};

struct Split;

/// A model that also gives gradients.
///
/// run returns values and gradients of any tensors in one pass, under the same contract as predict.
/// The gradient of row i's target is taken with respect to row i. A tensor on which the target does
/// not depend has no gradient: that is Error(unsupported), not zeros. An operator without a gradient
/// rule is Error(unsupported) naming operator, node and output, thrown before anything runs.
class DifferentiableModel : public Model {
 public:
    [[nodiscard]] virtual GradientResult run(const Batch& inputs, const GradientRequest& request,
                                             const Run& run) const = 0;
    /// The model cut at a tensor of a layer. Throws Error(usage) for a name that does not exist,
    /// Error(unsupported) where the model has no layers to cut at (the default).
    [[nodiscard]] virtual Split split(const std::string& layer) const;
};

/// model(x) = above(below(x), x).
struct Split {
    std::unique_ptr<DifferentiableModel> below;  ///< from the inputs to the layer, its only output
    /// From the layer, its first input, to the model's outputs. Where something bypasses the layer
    /// the model's inputs that it comes from follow: the layer then does not separate the model.
    std::unique_ptr<DifferentiableModel> above;
};

/// The request for a resolved target, with nothing else wanted yet.
[[nodiscard]] GradientRequest request_for(const ResolvedTarget& target);

}  // namespace whence
