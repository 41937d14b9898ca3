#include "whence/gradients/layer_path.h"

#include "whence/core/error.h"
#include "whence/gradients/chord_sum.h"
#include "whence/gradients/line_path.h"
#include "whence/gradients/options.h"

namespace whence {

using namespace gradients;  // the helpers of this folder

namespace {

void require_layer(const char* method, const std::string& layer) {
    if (layer.empty())
        throw Error(ErrorKind::usage, std::string(method) + " needs the name of a layer");
}

}  // namespace

LayerConductance::LayerConductance(const DifferentiableModel& model, std::string layer,
                                   Baseline baseline, Options options)
    : model_(model),
      layer_(std::move(layer)),
      baseline_(std::move(baseline)),
      options_(std::move(options)) {
    require_layer("layer-conductance", layer_);
    require_count("layer-conductance", "steps", options_.steps);
}

Explanation LayerConductance::explain(const Batch& input, const Target& target,
                                      const Run& run) const {
    Inquiry inquiry("layer-conductance", model_, input, target,
                    {.input = options_.input, .tensor = layer_}, run);
    const LinePath path(inquiry, inquiry.baseline(baseline_));
    const std::vector<double> ends = quadrature(QuadratureRule::trapezoid, options_.steps + 1).nodes;
    inquiry.expect(1 + std::ssize(ends));
    (void)inquiry.value();
    ChordSum chords;
    double baseline_value = 0;
    inquiry.ask({.points = std::ssize(ends),
                 .place = path.place(ends),
                 .features = true,
                 .where = " along the path"},
                [&](const Answer& answer) {
                    if (answer.point == 0) baseline_value = answer.value;
                    chords.add(answer.features, answer.gradient);
                });
    return inquiry.finish(chords.values(),
                          {.baseline = describe(baseline_), .baseline_value = baseline_value},
                          {{"baseline", describe(baseline_)}, {"steps", options_.steps}});
}

InternalInfluence::InternalInfluence(const DifferentiableModel& model, std::string layer,
                                     Baseline baseline, Options options)
    : model_(model),
      layer_(std::move(layer)),
      baseline_(std::move(baseline)),
      options_(std::move(options)) {
    require_layer("internal-influence", layer_);
    require_count("internal-influence", "steps", options_.steps);
    (void)quadrature(options_.rule, options_.steps);
}

Explanation InternalInfluence::explain(const Batch& input, const Target& target,
                                       const Run& run) const {
    Inquiry inquiry("internal-influence", model_, input, target,
                    {.input = options_.input, .tensor = layer_}, run);
    const LinePath path(inquiry, inquiry.baseline(baseline_));
    const Quadrature rule = quadrature(options_.rule, options_.steps);
    inquiry.expect(1 + options_.steps);
    (void)inquiry.value();
    std::vector<double> values;
    inquiry.ask(
        {.points = options_.steps, .place = path.place(rule.nodes), .where = " along the path"},
        [&](const Answer& answer) {
            values.resize(answer.gradient.size());
            for (size_t i = 0; i < values.size(); ++i)
                values[i] += rule.weights[answer.point] * answer.gradient[i];
        });
    return inquiry.finish(values,
                          {.baseline = describe(baseline_),
                           .no_error_because = "a mean gradient says how strongly a unit acts, not "
                                               "how much it did: the values add up to nothing"},
                          {{"baseline", describe(baseline_)},
                           {"steps", options_.steps},
                           {"rule", std::string(name(options_.rule))}});
}

}  // namespace whence
