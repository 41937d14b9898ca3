#pragma once
// Every metric that `whence evaluate` offers, with its options: the one table from which the command
// line, Python and the documentation take names, defaults and help. What is known of each (direction,
// range, source, ...) stands in metrics/table.h.

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "whence/evaluate/ground.h"
#include "whence/metrics/explainer.h"
#include "whence/metrics/questions.h"
#include "whence/metrics/table.h"
#include "whence/recipe/methods.h"

namespace whence::evaluate {

/// One explanation of one sample, as a metric sees it.
struct Case {
    const Ground& ground;
    std::span<const double> values;       ///< one for each player
    std::span<const uint8_t> mask;        ///< of the object, one for each player; empty: none is known
    std::optional<double> error;          ///< attribution error as the explanation states it
    std::string_view no_error_because;
    const recipe::Subject* subject = nullptr;  ///< whose model it is; none for values from elsewhere
    const data::Table* background = nullptr;   ///< of the evaluation; none where none was given
    /// Explains other inputs (rows as ground.row()) as this one was: same method, options, target,
    /// and the seed of the run it is given. Empty for values that came from elsewhere.
    metrics::Explainer explain;
    /// The same for another class.
    std::function<metrics::Explainer(int64_t index)> explain_class;
    metrics::ExplainerOf explain_with;  ///< the model reads what the subject's reads
    /// What several metrics want of this explanation (its neighbours, say), or of all explanations of
    /// the evaluation (randomised models), made once: kept->get<T>(key, make).
    std::shared_ptr<recipe::Kept> kept, kept_for_all;
};

/// Explanations of one method for all samples.
struct DataSet {
    std::vector<std::span<const double>> values;  ///< empty span: not explained
    std::vector<int64_t> labels;                  ///< of each sample; empty: none are known
    std::vector<uint8_t> correct;                 ///< 1: predicted right; empty without labels
    std::vector<std::span<const uint8_t>> masks;  ///< empty: none are known
    std::string_view modality;
};

/// A number of a data set: of samples by their positions, which may come several times. NaN where it
/// is not defined.
using Statistic = std::function<double(std::span<const int64_t> samples)>;

/// Asks the model: plans questions that all metrics share.
using AsksModel = std::unique_ptr<const metrics::Metric> (*)(const recipe::OptionValues&);
/// Scores one explanation by itself: from its values, its mask, or by asking its method again. Throws
/// Error(unsupported) for what it makes no sense for.
using OfOne = metrics::Score (*)(const Case&, const recipe::OptionValues&, const Run&);
/// Scores all explanations of a method together. Throws Error(unsupported) as OfOne.
using OfAll = Statistic (*)(const DataSet&, const recipe::OptionValues&, const Run&);
/// Needs what one model and its data cannot give; in words what that is.
using Elsewhere = std::string_view;

enum class Default { never, always, texts };

struct MetricSpec {
    std::string_view name;  ///< of metrics::facts
    std::vector<recipe::OptionSpec> options;
    std::variant<AsksModel, OfOne, OfAll, Elsewhere> score;
    Players players = Players::all;
    bool mean_of_region = false;  ///< a region's value is the mean of its pixels, not the sum
    bool each_player = false;     ///< asks about every player by itself
    bool in_units = false;        ///< compares values with answers: both must be of one scale
    bool asks_method = false;     ///< explains again
    /// Only for these: "image", or "image", "table" and "vector"; empty: for all.
    std::vector<std::string_view> modalities = {};
    Default by_default = Default::never;
};

[[nodiscard]] const std::vector<MetricSpec>& registry();
/// Throws Error(usage) with the nearest names.
[[nodiscard]] const MetricSpec& find_metric(std::string_view name);

/// A metric of the card, and whether somebody named it.
struct ChosenMetric {
    const MetricSpec* spec;
    bool named;
};
/// Names of metrics and of categories, and "all"; none: those by default for this modality. In the
/// order of the registry, each once. Throws Error(usage) with the nearest names.
[[nodiscard]] std::vector<ChosenMetric> choose_metrics(std::span<const std::string> names,
                                                       std::string_view modality);

/// For people: names with direction, range, needs, source, assumption and what they cannot tell, and
/// their options. `only`: one metric or category; empty: all.
[[nodiscard]] std::string describe_metrics(std::string_view only = "");

}  // namespace whence::evaluate
