#include "whence/metrics/robustness.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "whence/core/error.h"
#include "whence/core/rng.h"
#include "whence/metrics/statistics.h"
#include "whence/metrics/varied.h"

namespace whence::metrics {
namespace {

constexpr uint32_t noise_stream = 0x6e656172;
constexpr int64_t numbers_per_call = int64_t{1} << 24;
constexpr double smallest_divisor = 1e-6;  // of the relative stabilities, as in the paper
constexpr double largest_logit = 700;      // of a probability that rounds to 0 or 1

using Rows = std::vector<std::vector<double>>;

void check_options(const NeighbourOptions& options, int64_t rows, int64_t elements) {
    if (options.samples < 1 || options.samples > 1000000)
        throw Error(ErrorKind::usage,
                    fmt::format("{} neighbours of each input; take 1 to 1000000", options.samples));
    if (!options.scale.empty() && std::ssize(options.scale) != elements)
        throw Error(ErrorKind::usage, fmt::format("{} scales of noise for {} numbers",
                                                  options.scale.size(), elements));
    if (options.given.empty()) {
        if (!(options.size > 0 && std::isfinite(options.size)))
            throw Error(ErrorKind::usage,
                        fmt::format("noise of size {}; take one above 0", options.size));
        return;
    }
    const bool fits = std::ssize(options.given) == rows * options.samples &&
                      std::ranges::all_of(options.given, [&](const std::vector<double>& noise) {
                          return std::ssize(noise) == elements;
                      });
    if (!fits)
        throw Error(ErrorKind::usage,
                    fmt::format("the noise given does not fit {} rows of {} numbers, {} times",
                                rows, elements, options.samples));
}

std::vector<double> noise_of(const NeighbourOptions& options, uint64_t index, int64_t elements,
                             uint64_t seed) {
    if (!options.given.empty()) return options.given[index];
    std::vector<double> noise(elements);
    Rng rng(seed, noise_stream, index);
    if (options.noise == Noise::normal) {
        rng.normals(noise);
        for (double& n : noise) n *= options.size;
    } else {
        rng.open_uniforms(noise);
        for (double& n : noise) n = options.size * (2 * n - 1);
    }
    for (size_t e = 0; e < options.scale.size(); ++e) noise[e] *= options.scale[e];
    return noise;
}

void append(Rows& all, Rows more) {
    std::ranges::move(more, std::back_inserter(all));
}

// One input and its neighbours.
Batch with_neighbours(const Batch& inputs, int64_t row, const std::string& input_name,
                      const NeighbourOptions& options, uint64_t seed) {
    Batch batch = inputs.slice_rows(row, 1).repeat_row(options.samples + 1);
    Tensor& tensor = varied(batch, input_name);
    const std::vector<double> x = tensor.slice_rows(0, 1).to_doubles();
    require_finite(x, "an input");
    for (int64_t s = 0; s < options.samples; ++s) {
        std::vector<double> near = noise_of(
            options, static_cast<uint64_t>(row * options.samples + s), std::ssize(x), seed);
        for (size_t e = 0; e < x.size(); ++e) near[e] += x[e];
        write_row(near, tensor, 1 + s);
    }
    return batch;
}

std::vector<double> logits(const std::vector<double>& scores, Scale scale) {
    for (const double score : scores)
        if (!std::isfinite(score))
            throw Error(ErrorKind::model, "the model returned a number that is not finite");
    if (scale == Scale::raw) return scores;
    std::vector<double> out = convert_scores(scores, scale, Scale::logit);
    for (double& value : out) value = std::clamp(value, -largest_logit, largest_logit);
    return out;
}

void read_model(const Reading& reading, const Batch& batch, const Run& run, Neighbours& near) {
    if (!reading.model) return;
    Tensor scores;
    if (reading.layer.empty()) {
        scores = reading.model->predict(batch, run).at(reading.target.output);
    } else {
        const auto* model = dynamic_cast<const DifferentiableModel*>(reading.model);
        if (!model)
            throw Error(ErrorKind::unsupported,
                        "representations are those of a layer, and this model has none");
        const std::vector<std::string> wanted = {reading.layer, reading.target.output};
        GradientRequest request = request_for(reading.target);
        request.values = wanted;
        GradientResult result = model->run(batch, request, run);
        append(near.representations, rows_of(result.values[0]));
        scores = std::move(result.values[1]);
    }
    for (const std::vector<double>& row : rows_of(scores)) {
        near.outputs.push_back(logits(row, reading.target.output_scale));
        near.classes.push_back(predicted_class(row, reading.target.output_scale));
    }
}

double norm(std::span<const double> values) {
    double sum = 0;
    for (const double v : values) sum += v * v;
    return std::sqrt(sum);
}

double distance(std::span<const double> a, std::span<const double> b) {
    double sum = 0;
    for (size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return std::sqrt(sum);
}

// |(b - a) / a|
double relative_distance(std::span<const double> a, std::span<const double> b) {
    double sum = 0;
    for (size_t i = 0; i < a.size(); ++i) {
        const double d = (b[i] - a[i]) / (a[i] == 0 ? smallest_divisor : a[i]);
        sum += d * d;
    }
    return std::sqrt(sum);
}

Score undefined(std::string because) {
    return {.value = std::nan(""), .undefined_because = std::move(because)};
}

std::vector<Score> sensitivity(const Neighbours& near, bool maximum) {
    std::vector<Score> scores;
    for (int64_t row = 0; row < near.rows; ++row) {
        const std::vector<double>& phi = near.explanations[near.at(row, -1)];
        const double size = norm(phi);
        if (size == 0) {
            scores.push_back(undefined("the explanation is 0: nothing can be said relative to it"));
            continue;
        }
        Score score;
        for (int64_t s = 0; s < near.samples; ++s)
            score.curve.push_back(distance(phi, near.explanations[near.at(row, s)]) / size);
        for (int64_t s = 0; s < near.samples; ++s) score.x.push_back(static_cast<double>(s));
        score.value = maximum ? *std::ranges::max_element(score.curve) : mean(score.curve);
        if (!maximum && near.samples > 1) {
            double squares = 0;
            for (const double d : score.curve) squares += (d - score.value) * (d - score.value);
            const auto n = static_cast<double>(near.samples);
            score.standard_error = std::sqrt(squares / (n - 1) / n);
        }
        scores.push_back(std::move(score));
    }
    return scores;
}

// The largest relative change of an explanation over `change_of` the two rows.
template <class Change>
std::vector<Score> relative_stability(const Neighbours& near, const Change& change_of) {
    if (near.outputs.empty())
        throw Error(ErrorKind::usage,
                    "relative stability asks the model whether neighbours have the same top class: "
                    "it needs the model");
    std::vector<Score> scores;
    for (int64_t row = 0; row < near.rows; ++row) {
        const int64_t here = near.at(row, -1);
        Score score = undefined("no neighbour has the same top class");
        for (int64_t s = 0; s < near.samples; ++s) {
            const int64_t there = near.at(row, s);
            if (near.classes[here] != near.classes[there]) continue;
            const double ratio =
                relative_distance(near.explanations[here], near.explanations[there]) /
                std::max(change_of(here, there), smallest_divisor);
            score.x.push_back(static_cast<double>(s));
            score.curve.push_back(ratio);
        }
        if (!score.curve.empty()) {
            score.value = *std::ranges::max_element(score.curve);
            score.undefined_because.clear();
        }
        scores.push_back(std::move(score));
    }
    return scores;
}

}  // namespace

std::string_view name(Noise noise) {
    return noise == Noise::uniform ? "uniform" : "normal";
}

Neighbours explain_neighbours(const Explainer& explain, const Batch& inputs,
                              const std::string& input_name, const NeighbourOptions& options,
                              const Reading& reading, const Run& run) {
    if (inputs.rows() < 1) throw Error(ErrorKind::input, "there is no input to be explained");
    const int64_t width = inputs.at(input_name).row_size();
    check_options(options, inputs.rows(), width);
    Neighbours near{.rows = inputs.rows(), .samples = options.samples};
    const int64_t at_once = std::max<int64_t>(
        1, numbers_per_call / std::max<int64_t>(1, width * (options.samples + 1)));
    for (int64_t first = 0; first < near.rows; first += at_once) {
        run.check();
        std::vector<Batch> parts;
        for (int64_t row = first; row < std::min(near.rows, first + at_once); ++row)
            parts.push_back(with_neighbours(inputs, row, input_name, options, run.seed));
        Batch batch = joined(parts);
        append(near.inputs, rows_of(varied(batch, input_name)));
        append(near.explanations, explain(batch, run));
        read_model(reading, batch, run, near);
        run.report("robustness", std::ssize(near.inputs), near.rows * (options.samples + 1));
    }
    if (near.explanations.size() != near.inputs.size())
        throw Error(ErrorKind::input, fmt::format("{} explanations of {} inputs",
                                                  near.explanations.size(), near.inputs.size()));
    for (const std::vector<double>& phi : near.explanations) {
        require_finite(phi, "an explanation");
        if (phi.size() != near.explanations[0].size())
            throw Error(ErrorKind::input, "explanations have different numbers of players");
    }
    return near;
}

std::vector<Score> max_sensitivity(const Neighbours& near) {
    return sensitivity(near, true);
}

std::vector<Score> avg_sensitivity(const Neighbours& near) {
    return sensitivity(near, false);
}

std::vector<Score> local_lipschitz(const Neighbours& near) {
    std::vector<Score> scores;
    for (int64_t row = 0; row < near.rows; ++row) {
        const int64_t here = near.at(row, -1);
        Score score = undefined("every neighbour is the input itself");
        for (int64_t s = 0; s < near.samples; ++s) {
            const int64_t there = near.at(row, s);
            const double step = distance(near.inputs[here], near.inputs[there]);
            if (step == 0) continue;
            score.x.push_back(static_cast<double>(s));
            score.curve.push_back(distance(near.explanations[here], near.explanations[there]) /
                                  step);
        }
        if (!score.curve.empty()) {
            score.value = *std::ranges::max_element(score.curve);
            score.undefined_because.clear();
        }
        scores.push_back(std::move(score));
    }
    return scores;
}

std::vector<Score> relative_input_stability(const Neighbours& near) {
    return relative_stability(near, [&](int64_t here, int64_t there) {
        return relative_distance(near.inputs[here], near.inputs[there]);
    });
}

std::vector<Score> relative_output_stability(const Neighbours& near) {
    return relative_stability(near, [&](int64_t here, int64_t there) {
        return distance(near.outputs[here], near.outputs[there]);
    });
}

std::vector<Score> relative_representation_stability(const Neighbours& near) {
    if (near.representations.empty())
        throw Error(ErrorKind::usage, "relative representation stability needs a layer");
    return relative_stability(near, [&](int64_t here, int64_t there) {
        return relative_distance(near.representations[here], near.representations[there]);
    });
}

}  // namespace whence::metrics
