#pragma once
// The answer: what contributed how much, compared with what, at what cost, and how wrong it may be.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "whence/core/target.h"
#include "whence/core/tensor.h"

namespace whence {

/// One option of a method as it was used, defaults included. Names as on the command line.
struct Option {
    std::string name;
    std::variant<bool, int64_t, double, std::string> value;
};

/// A text that was explained, and where its words stand.
struct ExplainedText {
    /// A place of a feature: bytes [begin, end) of `text`.
    struct Part {
        int64_t begin = 0, end = 0;
        int64_t feature = 0;  ///< index into the attribution's values
        friend bool operator==(const Part&, const Part&) = default;
    };
    std::string text;         ///< UTF-8
    std::vector<Part> parts;  ///< in the order of the text, none into another
    friend bool operator==(const ExplainedText&, const ExplainedText&) = default;
};

/// A number for every feature.
struct Attribution {
    /// One value per element of the input (gradient methods: same shape as the input, one row), or
    /// one per player [players] (columns, superpixels).
    Tensor values;
    /// The tensor whose features the values belong to; empty: the model's input.
    std::string layer;
    /// Name of each value where features have names (columns); else empty.
    std::vector<std::string> names;
    /// What each feature is in this input, as a person reads it: "17.99", "16.8 < worst radius".
    std::vector<std::string> displays;
    /// Where names are conditions of one input (LIME's "2.3 < age <= 4"): the feature that each is
    /// about ("age"), by which explanations of several inputs meet. Else empty.
    std::vector<std::string> columns;
    /// Superpixels: int32 label of each pixel [height, width], label = index into values. Else empty.
    std::optional<Tensor> segments;
    /// Texts: where the words that the values belong to stand. Else empty.
    std::optional<ExplainedText> text;
    /// Standard error of each value where the method samples; else empty.
    std::vector<double> standard_errors;
    /// Intercept of a surrogate (LIME); none where the method has none.
    std::optional<double> intercept;
};

/// The feature that value number `index` is about, whatever the input: its column where that is
/// known beside a condition, else its name, else "feature N".
[[nodiscard]] std::string column_of(const Attribution& attribution, size_t index);

/// What pairs of features contribute together.
struct Interactions {
    /// [features, features], symmetric: the effect of a pair is split evenly between (i, j) and
    /// (j, i); the main effects stand in the diagonal. Rows add up to the attribution where the
    /// method says so. Named as the attribution.
    Tensor values;
    /// Of each element of `values`, row-major, where the method samples; else empty.
    std::vector<double> standard_errors;
};

/// A condition that (nearly) suffices for the prediction (anchors).
struct Rule {
    struct Condition {
        int64_t feature = 0;  ///< column, superpixel or word
        std::string text;     ///< as a person reads it: "worst radius > 16.8"
        /// How texts of conditions end that no sign can say; words in other languages know them by it.
        static constexpr std::string_view is_there = " is there", is_missing = " is missing";
        /// How a superpixel is named, before its number.
        static constexpr std::string_view segment = "segment ";
    };
    /// All must hold; empty: the prediction holds almost everywhere.
    std::vector<Condition> conditions;
    /// Share of inputs that satisfy the rule and get the same prediction, and the interval that
    /// holds it with probability `confidence`.
    double precision = 0, precision_low = 0, precision_high = 1;
    double confidence = 0.95;
    /// Share of all inputs that satisfy the rule.
    double coverage = 0;
};

/// A leaf of a local decision tree (LIME): what leads there and what is said there.
struct LocalRule {
    std::vector<Rule::Condition> conditions;  ///< all hold; none: the tree is one leaf
    double value = 0;                         ///< mean answer to the samples there, weighted
    double share = 0;                         ///< of the samples, weighted
    bool holds_here = false;                  ///< the explained input itself is there
};

/// One input like the explained one that gets another answer.
struct Counterfactual {
    struct Change {
        int64_t feature = 0;  ///< column, superpixel or word
        std::string name;     ///< of the feature
        std::string from, to; ///< as a person reads them
    };
    Tensor values;            ///< one row: the changed input
    std::vector<Change> changes;
    double prediction = 0;    ///< the target's value there
    std::string label;        ///< what the model answers there
    bool valid = false;       ///< it is the answer that was wanted
    double distance = 0;      ///< from the input, in the units that `Counterfactuals::metric` names
    /// Distance to the nearest example of the data, in the same units; none without data.
    std::optional<double> to_data;
};

struct Counterfactuals {
    std::string wanted;  ///< in words: "benign", "at least 0.7"
    std::string metric;  ///< in words: "sum of |change| / MAD"
    std::vector<Counterfactual> found;  ///< the nearest first; not valid only where none was found
    /// Proven: no input within the limits that gets the wanted answer is nearer, in the units of
    /// what was minimised (distance, or changes). The first one's own where it is proven nearest;
    /// none where nothing is proven, or that there is no such input.
    std::optional<double> lower_bound = {};
};

/// How little a baseline says by itself, for one model (a measure of our own).
struct Neutrality {
    /// Classes: total variation distance between the probabilities at the baseline and the neutral
    /// ones, 0 (says nothing) to 1 (certain of what is never seen). Other outputs: |f(baseline) -
    /// mean| over the standard deviation of the background's answers.
    double distance = 0;
    std::string compared_with;  ///< "equal probabilities", or "the mean answer to N background rows"
    std::string prediction;     ///< what the model says of the baseline: "dog 0.23", in words
};

/// The scalar explained and what it was compared with.
struct TargetRecord {
    ResolvedTarget resolved;
    std::string label;                       ///< name of the class where known
    double value = 0;                        ///< f(x)
    std::string baseline;                    ///< describe(Baseline), or what the method implies
    std::optional<double> baseline_value;    ///< f(baseline); none where there is no such point
    std::optional<Neutrality> neutrality;    ///< of the baseline; none where it cannot be told
};

struct Diagnostics {
    /// sum(attributions) - (f(x) - f(baseline)), before any rescaling. None where the method claims
    /// no completeness; then `no_error_because` says why.
    std::optional<double> attribution_error;
    /// |attribution_error| / |f(x) - f(baseline)|. None where the difference is (nearly) zero: then
    /// the baseline does not separate, and a note says so.
    std::optional<double> relative_error;
    std::string no_error_because;
    std::optional<double> surrogate_r2;        ///< LIME: weighted R2 of the local model
    std::optional<double> local_prediction;    ///< LIME: the local model at the input itself
    std::optional<bool> converged;             ///< adaptive methods: tolerance met within the budget
    std::vector<std::string> notes;            ///< what a careful reader must know, one line each
};

/// A file that was explained together with others.
struct InputFile {
    std::string name;  ///< of the model's input
    std::string path, sha256;
    std::optional<int64_t> row;
};

struct Provenance {
    std::string method;                ///< "integrated-gradients"
    std::vector<Option> options;
    uint64_t seed = 0;
    std::string version;
    int64_t evaluations = 0;           ///< rows through the forward pass alone
    int64_t gradient_evaluations = 0;  ///< rows through forward and backward
    double seconds = 0;                ///< wall clock; not part of what replay compares
    // What was explained; filled by whoever read the files, empty for arrays in memory.
    std::string model_path, model_sha256;
    std::string input_path, input_sha256;
    std::optional<int64_t> input_row;        ///< row of a table, counted from 0
    /// Where several inputs of a model were explained together: their files, and the three above are
    /// empty.
    std::vector<InputFile> inputs;
    std::string preprocessing;               ///< JSON of the preprocessing that was used
    std::string background_path, background_sha256;
};

/// What a method found: an attribution, with what pairs do together where it looks at pairs; or a
/// rule; or counterfactuals. What it does not give is empty.
struct Explanation {
    Attribution attribution;
    std::optional<Interactions> interactions;
    std::optional<Rule> rule;
    std::vector<LocalRule> local_rules;  ///< of a local tree; each input satisfies exactly one
    std::optional<Counterfactuals> counterfactuals;
    TargetRecord target;
    Diagnostics diagnostics;
    Provenance provenance;
};

/// Sets attribution_error and relative_error from values, f(x) and f(baseline):
/// E = R - T and E_rel = |E| / |T| (attribution target T, result R), the sum taken in double. A
/// target below 1e-8 * max(1, |f(x)|, |f(baseline)|) gets no relative error but a note.
void state_attribution_error(Explanation& explanation);

}  // namespace whence
