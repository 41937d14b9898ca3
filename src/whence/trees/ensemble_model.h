#pragma once
// A tree ensemble as a model that can be asked, so that every method that only asks works on it.

#include <vector>

#include "whence/core/model.h"
#include "whence/trees/predict.h"

namespace whence::trees {

/// Reads "features", float64 [rows, features], NaN for missing, a category as its code (float32 is
/// converted). Returns first what its link makes of margins, then the margins:
///   - classes: "probabilities" [rows, classes]; one logistic output is two classes, its own second
///   - else "prediction" [rows, outputs]
///   - "margin" [rows, outputs], left out where the link is the identity
/// Outputs are float64.
class EnsembleModel final : public Model {
  public:
    explicit EnsembleModel(Ensemble ensemble);

    [[nodiscard]] const std::vector<TensorInfo>& inputs() const override { return inputs_; }
    [[nodiscard]] const std::vector<TensorInfo>& outputs() const override { return outputs_; }
    [[nodiscard]] Batch predict(const Batch& inputs, const Run& run) const override;
    [[nodiscard]] int concurrency() const override { return 1; }
    [[nodiscard]] int64_t preferred_batch() const override { return 2048; }

    [[nodiscard]] const Ensemble& ensemble() const { return ensemble_; }
    /// What predict returns for rows with these margins, [rows, outputs].
    [[nodiscard]] Batch answers(std::vector<double> margins) const;
    /// Names of the classes of "probabilities"; empty where the file names none.
    [[nodiscard]] std::vector<std::string> class_labels() const;

  private:
    Ensemble ensemble_;
    Predictor predictor_;
    std::vector<TensorInfo> inputs_, outputs_;
};

}  // namespace whence::trees
