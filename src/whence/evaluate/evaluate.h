#pragma once
// How good the explanations of several methods are: explained once, judged by all metrics together.

#include <string>
#include <vector>

#include "whence/core/score_card.h"
#include "whence/evaluate/registry.h"
#include "whence/evaluate/samples.h"

namespace whence::evaluate {

/// Values that came from elsewhere, to be judged like a method's.
struct Given {
    std::string name;
    Tensor values;  ///< a row for each input of the pool, or for each that is judged
};

/// An option of a method or of a metric, by its owner's name. Text is read as the owner's option
/// is.
struct OwnedOption {
    std::string owner;
    Option option;
};
/// "OWNER.NAME=VALUE". Throws Error(usage).
[[nodiscard]] OwnedOption parse_owned_option(const std::string& text);

/// The method of random normal values: the control that every method should beat.
inline constexpr std::string_view control_name = "random";

struct Request {
    /// Names of methods, or "random"; none, and nothing given: what explains the model by default,
    /// a method that only asks, and random.
    std::vector<std::string> methods;
    std::vector<Given> given;
    std::vector<std::string> metrics;  ///< see choose_metrics
    /// Protected columns of a table, by name: "sex,race". Adds the metrics of fairness, and every metric by the groups
    /// of these columns.
    std::string protected_columns;
    std::vector<OwnedOption> options;
    std::string rows;     ///< see choose_rows
    int64_t samples = 0;  ///< see choose_rows
    /// As Recipe::target: top is each input's own predicted class; or "label": its true class.
    std::string target = "top";
    /// Of what is explained and of the answers that metrics read; automatic: that of the first
    /// method by itself, or raw where all values are given.
    Scale scale = Scale::automatic;
    std::string baseline;  ///< of methods; empty: the default of each
    GroundOptions ground;
    uint64_t seed = 0;
    int64_t resamples = 2000;
};

/// Explains every chosen input with every method and judges all by every metric. Questions that
/// metrics and methods have in common are asked once; the same bits whatever the threads, but for
/// seconds. Throws Error(usage) for a name that does not exist, Error(unsupported) for a metric or
/// a method that was named and cannot be had, saying why; what was not named is left out, with the
/// reason in the card.
[[nodiscard]] ScoreCard evaluate(const recipe::Subject& subject, const Pool& pool,
                                 const Request& request, Run run);

}  // namespace whence::evaluate
