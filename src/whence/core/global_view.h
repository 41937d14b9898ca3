#pragma once
// What a model does over a whole table: importance, curves, interactions, or a simpler model that
// stands for it.

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "whence/core/explanation.h"
#include "whence/core/schema.h"

namespace whence {

/// One number for each feature: what is lost when its column is shuffled.
struct Importance {
    std::string loss;      ///< "error-rate", "log-loss", "squared-error", "prediction-change"
    double reference = 0;  ///< mean loss of the rows as they stand
    std::vector<int64_t> features;  ///< columns, in the order of the table
    /// Mean increase of the loss, one for each of `features`, in the loss's units.
    std::vector<double> values;
    /// Of the mean over rows (that the shuffles differ is in it); NaN for a single row.
    std::vector<double> standard_errors;
    std::vector<std::vector<double>> repeats;  ///< [feature][repeat]: the increase of each shuffle
};

/// The target against one feature.
struct Curve {
    int64_t feature = 0;
    std::vector<double> grid;    ///< rising numbers, or codes of categories; in the feature's units
    std::vector<double> values;  ///< at each point of the grid, in the target's units
    /// Partial dependence: of the mean over rows. ALE: of what was accumulated since the first
    /// point. NaN where there are too few rows to tell.
    std::vector<double> standard_errors;
    /// Row numbers and their own curves [row][point] (ICE); else empty.
    std::vector<int64_t> rows;
    std::vector<std::vector<double>> lines;
    /// ALE: rows between each two points; for categories rows of both. Else empty.
    std::vector<int64_t> counts;
    std::vector<double> deciles;  ///< of the column, 0 to 100 %: where the data are; numbers only
};

struct Curves {
    /// Every curve has value 0 at the first point of its grid (centred ICE).
    bool centered = false;
    std::vector<Curve> curves;
};

/// Friedman and Popescu's H.
struct InteractionStrengths {
    /// H: the share (0 to 1, more only where the parts cancel) of a standard deviation that is
    /// interaction. `strength`: the interaction's own standard deviation, in the target's units.
    struct Strength {
        double h = 0, strength = 0;
    };
    struct Pair {
        int64_t first = 0, second = 0;
        Strength interaction;
    };
    std::vector<int64_t> features;
    std::vector<Strength> totals;  ///< of each feature with all others together
    std::vector<Pair> pairs;       ///< strongest first
};

/// How well a surrogate stands for the model.
struct Fidelity {
    /// 1 - sum (f - s)^2 / sum (f - mean f)^2; none where the model's answers are all the same.
    std::optional<double> r2;
    /// Share of rows in which both say a probability on the same side of 1/2; probabilities only.
    std::optional<double> agreement;
    int64_t rows = 0;       ///< on which it was measured
    bool held_out = false;  ///< and which the surrogate had not seen
};

/// A test of one column. Numbers: low < x <= high. Categories: x is one of `categories`.
struct Condition {
    int64_t feature = 0;
    double low = -std::numeric_limits<double>::infinity();
    double high = std::numeric_limits<double>::infinity();
    std::vector<int64_t> categories;  ///< codes, rising; of a categorical column
    bool missing = false;             ///< holds where the value is missing
    [[nodiscard]] bool holds(double value, bool categorical) const;
};
/// "12.3 < worst radius <= 16.8", "sex in {female, unknown} or missing".
[[nodiscard]] std::string to_text(const Condition& condition, const Schema& schema);

struct SurrogateTree {
    struct Node {
        Condition left_if;              ///< of an inner node
        int64_t left = -1, right = -1;  ///< places in `nodes`; -1: a leaf
        double value = 0;               ///< mean of the model's answers
        double share = 0;               ///< of the training rows
        [[nodiscard]] bool leaf() const { return left < 0; }
    };
    std::vector<Node> nodes;  ///< the root first
    Fidelity fidelity;
};

struct RuleList {
    struct Rule {
        std::vector<Condition> conditions;  ///< all must hold
        double value = 0;                   ///< mean of the model's answers where it is the first
        double share = 0;                   ///< of the training rows
    };
    std::vector<Rule> rules;  ///< the first that holds answers; the last has no conditions
    Fidelity fidelity;
};

struct LinearSurrogate {
    struct Term {
        int64_t feature = 0;
        std::optional<int64_t> category;  ///< 1 where the column is this category, else 0
        double weight = 0;                ///< for one unit of the feature
        double effect = 0;                ///< for one standard deviation of it
        double missing = 0;               ///< what stands for a missing number: the column's mean
    };
    double intercept = 0;
    std::vector<Term> terms;  ///< largest |effect| first
    Fidelity fidelity;
};

struct GlobalView {
    std::string view;  ///< "importance", "ale", ...
    std::variant<Importance, Curves, InteractionStrengths, SurrogateTree, RuleList, LinearSurrogate>
        result;
    Schema schema;        ///< columns of the table
    TargetRecord target;  ///< the scalar: which output, class and scale; nothing else of it is set
    int64_t rows = 0;     ///< that were used
    std::vector<std::string> notes;  ///< what a careful reader must know
    Provenance provenance;
};

/// One JSON object with everything but what can be recomputed; NaN is null.
[[nodiscard]] std::string to_json(const GlobalView& view);

}  // namespace whence
