#pragma once
// LIME: a simple model fitted to the model's answers near one input (Ribeiro, Singh, Guestrin 2016,
// "Why should I trust you?"), with the lime package's (0.2.0.1) defaults. The weights of a linear
// one are the answer; of a small tree it is what splits it, and its leaves as rules.
//
// By default it minimises  sum_i pi(d_i) (f(x_i) - b0 - b . z_i)^2 + ridge |b|^2  over samples x_i with
// interpretable form z_i at distance d_i from the input, pi(d) = exp(-d^2 / (2 w^2)), b0 not
// penalised. Cost: num_samples evaluations and about n d^2 operations for d features.

#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "whence/core/baseline.h"
#include "whence/core/explainer.h"
#include "whence/core/schema.h"

namespace whence {

/// How samples are drawn.
enum class LimeScheme {
    /// From the distribution that the kernel already weights, so every sample counts 1 (GLIME: Tan,
    /// Tian, Li 2023), in antithetic pairs, stratified. Same limit as `compatible` for many
    /// samples,
    /// reached with fewer; in it the ridge term weighs less, as the weights are 1 and not pi.
    stable,
    /// As the lime package does: without regard to the kernel, then weighted by it; row 0 is the
    /// input.
    compatible,
};

/// Which features the surrogate keeps when there are more than num_features.
enum class FeatureSelection {
    automatic,          ///< forward_selection up to 6 features, else highest_weights
    none,               ///< all of them, num_features is not used
    forward_selection,  ///< one by one, each time the one that raises the weighted R2 most
    highest_weights,    ///< largest |weight * value| of a ridge fit (0.01) on all
    lasso_path,         ///< last point of the LARS lasso path with no more than num_features
};

/// The model that is fitted to the answers, on the features that were kept.
enum class LocalModel {
    ridge,     ///< least squares with ridge |b|^2
    lasso,     ///< 1 / (2 sum of pi) of the weighted squares + lasso |b|_1 (scikit-learn's alpha)
    logistic,  ///< log loss of answers in [0, 1] + ridge / 2 |b|^2: weights are log-odds
    /// A regression tree of at most tree_depth questions on a path. Values are the shares (summing
    /// to 1) of the weighted variance it explains that the splits on each feature explain.
    tree,
};

/// How far a sample is from the input, in interpretable features (scikit-learn's names).
enum class Distance { euclidean, sqeuclidean, manhattan, chebyshev, hamming, cosine };

/// How much a sample at that distance counts in a neighbourhood of that width: any finite number that
/// is not negative. Called from one thread.
using KernelFunction = std::function<double(double distance, double width)>;

/// How columns of numbers become questions with two answers ("is it in the same bin as here?").
enum class Discretizer { none, quartile, decile, entropy };

/// How rows are drawn from the background's distributions.
enum class Sampling {
    automatic,  ///< scheme stable: latin_hypercube, compatible: gaussian
    gaussian,   ///< each sample (pair of samples) on its own
    /// Stratified in each column (McKay, Beckman, Conover 1979). With scheme compatible in columns
    /// of numbers that are not cut into bins alone, as in the package's later versions.
    latin_hypercube,
};

[[nodiscard]] std::string_view name(LimeScheme scheme);
[[nodiscard]] std::string_view name(FeatureSelection selection);
[[nodiscard]] std::string_view name(Discretizer discretizer);
[[nodiscard]] std::string_view name(LocalModel model);
[[nodiscard]] std::string_view name(Distance distance);
[[nodiscard]] std::string_view name(Sampling sampling);
/// Throw Error(usage) naming the choices.
[[nodiscard]] LimeScheme parse_lime_scheme(std::string_view text);
[[nodiscard]] FeatureSelection parse_feature_selection(std::string_view text);
[[nodiscard]] Discretizer parse_discretizer(std::string_view text);
[[nodiscard]] LocalModel parse_local_model(std::string_view text);
[[nodiscard]] Distance parse_distance(std::string_view text);
[[nodiscard]] Sampling parse_sampling(std::string_view text);

struct LimeImageOptions {
    int64_t num_samples = 1000;
    int64_t num_features = 100000;
    double kernel_width = 0.25;
    double ridge = 1;
    FeatureSelection feature_selection = FeatureSelection::automatic;
    LimeScheme scheme = LimeScheme::stable;
    LocalModel local_model = LocalModel::ridge;
    double lasso = 0.01;     ///< penalty of LocalModel::lasso, in the answer's units
    int64_t tree_depth = 3;  ///< of LocalModel::tree
    Distance distance = Distance::cosine;
    KernelFunction kernel;  ///< none: exp(-distance^2 / (2 width^2))
    /// What stands where a superpixel is off. None: the mean colour of that superpixel.
    std::optional<Baseline> hide;
    /// 0: exactly num_samples. Else stop before that, at 128, 256, 512, ... samples, once the order
    /// of this many leading weights, and their distance to the rest, is settled at 95%.
    int64_t settle_top = 0;
};

/// Explains an image by its superpixels. `segments`: integers [height, width], one label for each
/// pixel. The result has one value for each segment, in the order of the labels; 0 for those that
/// feature selection left out.
class LimeImage : public Explainer {
  public:
    /// `model` must outlive this. Throws Error(usage) for options that make no sense, Error(input)
    /// if `segments` is no matrix of integers.
    LimeImage(const Model& model, Tensor segments, LimeImageOptions options = {});
    [[nodiscard]] Explanation explain(const Batch& input, const Target& target,
                                      const Run& run) const override;

