// Metrics that compare an explanation with an object that somebody marked.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "whence/core/error.h"
#include "whence/evaluate/metric_rows.h"
#include "whence/metrics/interpretation_accuracy.h"
#include "whence/metrics/localisation.h"
#include "whence/metrics/statistics.h"

namespace whence::evaluate {
namespace {

using metrics::Relevance;
using metrics::Score;
using recipe::OptionValues;

Score defined(double value) {
    if (!std::isnan(value)) return {.value = value};
    return {.value = value, .undefined_because = "no value is positive: nothing is localised"};
}

Score pointing_game(const Case& c, const OptionValues&, const Run&) {
    return defined(metrics::pointing_game(c.values, c.mask));
}
Score relevance_mass(const Case& c, const OptionValues& o, const Run&) {
    return defined(metrics::relevance_mass(
        c.values, c.mask, o.get<bool>("absolute") ? Relevance::absolute : Relevance::positive));
}
Score relevance_rank(const Case& c, const OptionValues&, const Run&) {
    return defined(metrics::relevance_rank(c.values, c.mask));
}
Score attribution_localisation(const Case& c, const OptionValues&, const Run&) {
    return defined(metrics::attribution_localisation(c.values, c.mask));
}
Score top_k_intersection(const Case& c, const OptionValues& o, const Run&) {
    return defined(metrics::top_k_intersection(c.values, c.mask, o.get<int64_t>("k")));
}
Score roc_auc(const Case& c, const OptionValues&, const Run&) {
    return defined(metrics::roc_auc(c.values, c.mask));
}

// The explanation's own mask: as many of its largest values as the object has pixels.
std::vector<uint8_t> mask_of(std::span<const double> values, std::span<const uint8_t> object) {
    const auto size = std::ranges::count_if(object, [](uint8_t in) { return in != 0; });
    const std::vector<int32_t> order = metrics::descending(values);
    std::vector<uint8_t> out(values.size(), 0);
    for (int64_t k = 0; k < size; ++k) out[order[k]] = 1;
    return out;
}

// Over any resample: an object that comes twice counts twice.
Statistic interpretation_accuracy(const DataSet& data, const OptionValues& o, const Run&) {
    metrics::InterpretationOptions options{.alpha = o.get<double>("alpha"),
                                           .threshold = o.get<double>("threshold")};
    if (data.correct.empty())
        throw Error(ErrorKind::unsupported,
                    "it counts right predictions, and the model answers with a number that is no "
                    "class");
    const bool macro = o.get<bool>("macro"), places = o.get<bool>("count-interpretations");
    using Settings = metrics::InterpretationOptions;
    if (macro) options.average = Settings::Average::macro;
    if (places) options.counted = Settings::Counted::interpretations;
    std::vector<std::vector<uint8_t>> own(data.values.size());
    for (size_t i = 0; i < own.size(); ++i)
        if (!data.values[i].empty() && !data.masks[i].empty())
            own[i] = mask_of(data.values[i], data.masks[i]);
    return [data, options, own](std::span<const int64_t> samples) {
        std::vector<uint8_t> explained, objects, correct;
        int64_t rows = 0;
        size_t width = 0;
        for (const int64_t i : samples) {
            if (own[i].empty()) continue;
            if (rows > 0 && own[i].size() != width) return std::nan("");
            width = own[i].size();
            ++rows;
            explained.insert(explained.end(), own[i].begin(), own[i].end());
            objects.insert(objects.end(), data.masks[i].begin(), data.masks[i].end());
            correct.push_back(data.correct[i]);
        }
        if (rows == 0) return std::nan("");
        const auto columns = static_cast<int64_t>(width);
        return metrics::interpretation_accuracy({explained.data(), rows, columns},
                                                {objects.data(), rows, columns}, correct, options)
            .value;
    };
}

}  // namespace

std::vector<MetricSpec> localisation_rows() {
    return {
        {.name = "pointing-game", .options = {}, .score = pointing_game},
        {.name = "relevance-mass",
         .options = {{{"absolute", false}, "relevance is |value|, not its positive part"}},
         .score = relevance_mass,
         .by_default = Default::always},
        {.name = "relevance-rank", .options = {}, .score = relevance_rank},
        {.name = "attribution-localisation", .options = {}, .score = attribution_localisation},
        {.name = "top-k-intersection",
         .options = {{{"k", int64_t{1000}}, "largest values that are looked at"}},
         .score = top_k_intersection},
        {.name = "roc-auc", .options = {}, .score = roc_auc, .by_default = Default::always},
        {.name = "interpretation-accuracy",
         .options = {{{"alpha", 0.5}, "weight of the share of right ones"},
                     {{"macro", false}, "mean of the objects' own overlaps, not of all pixels"},
                     {{"count-interpretations", false},
                      "right ones are overlaps above the threshold, not right predictions"},
                     {{"threshold", 0.5}, "of the overlap"}},
         .score = interpretation_accuracy},
    };
}

}  // namespace whence::evaluate
