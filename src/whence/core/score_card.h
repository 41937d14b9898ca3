#pragma once
// How good the explanations of several methods are: metrics by methods, with what may and may not
// be concluded.

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "whence/core/explanation.h"

namespace whence {

/// What a metric says of a method over all samples. Intervals are 95 % percentile bootstrap
/// intervals over samples (Efron 1979); NaN where there is nothing, or too little for an interval.
struct ScoreEstimate {
    double value = std::numeric_limits<double>::quiet_NaN();  ///< the mean, or the data set's value
    double low = std::numeric_limits<double>::quiet_NaN();
    double high = std::numeric_limits<double>::quiet_NaN();
    int64_t defined = 0;  ///< samples the value is of
    int64_t undefined = 0;
    std::string undefined_because;  ///< of the first undefined one
    std::vector<double>
        scores;  ///< one for each sample, NaN where undefined; empty: of the data set
    /// Methods, by their place in the card, that this one is distinguishably better than: the
    /// interval of the paired difference excludes 0, at 95 % for all comparisons of a method
    /// together (Bonferroni). `best`: better than every other.
    std::vector<int64_t> better_than;
    bool best = false;
};

/// One metric of every method.
struct ScoreCardRow {
    std::string metric, category;
    bool higher_is_better = false;
    double low = 0, high = 0;  ///< the range of the metric; may be infinite
    std::string source, assumes, cannot_tell;
    std::vector<Option> options;    ///< as used, defaults included
    bool of_data_set = false;       ///< a value of all samples together, not a mean
    std::vector<ScoreEstimate> of;  ///< one for each method of the card
};

/// A method, what it cost and how far its sums are off.
struct ScoredMethod {
    std::string name;
    std::string baseline;  ///< what its values are compared with, in words; empty: nobody said
    std::string scale;     ///< of its values; empty: nobody said
    bool control = false;  ///< random values, which every method should beat
    bool given = false;    ///< values that came from elsewhere
    int64_t explained = 0, failed = 0;
    std::string failure;  ///< of the first that failed
    int64_t evaluations = 0, gradient_evaluations = 0;
    double seconds = 0;  ///< of all explanations
    /// Attribution errors; NaN where none are stated, and then why.
    int64_t error_stated = 0, relative_error_stated = 0;
    double mean_error = 0, median_error = 0, largest_error = 0;  ///< |E|
    double median_relative_error = 0, largest_relative_error = 0;
    std::string no_error_because;
};

/// Rank correlation of two metrics over samples: do they say the same of the same explanations?
struct Agreement {
    std::string first, second;
    double correlation = 0, low = 0, high = 0;  ///< Spearman, both turned so that higher is better
};

/// A metric over the samples of one group.
struct GroupScore {
    std::string group;
    int64_t samples = 0;  ///< whose score is defined
    double value = 0, low = 0, high = 0;  ///< mean and its interval; NaN where there are none
};

/// Are some explained worse than others? One metric of one method, by the groups of a protected column.
struct QualityGap {
    std::string column, metric, method;
    std::vector<GroupScore> groups;
    /// The largest difference between two groups' means, and the interval of the difference between these
    /// two; NaN where fewer than two groups have 2 samples.
    double gap = 0, low = 0, high = 0;
    std::string higher, lower;  ///< those two
    double p_value = 0;         ///< how often groups drawn at random differ as much
};

/// A metric or a method that was asked for and is not in the card.
struct LeftOut {
    std::string name, because;
};

/// A sentence of the verdict, and the rule that wrote it.
struct Conclusion {
    std::string rule;
    bool caution = false;  ///< what may not be concluded
    std::string text;
};

struct ScoreCard {
    std::string modality;  ///< "table", "image", "text" or "vector"
    std::string model, data;
    int64_t samples = 0, available = 0;  ///< judged, and how many there were
    std::vector<int64_t> rows;           ///< which they are, from 0
    std::string target;                  ///< in words
    std::string scale;                   ///< of the answers that metrics read
    std::string players;                 ///< what is removed, in words
    std::string removed;                 ///< what stands for it, in words
    std::optional<double> accuracy;  ///< share of samples predicted right, where labels were given
    std::vector<ScoredMethod> methods;
    std::vector<ScoreCardRow> table;
    std::vector<Agreement> agreements;
    std::vector<QualityGap> gaps;  ///< where protected columns were named
    std::vector<LeftOut> left_out;
    std::vector<Conclusion> verdict;
    int64_t resamples = 0;
    int64_t evaluations = 0;  ///< rows that metrics asked the model about
    double seconds = 0;       ///< of the metrics
    uint64_t seed = 0;
    std::string version;
};

/// One JSON object with everything; NaN is null. Values do not depend on the threads, seconds do.
[[nodiscard]] std::string to_json(const ScoreCard& card);

}  // namespace whence
