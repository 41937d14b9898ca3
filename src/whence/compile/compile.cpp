#include "whence/compile/compile.h"

#include <fmt/format.h>

#include <algorithm>

#include "whence/compile/compiling.h"
#include "whence/core/error.h"
#include "whence/core/version.h"
#include "whence/gradients/noise.h"
#include "whence/graph/builder.h"
#include "whence/graph/io.h"
#include "whence/graph/passes/passes.h"
#include "whence/runtime/gradient_graph.h"

namespace whence {
namespace {

using compile::Compiling;
using compile::explained_input;
using graph::Builder;
using graph::Graph;

// The baseline's score of every class, in the scale that is explained.
std::vector<double> baseline_scores(const Compiling& c) {
    const Batch at(c.options.baseline);
    Graph probe = c.model.graph();
    GradientRequest request = c.request;
    const std::string scores = graph::scores_in(probe, request.output, request.scale);
    if (c.model.graph().contains(scores)) {
        request.index = 0;
        request.minus.reset();
        request.values = {scores};
        return c.model.run(at, request, c.run).values.at(0).to_doubles();
    }
    const Scale have = graph::output_scale(c.model.graph(), request.output);
    return convert_scores(c.model.predict(at, c.run).at(request.output).to_doubles(), have, request.scale);
}

// Sum over everything but the rows, less (f(x) - f(baseline)).
std::string completeness_error(Compiling& c, const std::string& attribution) {
    Builder b = c.builder();
    const std::vector<double> scores = baseline_scores(c);
    const std::string all =
        b.constant(Tensor::of<double>({static_cast<int64_t>(scores.size())}, scores).cast(c.type()));
    const auto score = [&](const std::string& index) {
        return b.node("Gather", {all, index}, {{"axis", int64_t{0}}});
    };
    const std::string f0 = c.minus.empty() ? score(c.index) : b.sub(score(c.index), score(c.minus));
    const std::string flat = b.node("Flatten", {attribution}, {{"axis", int64_t{1}}});
    const std::string sum = b.reduce_sum(flat, {1}, false);
    return b.sub(sum, b.sub(c.target, f0));
}

void saliency(Compiling& c) {
    c.build(true);
    c.finish(c.options.absolute ? c.builder().node("Abs", {c.gradient}) : c.gradient, "");
}

void input_x_gradient(Compiling& c) {
    c.build(true);
    Builder b = c.builder();
    const std::string attribution = b.mul(b.sub(c.x, c.baseline()), c.gradient);
    c.finish(attribution, completeness_error(c, attribution));
}

void integrated_gradients(Compiling& c) {
    const gradients::Quadrature q = gradients::quadrature(c.options.rule, c.options.steps);
    c.build(false);
    Builder b = c.builder();
    const std::string baseline = c.baseline(), direction = b.sub(c.x, baseline);
    const Tensor at = Tensor::of<double>({static_cast<int64_t>(q.nodes.size())}, q.nodes);
    const std::string attribution = b.mul(direction, c.loop(baseline, direction, at, q.weights));
    c.finish(attribution, completeness_error(c, attribution));
}

// Noise of standard deviation noise * (max - min) of each row; the normal numbers are constants.
void smooth_grad(Compiling& c) {
    c.build(false);
    const TensorInfo& input = explained_input(c.model);
    Shape shape = input.shape;
    for (size_t d = 1; d < shape.size(); ++d)
        if (shape[d] < 0)
            throw Error(ErrorKind::unsupported, "smoothgrad stores its noise in the file, and input '" +
                                                    printable(input.name) + "' has no fixed size");
    shape[0] = 1;
    const int64_t samples = c.options.samples, size = element_count(shape);
    std::vector<double> noise(samples * size);
    for (int64_t k = 0; k < samples; ++k)
        Rng(c.options.seed, gradients::smooth_grad_stream, k)
            .normals(std::span(noise).subspan(k * size, size));
    shape.insert(shape.begin(), samples);
    Builder b = c.builder();
    std::vector<int64_t> axes;
    for (size_t d = 1; d + 1 < shape.size(); ++d) axes.push_back(static_cast<int64_t>(d));
    const auto over_row = [&](const char* op) {
        return b.node(op, {c.x, b.ints(axes)}, {{"keepdims", int64_t{1}}});
    };
    const std::string range = b.sub(over_row("ReduceMax"), over_row("ReduceMin"));
    const std::string deviation = b.mul(range, b.scalar(c.options.noise, c.type()));
    // Spread over the row, so that the loop's sum has its shape from the start.
    const std::string direction = b.add(deviation, b.mul(c.x, b.scalar(0, c.type())));
    const std::vector<double> weights(samples, 1.0 / static_cast<double>(samples));
    c.finish(c.loop(c.x, direction, Tensor::of<double>(shape, noise), weights), "");
}

void activation_map(Compiling& c, bool layer_cam) {
    if (c.options.layer.empty())
        throw Error(ErrorKind::usage, c.options.method + " needs a layer of features [N, K, h, w]");
    c.build(true);
    const auto shape = c.graph.value(c.x).shape;
    if (!shape || shape->size() != 4)
        throw Error(ErrorKind::usage, c.options.method + " needs features [N, K, h, w]; layer '" +
                                          printable(c.options.layer) + "' has no such shape");
    Builder b = c.builder();
    const std::string weights =
        layer_cam ? b.node("Relu", {c.gradient}) : b.reduce_mean(c.gradient, {2, 3}, true);
    c.finish(b.reduce_sum(b.mul(weights, c.x), {1}, true), "", true);
}

struct Method {
    const char* name;
    void (*compile)(Compiling&);
    bool uses_baseline;
};
const Method methods[] = {
    {"saliency", saliency, false},
    {"input-x-gradient", input_x_gradient, true},
    {"integrated-gradients", integrated_gradients, true},
    {"smoothgrad", smooth_grad, false},
    {"grad-cam", [](Compiling& c) { activation_map(c, false); }, false},
    {"layer-cam", [](Compiling& c) { activation_map(c, true); }, false},
};

const Method& find(const std::string& name) {
    std::string have;
    for (const Method& method : methods) {
        if (name == method.name) return method;
        have += (have.empty() ? "" : ", ") + std::string(method.name);
    }
    throw Error(ErrorKind::usage,
                "'" + printable(name) + "' cannot be compiled; these can: " + have);
}

void check(const OnnxModel& model, const CompileOptions& o, const Method& method) {
    const auto require = [](bool good, const std::string& what) {
        if (!good) throw Error(ErrorKind::usage, what);
    };
    require(o.steps >= 1 && o.steps <= 10000, "steps must be from 1 to 10000");
    require(o.samples >= 1 && o.samples <= 1000, "samples must be from 1 to 1000");
    require(o.noise >= 0 && o.noise <= 100, "noise must be from 0 to 100");
    require(o.layer.empty() || o.method != "smoothgrad", "smoothgrad explains the input, not a layer");
    require(!method.uses_baseline || o.baseline.size() > 0, o.method + " needs a baseline");
    if (model.fixed_batch() > 0)
        throw Error(ErrorKind::unsupported,
                    fmt::format("the model takes {} rows at a time and cannot be compiled", model.fixed_batch()));
}

// The target, with the class left open where each row has its own.
GradientRequest request_of(const OnnxModel& model, const CompileOptions& options, const Run& run) {
    Target target = options.target;
    if (!target.index) target.index = 0;  // stands in: nothing has been asked yet
    Batch none;
    GradientRequest request = request_for(resolve(target, model, none, Scale::logit, run));
    if (!options.target.index) request.index.reset();
    return request;
}

void write_down(Graph& graph, const CompileOptions& o, const Method& method) {
    const auto say = [&](const char* key, const std::string& value) {
        graph::set_metadata(graph, std::string("whence.") + key, value);
    };
    say("version", std::string(version()));
    say("method", o.method);
    say("target", o.target.index ? fmt::format("{}{}", *o.target.index, o.target.minus ? fmt::format("-{}", *o.target.minus) : "") : "top");
    if (method.uses_baseline) say("baseline", o.baseline_name);
    if (!o.layer.empty()) say("layer", o.layer);
    if (o.method == "integrated-gradients")
        say("steps", fmt::format("{} {}", o.steps, gradients::name(o.rule)));
    if (o.method == "smoothgrad")
        say("samples", fmt::format("{}, noise {}, seed {}", o.samples, o.noise, o.seed));
}

}  // namespace

graph::Graph compile_explanation(const OnnxModel& model, const CompileOptions& options, const Run& run) {
    const Method& method = find(options.method);
    check(model, options, method);
    Compiling compiling{.model = model, .options = options, .run = run, .request = request_of(model, options, run)};
    method.compile(compiling);
    write_down(compiling.graph, options, method);
    return std::move(compiling.graph);
}

const std::vector<std::string>& compilable_methods() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> all;
        for (const Method& method : methods) all.emplace_back(method.name);
        return all;
    }();
    return names;
}

}  // namespace whence
