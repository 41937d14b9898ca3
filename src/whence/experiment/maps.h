#pragma once
// What the methods of a study say of its objects.

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "whence/core/model.h"
#include "whence/experiment/estimator.h"
#include "whence/experiment/spec.h"
#include "whence/mask/masked_scores.h"

namespace whence::experiment {

/// One explanation of a picture: a value for each piece, and which piece each pixel is in.
struct Map {
    std::vector<double> values;
    std::vector<int32_t> pieces;   ///< [height * width]
    double attribution_error = 0;  ///< sum of values - (f(x) - f(baseline))

    [[nodiscard]] std::vector<double> pixels() const;
};

/// One trained network, ready to be asked.
struct Subject {
    const DifferentiableModel& model;
    std::shared_ptr<const MaskedScorer>
        direct;  ///< none: every masked picture is written and asked
};

/// One method over many pictures and networks: superpixels, coalitions and matrices are made once.
/// For one thread.
class Mapper {
  public:
    /// `training`: pictures that baselines are made of, [rows, height, width, channels]: the mean
    /// of all is the mean picture, the first ones are the background of methods over pixels. Both
    /// outlive the mapper. `seed`: of coalitions, of ties in quickshift, of gradient-shap's
    /// samples.
    Mapper(const MethodSpec& method, const Tensor& training_mean, const Tensor& background,
           uint64_t seed);

    /// The probability of each picture's class, explained: images [1, height, width, channels].
    [[nodiscard]] std::vector<Map> explain(const Subject& subject,
                                           std::span<const Tensor* const> images,
                                           std::span<const int64_t> classes, const Run& run);

  private:
    [[nodiscard]] const Tensor& segments_of(const Tensor& image, const Run& run);
    [[nodiscard]] const Estimator& estimator(int64_t players);
    [[nodiscard]] Map over_superpixels(const Subject& subject, const Tensor& image, int64_t target,
                                       const Run& run);
    [[nodiscard]] Map over_pixels(const Subject& subject, const Tensor& image, int64_t target,
                                  const Run& run);

    const MethodSpec& method_;
    const Tensor& training_mean_;
    const Tensor& background_;
    uint64_t seed_;
    std::map<const Tensor*, Tensor> segments_;  // by picture: objects stay where they are
    std::map<int64_t, Estimator> estimators_;   // by players
};

}  // namespace whence::experiment
