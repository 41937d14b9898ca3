#pragma once
// A model of normalised pictures as a model of pixels, where its preprocessing cannot be put into
// its graph: a model behind an endpoint, one of several inputs.

#include <memory>
#include <vector>

#include "whence/core/model.h"
#include "whence/data/preprocessing.h"

namespace whence::data {

/// One input of `inner` then reads pixels in [0, 1], float32 [N, height, width, channels] in the
/// order red, green, blue, and becomes
///     (pixel * scale - mean) / std,
/// its channels reversed (bgr) and first (nchw) as the preprocessing says, in the inner input's
/// type (whole numbers are rounded) and shape. Resizing is not its affair. Other inputs pass as
/// they are.
class PixelModel final : public Model {
  public:
    /// `input`: number of the input that is the picture. Throws Error(usage) where the
    /// preprocessing does not fit the input (channels, size, numbers of mean and std), or neither
    /// says the size, Error(unsupported) for an input that holds no numbers.
    PixelModel(std::shared_ptr<const Model> inner, const ImagePreprocessing& how, size_t input = 0);

    [[nodiscard]] const std::vector<TensorInfo>& inputs() const override { return inputs_; }
    [[nodiscard]] const std::vector<TensorInfo>& outputs() const override {
        return inner_->outputs();
    }
    [[nodiscard]] Batch predict(const Batch& inputs, const Run& run) const override;
    [[nodiscard]] int concurrency() const override { return inner_->concurrency(); }
    [[nodiscard]] int64_t preferred_batch() const override { return inner_->preferred_batch(); }

    /// Whether it would hand on the pixels as they are.
    [[nodiscard]] static bool changes_nothing(const ImagePreprocessing& how);

  private:
    [[nodiscard]] Tensor transformed(const Tensor& pixels, const Run& run) const;

    std::shared_ptr<const Model> inner_;
    std::vector<TensorInfo> inputs_;
    size_t input_;
    bool channels_first_, reversed_;
    std::vector<double> factor_, offset_;  // of each channel, as the inner model orders them
};

}  // namespace whence::data
