// Metrics of explanations nearby: drawn and explained once for all of them.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "whence/core/error.h"
#include "whence/evaluate/metric_rows.h"
#include "whence/metrics/robustness.h"

namespace whence::evaluate {
namespace {

using metrics::Neighbours;
using metrics::Score;
using recipe::OptionSpec;
using recipe::OptionValues;

std::vector<OptionSpec> options() {
    return {
        {{"samples", int64_t{10}}, "inputs nearby that are explained"},
        {{"noise", std::string("uniform")}, "uniform or normal"},
        {{"size", 0.02},
         "largest noise (normal: its standard deviation), in units of the input; in a table with a "
         "background in standard deviations of each column, categories staying as they are"}};
}

metrics::Noise noise_of(const OptionValues& o) {
    const auto& text = o.get<std::string>("noise");
    for (const metrics::Noise noise : {metrics::Noise::uniform, metrics::Noise::normal})
        if (metrics::name(noise) == text) return noise;
    throw Error(ErrorKind::usage,
                fmt::format("there is no noise '{}'; choose uniform or normal", printable(text)));
}

// Standard deviation of each column of the background, 0 of categories; empty where there is none.
std::vector<double> scales(const Case& c) {
    if (c.ground.modality() != "table" || !c.subject || !c.subject->background()) return {};
    const data::Table& table = *c.subject->background();
    std::vector<double> out;
    for (size_t column = 0; column < table.columns.size(); ++column) {
        double sum = 0, squares = 0, there = 0;
        for (const double value : table.columns[column]) {
            if (std::isnan(value)) continue;
            sum += value;
            squares += value * value;
            ++there;
        }
        const double mean = sum / std::max(1.0, there);
        const double variance = squares / std::max(1.0, there) - mean * mean;
        out.push_back(table.schema[column].categorical() ? 0 : std::sqrt(std::max(0.0, variance)));
    }
    return out;
}

std::shared_ptr<const Neighbours> neighbours(const Case& c, const OptionValues& o, bool model,
                                             const std::string& layer, const Run& run) {
    const metrics::NeighbourOptions options{.samples = o.get<int64_t>("samples"),
                                            .noise = noise_of(o),
                                            .size = o.get<double>("size"),
                                            .scale = scales(c),
                                            .given = {}};
    const std::string key = fmt::format("neighbours {} {} {} {} {}", options.samples,
                                        metrics::name(options.noise), options.size, model, layer);
    return c.kept->get<Neighbours>(key, [&] {
        metrics::Reading reading;
        if (model) reading = {&c.ground.asked().model(), c.ground.target(), layer};
        return std::make_shared<const Neighbours>(metrics::explain_neighbours(
            c.explain, c.ground.row(), changeable(c.ground.row()), options, reading, run));
    });
}

Score max_sensitivity(const Case& c, const OptionValues& o, const Run& run) {
    return metrics::max_sensitivity(*neighbours(c, o, false, "", run))[0];
}
Score avg_sensitivity(const Case& c, const OptionValues& o, const Run& run) {
    return metrics::avg_sensitivity(*neighbours(c, o, false, "", run))[0];
}
Score local_lipschitz(const Case& c, const OptionValues& o, const Run& run) {
    return metrics::local_lipschitz(*neighbours(c, o, false, "", run))[0];
}
Score input_stability(const Case& c, const OptionValues& o, const Run& run) {
    return metrics::relative_input_stability(*neighbours(c, o, true, "", run))[0];
}
Score output_stability(const Case& c, const OptionValues& o, const Run& run) {
    return metrics::relative_output_stability(*neighbours(c, o, true, "", run))[0];
}
Score representation_stability(const Case& c, const OptionValues& o, const Run& run) {
    const auto& layer = o.get<std::string>("layer");
    if (layer.empty())
        throw Error(ErrorKind::unsupported,
                    "representations are those of a layer: name one with --set "
                    "relative-representation-stability.layer=NAME (whence info lists them)");
    return metrics::relative_representation_stability(*neighbours(c, o, true, layer, run))[0];
}

MetricSpec row(std::string_view name, OfOne score) {
    return {.name = name, .options = options(), .score = score, .asks_method = true};
}

}  // namespace

std::string changeable(const Batch& row) {
    const auto found = std::ranges::find_if(row.tensors(), [](const NamedTensor& tensor) {
        return tensor.value.type() == ElementType::float32 ||
               tensor.value.type() == ElementType::float64;
    });
    if (found == row.tensors().end())
        throw Error(ErrorKind::unsupported,
                    "the input holds no numbers with a fraction that could be changed a little");
    return found->name;
}

std::vector<MetricSpec> robustness_rows() {
    std::vector<MetricSpec> rows = {
        row("max-sensitivity", max_sensitivity),
        row("avg-sensitivity", avg_sensitivity),
        row("local-lipschitz", local_lipschitz),
        row("relative-input-stability", input_stability),
        row("relative-output-stability", output_stability),
        row("relative-representation-stability", representation_stability),
    };
    rows.back().options.push_back({{"layer", std::string()}, "a tensor of the model"});
    return rows;
}

}  // namespace whence::evaluate
