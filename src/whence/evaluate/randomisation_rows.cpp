// Metrics that ask another model, or about another class.

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>

#include "whence/core/error.h"
#include "whence/evaluate/metric_rows.h"
#include "whence/graph/passes/passes.h"
#include "whence/graph/randomise.h"
#include "whence/metrics/randomisation.h"

namespace whence::evaluate {
namespace {

using metrics::Score;
using recipe::OptionSpec;
using recipe::OptionValues;

const OnnxModel& network(const Case& c, const char* what) {
    const OnnxModel* onnx = c.subject ? c.subject->onnx_or_null() : nullptr;
    if (!onnx)
        throw Error(
            ErrorKind::unsupported,
            fmt::format("{}, and only an ONNX network has those: trees, functions and endpoints "
                        "have none",
                        what));
    return *onnx;
}

// Models with layers drawn anew, each made once for all methods and samples as long as they fit.
class RandomisedModels {
  public:
    RandomisedModels(const OnnxModel& model, uint64_t seed)
        : model_(model), weights_(model.graph(), seed) {
        constexpr size_t memory = size_t{1} << 31;
        size_t weights = 1;
        for (const auto& [name, constant] : model.graph().initializers)
            weights += constant->bytes();
        // Where they have sessions of their own: a forward one's and a gradient one's.
        most_ = std::max<size_t>(1, memory / (2 * weights));
    }

    [[nodiscard]] int64_t layers() const { return weights_.layers(); }
    [[nodiscard]] std::shared_ptr<const Model> with(const std::vector<int64_t>& layers) const {
        const std::lock_guard lock(mutex_);
        if (const auto known = made_.find(layers); known != made_.end()) return known->second;
        std::shared_ptr<const Model> model = model_.with_constants(weights_.with(layers));
        if (made_.size() < most_) made_.emplace(layers, model);
        return model;
    }

  private:
    const OnnxModel& model_;
    graph::RandomisedWeights weights_;
    size_t most_ = 1;
    mutable std::mutex mutex_;
    mutable std::map<std::vector<int64_t>, std::shared_ptr<const Model>> made_;
};

std::shared_ptr<const RandomisedModels> randomised(const Case& c, const Run& run) {
    const OnnxModel& model = network(c, "the weights of layers are drawn anew");
    return c.kept_for_all->get<RandomisedModels>("randomised models", [&] {
        return std::make_shared<const RandomisedModels>(model, run.seed);
    });
}

metrics::Randomise drawn(const std::shared_ptr<const RandomisedModels>& models) {
    return [models](const std::vector<int64_t>& layers) { return models->with(layers); };
}

OptionSpec order_option(metrics::LayerOrder otherwise) {
    return {{"order", std::string(metrics::name(otherwise))},
            "of layers: top-down, bottom-up or independent"};
}
OptionSpec absolute_option() {
    return {{"absolute", true}, "compare |values|"};
}

Score mprt(const Case& c, const OptionValues& o, const Run& run) {
    const auto models = randomised(c, run);
    return metrics::mprt(c.explain, c.explain_with, drawn(models), models->layers(), c.ground.row(),
                         {.order = metrics::parse_layer_order(o.get<std::string>("order")),
                          .absolute = o.get<bool>("absolute")},
                         run)[0];
}

Score smooth_mprt(const Case& c, const OptionValues& o, const Run& run) {
    const auto models = randomised(c, run);
    return metrics::smooth_mprt(c.explain, c.explain_with, drawn(models), models->layers(),
                                c.ground.row(), changeable(c.ground.row()),
                                {.order = metrics::parse_layer_order(o.get<std::string>("order")),
                                 .absolute = o.get<bool>("absolute"),
                                 .samples = o.get<int64_t>("samples"),
                                 .noise_level = o.get<double>("noise-level")},
                                run)[0];
}

Score efficient_mprt(const Case& c, const OptionValues& o, const Run& run) {
    const auto models = randomised(c, run);
    return metrics::efficient_mprt(c.explain, c.explain_with, drawn(models), models->layers(),
                                   c.ground.row(), {.bins = o.get<int64_t>("bins")}, run)[0];
}

Score random_logit(const Case& c, const OptionValues&, const Run& run) {
    const ResolvedTarget& target = c.ground.target();
    const int64_t other = metrics::other_class(target.index, target.classes, 0, run.seed);
    return metrics::random_logit(c.explain, c.explain_class(other), c.ground.row(), run)[0];
}

Score input_invariance(const Case& c, const OptionValues& o, const Run& run) {
    const OnnxModel& model = network(c, "the first layer's bias takes a shift of the input back");
    const std::string input = changeable(c.ground.row());
    const metrics::InputInvarianceOptions options{.shift = o.get<double>("shift"),
                                                  .tolerance = o.get<double>("tolerance")};
    const auto shifted = c.kept_for_all->get<std::shared_ptr<const Model>>(
        fmt::format("shifted by {}", options.shift), [&] {
            // The only tensor of a batch may have no name.
            const auto& read = model.inputs();
            const auto found = std::ranges::find(read, input, &TensorInfo::name);
            const TensorInfo& info = found == read.end() ? read.at(0) : *found;
            graph::Graph graph = model.graph();
            graph::shift_input(
                graph, info.name,
                Tensor::of<double>({}, std::vector<double>{options.shift}).cast(info.type));
            return std::make_shared<const std::shared_ptr<const Model>>(
                model.with_graph(std::move(graph)));
        });
    return metrics::input_invariance(c.explain, c.explain_with(*shifted), c.ground.row(), input,
                                     options, run)[0];
}

}  // namespace

std::vector<MetricSpec> randomisation_rows() {
    return {
        {.name = "input-invariance",
         .options = {{{"shift", 1.0}, "added to every number of the input"},
                     {{"tolerance", 1e-3}, "of the largest |value|"}},
         .score = input_invariance,
         .asks_method = true},
        {.name = "mprt",
         .options = {order_option(metrics::LayerOrder::top_down), absolute_option()},
         .score = mprt,
         .asks_method = true},
        {.name = "smooth-mprt",
         .options = {order_option(metrics::LayerOrder::bottom_up),
                     absolute_option(),
                     {{"samples", int64_t{50}}, "noisy copies of each input"},
                     {{"noise-level", 0.1}, "standard deviation over the range of the input"}},
         .score = smooth_mprt,
         .asks_method = true},
        {.name = "efficient-mprt",
         .options = {{{"bins", int64_t{100}}, "of the histogram of values"}},
         .score = efficient_mprt,
         .asks_method = true},
        {.name = "random-logit", .options = {}, .score = random_logit, .asks_method = true},
    };
}

}  // namespace whence::evaluate
