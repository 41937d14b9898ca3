#pragma once
// The rows of a ledger, group by group, as the document looks at them.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "whence/experiment/inference.h"
#include "whence/experiment/rows.h"

namespace whence::experiment {

/// All trainings of one data set and architecture as one method explains them: [iterations][folds]
/// [epochs]. Iterations that are not whole in the ledger are left out.
struct Group {
    std::string data_set, architecture, method;
    int64_t iterations = 0, folds = 0, epochs = 0;
    std::vector<const ResultRow*> rows;

    [[nodiscard]] const ResultRow& row(int64_t iteration, int64_t fold, int64_t epoch) const {
        return *rows[(iteration * folds + fold) * epochs + epoch];
    }
};

/// Groups with at least one whole iteration, in the order of the spec. They point into `study`.
[[nodiscard]] std::vector<Group> groups_of(const Study& study);

/// A number that every row has; NaN where it does not exist.
struct Quantity {
    std::string name;
    std::function<double(const ResultRow&)> of;
};
[[nodiscard]] Series series_of(const Group& group, const Quantity& quantity);

[[nodiscard]] Quantity accuracy();
[[nodiscard]] Quantity mege(const Spec& spec, size_t difference, metrics::MegeScale scale);
[[nodiscard]] Quantity reco(const Spec& spec, size_t difference);
/// Those that conclusions are drawn from: by the first difference and the spec's scale.
[[nodiscard]] Quantity mege(const Spec& spec);
[[nodiscard]] Quantity reco(const Spec& spec);
[[nodiscard]] Quantity overlap(bool micro);
/// alpha N_p / N + (1 - alpha) Jaccard, N_p counted by predictions or by interpretations.
[[nodiscard]] Quantity interpretation_accuracy(const Spec& spec, bool predictions, bool micro);

/// How the claim fares on one data set: all four correlations of accuracy with MeGe and ReCo, for
/// each method, above zero.
enum class Verdict {
    holds,      ///< all intervals are above 0
    fails,      ///< one is below 0
    undecided,  ///< none is below 0, and one is not above it
};
struct Tested {
    std::string what;  ///< "MeGe of lime"
    Correlation pearson;
};
[[nodiscard]] Verdict verdict_of(const std::vector<Tested>& tested);

}  // namespace whence::experiment
