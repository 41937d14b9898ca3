// Metrics that ask the model about inputs with players removed.

#include <fmt/format.h>

#include <charconv>

#include "whence/core/error.h"
#include "whence/evaluate/metric_rows.h"
#include "whence/metrics/axioms.h"
#include "whence/metrics/curves.h"
#include "whence/metrics/subsets.h"
#include "whence/recipe/names.h"

namespace whence::evaluate {
namespace {

using namespace metrics;
using recipe::OptionSpec;
using recipe::OptionValues;
using Made = std::unique_ptr<const Metric>;

// "0.1, 0.5".
std::vector<double> numbers(const OptionValues& options, std::string_view name) {
    std::vector<double> out;
    for (const std::string& text : recipe::parse_names(options.get<std::string>(name))) {
        double value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc() || end != text.data() + text.size())
            throw Error(ErrorKind::usage,
                        fmt::format("{}: '{}' is no number", name, printable(text)));
        out.push_back(value);
    }
    return out;
}

OptionSpec step_option(int64_t otherwise) {
    return {{"step", otherwise}, "players that go at once; 0: a hundredth of them, rounded up"};
}
OptionSpec samples_option(const char* help) {
    return {{"samples", int64_t{100}}, help};
}
OptionSpec fractions_option(const char* otherwise, const char* help) {
    return {{"fractions", std::string(otherwise)}, help};
}

template <class M>
Made by_steps(const OptionValues& o) {
    return std::make_unique<M>(StepOptions{.step = o.get<int64_t>("step")});
}
template <class M>
Made by_fractions(const OptionValues& o) {
    return std::make_unique<M>(FractionOptions{.fractions = numbers(o, "fractions")});
}

Made region_perturbation(const OptionValues& o) {
    return std::make_unique<RegionPerturbation>(
        RegionOptions{.regions = o.get<int64_t>("regions")});
}
Made irof(const OptionValues&) {
    return std::make_unique<Irof>();
}
Made road(const OptionValues& o) {
    return std::make_unique<Road>(RoadOptions{.fractions = numbers(o, "fractions")});
}
Made sensitivity_n(const OptionValues& o) {
    return std::make_unique<SensitivityN>(SensitivityNOptions{
        .fractions = numbers(o, "fractions"), .samples = o.get<int64_t>("samples")});
}
Made faithfulness_correlation(const OptionValues& o) {
    return std::make_unique<FaithfulnessCorrelation>(
        FaithfulnessCorrelationOptions{.fraction = o.get<double>("fraction"),
                                       .samples = o.get<int64_t>("samples"),
                                       .subsets = {}});
}
Made infidelity(const OptionValues& o) {
    return std::make_unique<Infidelity>(InfidelityOptions{
        .samples = o.get<int64_t>("samples"), .scaled = o.get<bool>("scaled"), .subsets = {}});
}
Made completeness(const OptionValues& o) {
    return std::make_unique<Completeness>(
        CompletenessOptions{.tolerance = o.get<double>("tolerance")});
}
Made non_sensitivity(const OptionValues& o) {
    return std::make_unique<NonSensitivity>(
        NonSensitivityOptions{.value_below = o.get<double>("value-below"),
                              .change_below = o.get<double>("change-below")});
}

}  // namespace

std::vector<MetricSpec> faithfulness_rows() {
    const char* five = "0.01, 0.05, 0.1, 0.2, 0.5";
    return {
        {.name = "deletion",
         .options = {step_option(0)},
         .score = by_steps<Deletion>,
         .by_default = Default::always},
        {.name = "insertion",
         .options = {step_option(0)},
         .score = by_steps<Insertion>,
         .by_default = Default::always},
        {.name = "pixel-flipping",
         .options = {step_option(1)},
         .score = by_steps<PixelFlipping>,
         .each_player = true},
        {.name = "region-perturbation",
         .options = {{{"regions", int64_t{100}}, "removed at most, one after the other"}},
         .score = region_perturbation,
         .players = Players::regions},
        {.name = "sufficiency",
         .options = {fractions_option(five, "of the players that are kept")},
         .score = by_fractions<Sufficiency>,
         .by_default = Default::texts},
        {.name = "comprehensiveness",
         .options = {fractions_option(five, "of the players that are removed")},
         .score = by_fractions<Comprehensiveness>,
         .by_default = Default::texts},
        {.name = "irof",
         .options = {},
         .score = irof,
         .players = Players::regions,
         .mean_of_region = true},
        {.name = "road",
         .options = {fractions_option("0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9",
                                      "of the pixels that are imputed")},
         .score = road,
         .players = Players::imputed,
         .modalities = {"image"}},
        {.name = "monotonicity",
         .options = {step_option(1)},
         .score = by_steps<Monotonicity>,
         .each_player = true},
        {.name = "sensitivity-n",
         .options = {fractions_option("0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8",
                                      "of the players in a subset"),
                     samples_option("subsets of each size")},
         .score = sensitivity_n},
        {.name = "faithfulness-correlation",
         .options = {{{"fraction", 0.2}, "of the players in each subset"},
                     samples_option("subsets")},
         .score = faithfulness_correlation,
         .by_default = Default::always},
        {.name = "infidelity",
         .options = {samples_option("subsets"),
                     {{"scaled", false},
                      "values are multiplied by the factor that fits best first"}},
         .score = infidelity,
         .in_units = true},
        {.name = "completeness",
         .options = {{{"tolerance", 1e-3}, "of |f(x) - f(baseline)|"}},
         .score = completeness,
         .in_units = true},
        {.name = "non-sensitivity",
         .options = {{{"value-below", 1e-5}, "of the largest |value|: counts as 0"},
                     {{"change-below", 1e-5}, "of the answer: counts as none"}},
         .score = non_sensitivity,
         .each_player = true},
    };
}

}  // namespace whence::evaluate