  private:
    const Model& model_;
    Tensor segments_;
    LimeImageOptions options_;
};

struct LimeTabularOptions {
    int64_t num_samples = 5000;
    int64_t num_features = 10;
    /// None: 0.75 * sqrt(number of columns, a group counting as one).
    std::optional<double> kernel_width;
    double ridge = 1;
    FeatureSelection feature_selection = FeatureSelection::automatic;
    LimeScheme scheme = LimeScheme::stable;
    LocalModel local_model = LocalModel::ridge;  ///< this and the next two as for images
    double lasso = 0.01;
    int64_t tree_depth = 3;
    /// Any but euclidean does not factorise over columns: then samples of the stable scheme are
    /// drawn without regard to the kernel, too, and weighted by it. So they are for a `kernel`.
    Distance distance = Distance::euclidean;
    KernelFunction kernel;  ///< as for images
    Sampling sampling = Sampling::automatic;
    /// lime's discretize_continuous and discretizer in one: none = False.
    Discretizer discretizer = Discretizer::quartile;
    /// Class of each background row: for the entropy discretizer alone, which needs it.
    std::vector<int64_t> background_labels;
    /// Without discretizer: normal around the input's numbers, not the background's mean.
    bool sample_around_instance = false;
    /// Columns that are one feature: 1 where all of them are as here (numbers of more than two
    /// values: in the same bin), drawn together from a background row, so that samples hold no
    /// combination that the background does not have.
    std::vector<ColumnGroup> groups;
    int64_t settle_top = 0;  ///< as for images
};

namespace perturb {

class TabularSpace;
struct TrainingStats;

/// The bins and frequencies of a background, as the options cut it: what explanations of many rows share.
/// Throws as LimeTabular.
[[nodiscard]] std::shared_ptr<const TabularSpace> read_space(Schema schema, const Tensor& background,
                                                             const LimeTabularOptions& options);

/// The same of numbers about a background that is not there (see training_stats.h).
[[nodiscard]] std::shared_ptr<const TabularSpace> read_space(Schema schema,
                                                             const TrainingStats& stats);
/// What such numbers would be. Throws Error(usage) for a discretizer none, or groups.
[[nodiscard]] TrainingStats training_stats(const Schema& schema, const Tensor& background,
                                           const LimeTabularOptions& options);

}  // namespace perturb

/// Explains one row of a table by its columns. The result has one value for each feature kept,
/// largest magnitude first, named as lime names them: "15.2 < texture <= 18.8", "sex=female"; the
/// attribution's `columns` say which column each is about.
class LimeTabular : public Explainer {
  public:
    /// `model` (must outlive this) reads rows [N, columns] of float64 or float32, columns as in
    /// `schema`. `background`: float64 [rows, columns], at least one row. Throws Error(input) where
    /// the background does not fit the schema or holds NaN, Error(usage) for senseless options.
    LimeTabular(const Model& model, Schema schema, Tensor background,
                LimeTabularOptions options = {});
    /// With a background that was read before, by the options' discretizer.
    LimeTabular(const Model& model, std::shared_ptr<const perturb::TabularSpace> space,
                LimeTabularOptions options = {});
    ~LimeTabular() override;
    [[nodiscard]] Explanation explain(const Batch& input, const Target& target,
                                      const Run& run) const override;

  private:
    const Model& model_;
    LimeTabularOptions options_;
    std::shared_ptr<const perturb::TabularSpace> space_;
};

}  // namespace whence
