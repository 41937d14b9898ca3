#pragma once
// Anchors: a condition that nearly suffices for a prediction (Ribeiro, Singh, Guestrin 2018,
// "Anchors: high-precision model-agnostic explanations").
//
//   prec(A) = P( f(z) = f(x) | z from D(z | A) )      cov(A) = P( A holds for z from D )
//
// Looked for is the A that holds for x, with the largest coverage among those for which
// P(prec(A) >= threshold) >= 1 - delta. D keeps what the rule names as it is and draws the rest
// from the data (tables) or hides it with probability 1/2 (superpixels, words). Cost: mostly the
// model, some hundreds to some ten thousand rows; a row that belongs to several candidates is asked
// once. Where the time is over or the model out of reach in the middle, the best rule seen so far
// is the answer, and the explanation says that it did not converge.
//
// When it misleads: D moves columns independently of each other, so the model is asked about rows
// that do not occur; a rule with a coverage near 0 says little beyond the input itself; there are
// many rules, and this is one of them.

#include <memory>
#include <optional>

#include "whence/anchors/sampler.h"
#include "whence/core/baseline.h"
#include "whence/core/explainer.h"
#include "whence/core/schema.h"
#include "whence/mask/masker.h"
#include "whence/perturb/lime.h"  // Discretizer

namespace whence {

/// Names and defaults as the anchor package's, but for beam_size, which there is said to be 4 and
/// is 1 (the argument is never passed on).
struct AnchorOptions {
    double threshold = 0.95;     ///< precision wanted, in (0, 1]
    double delta = 0.1;          ///< probability of being wrong about it, in (0, 1)
    double tau = 0.15;           ///< how far from the best a candidate kept may be, in (0, 1)
    double epsilon_stop = 0.05;  ///< precision - epsilon_stop is what is proven, in (0, 1)
    int64_t beam_size = 1;       ///< candidates kept in each round
    int64_t batch_size = 100;    ///< samples drawn of a candidate at a time
    /// Rows of a table by which coverage is measured: all of them where there are not more,
    /// exactly.
    int64_t coverage_samples = 10000;
    int64_t max_anchor_size = 0;  ///< predicates in a rule; 0: any number
    bool stop_on_first = false;   ///< take the first rule that is precise enough
    /// Fresh samples by which the precision of the rule found is measured. Those of the search
    /// flatter it: of many candidates the luckiest is taken.
    int64_t confirm_samples = 1000;
    double confidence = 0.95;  ///< of the interval of that precision, in (0, 1)
    /// Outputs of one number that is neither probability nor logit: how far an answer may lie from
    /// this one and be the same prediction. 0: such models are refused.
    double within = 0;
};

namespace anchors {

class BackgroundTable;

/// Throws Error(usage) for options that make no sense.
void check(const AnchorOptions& options);

/// What all kinds of input share, and all that a new one needs beside its sampler: the search, the
/// precision of what it found, and what an explanation says of both. `method`, attribution and
/// options in the provenance are left to the caller. Throws as Explainer::explain and Judge do.
[[nodiscard]] Explanation explain(const Model& model, const Sampler& sampler, const Batch& input,
                                  const Target& target, const AnchorOptions& options,
                                  const Run& run);

}  // namespace anchors

struct AnchorTabularOptions {
    AnchorOptions search;
    /// How columns of numbers are cut into bins; none is refused.
    Discretizer discretizer = Discretizer::quartile;
    /// Class of each background row: for the entropy discretizer alone, which needs it.
    std::vector<int64_t> background_labels;
};

namespace anchors {

class BackgroundTable;

/// Rows to draw from, sorted and cut into bins: what explanations of many rows share. Throws as
/// AnchorTabular. `labels`: for the entropy discretizer alone.
[[nodiscard]] std::shared_ptr<const BackgroundTable> read_background(Schema schema, Tensor rows,
                                                                     Discretizer discretizer,
                                                                     std::span<const int64_t> labels = {});

}  // namespace anchors

/// Explains one row of a table. Predicates as in the anchor package: of a number in bin b of its
/// column "> e" for each edge e below the bin and "<= e" for each above; of a category "= c"; of a
/// missing value "is missing". D(z | A): a random row of the background; a column that breaks A
/// gets the value of a random background row that keeps it, or, where there is none, a uniform one
/// in the range.
class AnchorTabular : public Explainer {
  public:
    /// `model` (must outlive this) reads rows [N, columns] of float64 or float32, columns as in
    /// `schema`. `background`: float64 [rows, columns], at least one row, NaN where the column
    /// allows it. Throws Error(input) where the background does not fit the schema, Error(usage)
    /// for senseless options.
    AnchorTabular(const Model& model, Schema schema, Tensor background,
                  AnchorTabularOptions options = {});
    /// With a background that was read before, by the options' discretizer.
    AnchorTabular(const Model& model, std::shared_ptr<const anchors::BackgroundTable> table,
                  AnchorTabularOptions options = {});
    ~AnchorTabular() override;
    [[nodiscard]] Explanation explain(const Batch& input, const Target& target,
                                      const Run& run) const override;

  private:
    const Model& model_;
    AnchorTabularOptions options_;
    std::shared_ptr<const anchors::BackgroundTable> table_;
};

struct AnchorImageOptions {
    AnchorOptions search;
    /// What stands where a superpixel is not there: a baseline, or another picture. None: the mean
    /// colour of that superpixel.
    std::optional<Baseline> hide;
};

/// Explains an image by superpixels that must be visible; of the others each is hidden with
/// probability 1/2. Coverage of k superpixels is 2^-k.
class AnchorImage : public Explainer {
  public:
    /// `segments`: integers [height, width], one label for each pixel. `model` must outlive this.
    /// Throws Error(usage) for options that make no sense, Error(input) if `segments` is no matrix
    /// of integers.
    AnchorImage(const Model& model, Tensor segments, AnchorImageOptions options = {});
    [[nodiscard]] Explanation explain(const Batch& input, const Target& target,
                                      const Run& run) const override;

  private:
    const Model& model_;
    Tensor segments_;
    AnchorImageOptions options_;
};

/// Explains an input by players (words) that must be there; of the others each is hidden with
/// probability 1/2, as the masker hides it ("unknown" in the anchor package for texts). `hidden`
/// says in words how. Coverage of k players is 2^-k: a share of these perturbed inputs, not of the
/// texts that people write. The attribution is 1 for the players that the rule names, else 0.
/// Throws Error(input) for no players or a masker that fills in several ways, else as AnchorImage.
[[nodiscard]] Explanation anchor_players(const Model& model, const Masker& masker,
                                         const std::string& hidden, const AnchorOptions& options,
                                         const Batch& input, const Target& target, const Run& run);

}  // namespace whence
