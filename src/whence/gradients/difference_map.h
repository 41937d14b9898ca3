#pragma once
// Difference map: what the features' difference from the baseline's features does, to first order.
//
//   M = sum over channels k of g^k(z) * (A^k - A0^k),    z = (A^k) the layer, z0 = (A0^k) its
//   baseline
//
// Ours: the one-node Taylor attribution of the part of the model above a layer, read about z at an
// explicit baseline, summed over channels and left signed. With z0 = 0 and a ReLU at the end it is
// HiResCAM. It claims f(x) - f(x0); the attribution error is the Taylor remainder. (Other devices
// of that name exist; this is none of them.) One gradient and one forward pass.

#include "whence/core/baseline.h"
#include "whence/core/explainer.h"

namespace whence {

struct DifferenceMapOptions {
    Baseline baseline = baseline::Zeros{};
    /// Name of the explained input; empty: the first one of floating-point numbers.
    std::string input;
};

/// Its input is the layer's features: the part of a model above its layer (DifferentiableModel::
/// split). Features [1, K, H, W] (and of higher rank) give a map [1, 1, H, W]; others stay as they
/// are.
class DifferenceMap final : public Explainer {
  public:
    using Options = DifferenceMapOptions;
    /// `model` must outlive the explainer.
    explicit DifferenceMap(const DifferentiableModel& model, Options options = {})
        : model_(model), options_(std::move(options)) {}

    [[nodiscard]] Explanation explain(const Batch& input, const Target& target,
                                      const Run& run) const override;

  private:
    const DifferentiableModel& model_;
    Options options_;
};

}  // namespace whence
