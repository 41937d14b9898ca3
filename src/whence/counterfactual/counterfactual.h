#pragma once
// Rows like the explained one that get another answer: made ones (DiverseCounterfactuals) and real
// ones (NearestUnlikeNeighbour). The result is in Explanation::counterfactuals; its attribution is
// empty.
//
// How far two rows are apart: the sum over numbers of |change| / MAD, the median absolute deviation
// from the median in the data (Wachter, Mittelstadt, Russell 2018, "Counterfactual explanations
// without opening the black box"; where MAD is 0 the range stands for it, as in DiCE), and 1 for
// each category, one-hot block or missing value that differs.

#include <memory>

#include "whence/core/explainer.h"
#include "whence/core/schema.h"
#include "whence/counterfactual/constraints.h"
#include "whence/counterfactual/wanted.h"

namespace whence {

struct CounterfactualOptions {
    Wanted wanted;
    int64_t count = 4;  ///< how many are wanted; at least 1
    Constraints constraints;
    /// Weight of being different from each other against being near the input, at least 0; 0: the
    /// nearest ones.
    double diversity = 1;
    /// Move features back to the input's values where the answer holds. Without it the rows found
    /// stay as they are.
    bool sparsity = true;
    int64_t budget = 20000;            ///< rows the model may be asked; at least 1
    std::vector<std::string> classes;  ///< names of the classes, for labels
};

namespace counterfactual {

class Features;

/// The columns of a table and its rows as counterfactuals read them: medians, steps, values to try. What
/// explanations of many rows share. `background`: float64 [rows, columns], at least one row unless `none_will_do`.
/// Throws Error(input) where it does not fit, Error(usage) for one-hot blocks that do not.
[[nodiscard]] std::shared_ptr<const Features> read_features(Schema schema, const Tensor& background,
                                                            const std::vector<std::vector<std::string>>& one_hot,
                                                            bool none_will_do = false);

}  // namespace counterfactual

/// A set of near, sparse, different counterfactuals, each checked by asking the model. In the
/// spirit of DiCE (Mothilal, Sharma, Tan 2020, "Explaining machine learning classifiers through
/// diverse counterfactual explanations"), by a search of our own without random numbers:
/// 1. seeds: the nearest rows of the data, moved into the limits, that the model gives the wanted
///    answer; every change of one feature to a value of the data, and of pairs of the features that
///    help most; where nothing is found, a climb by the change that helps most;
/// 2. each seed is polished: features move back to the input's values, numbers nearer to them, as
///    long as the answer holds (in batches over all seeds), until no single one can;
/// 3. of the different results `count` are taken, one by one, that maximise
///    diversity * log det K - sum of distance / nearest distance, with K_ij = 1 / (1 +
///    distance_ij), DiCE's kernel (greedy maximisation: Chen, Zhang, Zhou 2018).
/// Values keep the decimals of the data (integers stay integers), categories are categories of the
/// data, numbers stay within the data's range unless the constraints say otherwise.
///
/// Cost: at most `budget` evaluations; typically 1000 to 5000 for 30 columns. Local search: there
/// may be nearer ones. Misleads where the model is sure of rows that do not occur: look at
/// `to_data`.
class DiverseCounterfactuals : public Explainer {
  public:
    /// `model` (must outlive this) reads rows [N, columns] of float64, columns as in `schema`
    /// (data::TableModel makes any model of a table one). `background`: float64 [rows, columns], at
    /// least one row. Throws Error(input) where it does not fit, Error(usage) for options that make
    /// no sense.
    DiverseCounterfactuals(const Model& model, Schema schema, const Tensor& background,
                           CounterfactualOptions options = {});
    /// With a background that was read before, by the options' one-hot blocks.
    DiverseCounterfactuals(const Model& model, std::shared_ptr<const counterfactual::Features> features,
                           CounterfactualOptions options = {});
    ~DiverseCounterfactuals() override;
    /// Throws Error(usage) where constraints do not fit the row.
    [[nodiscard]] Explanation explain(const Batch& input, const Target& target,
                                      const Run& run) const override;

  private:
    const Model& model_;
    CounterfactualOptions options_;
    std::shared_ptr<const counterfactual::Features> features_;
};

/// The nearest rows of the data to which the model gives the wanted answer and that the constraints
/// allow: real people, not made ones ("native counterfactuals": Keane, Smyth 2020; nearest unlike
/// neighbours: Dasarathy 1995). Exact within the budget. Asks rows from the nearest on, in blocks.
/// diversity and sparsity are not used.
class NearestUnlikeNeighbour : public Explainer {
  public:
    /// As DiverseCounterfactuals.
    NearestUnlikeNeighbour(const Model& model, Schema schema, const Tensor& background,
                           CounterfactualOptions options = {});
    NearestUnlikeNeighbour(const Model& model, std::shared_ptr<const counterfactual::Features> features,
                           CounterfactualOptions options = {});
    ~NearestUnlikeNeighbour() override;
    [[nodiscard]] Explanation explain(const Batch& input, const Target& target,
                                      const Run& run) const override;

  private:
    const Model& model_;
    CounterfactualOptions options_;
    std::shared_ptr<const counterfactual::Features> features_;
};

}  // namespace whence
