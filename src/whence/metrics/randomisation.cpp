#include "whence/metrics/randomisation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "whence/core/error.h"
#include "whence/core/rng.h"
#include "whence/metrics/statistics.h"
#include "whence/metrics/varied.h"

namespace whence::metrics {
namespace {

constexpr uint32_t copy_stream = 0x636f7079, class_stream = 0x636c6173;
constexpr int64_t numbers_per_call = int64_t{1} << 24;

using Rows = std::vector<std::vector<double>>;

Rows explained(const Explainer& explain, const Batch& inputs, const Run& run) {
    run.check();
    Rows all = explain(inputs, run);
    if (std::ssize(all) != inputs.rows())
        throw Error(ErrorKind::input,
                    fmt::format("{} explanations of {} inputs", all.size(), inputs.rows()));
    for (const std::vector<double>& values : all) require_finite(values, "an explanation");
    return all;
}

Rows magnitudes(Rows rows) {
    for (std::vector<double>& values : rows)
        for (double& value : values) value = std::abs(value);
    return rows;
}

// Of explanations whose ranks these are.
double similarity(std::span<const double> a, std::span<const double> b) {
    if (a.size() != b.size())
        throw Error(ErrorKind::input,
                    fmt::format("explanations of {} and {} players cannot be compared", a.size(),
                                b.size()));
    return pearson(a, b);
}

Rows ranks(Rows rows) {
    for (std::vector<double>& values : rows) values = mid_ranks(values);
    return rows;
}

void require_layers(int64_t layers) {
    if (layers < 1)
        throw Error(ErrorKind::unsupported,
                    "the model has no layers whose weights could be randomised");
}

// Explanations of all inputs by one model, as they are compared.
using Explain = std::function<Rows(const Explainer&)>;

std::vector<Score> along_steps(const Explainer& original, const ExplainerOf& explain,
                               const Randomise& randomise, int64_t layers, LayerOrder order,
                               const Run& run, const Explain& rows_by) {
    require_layers(layers);
    const Rows before = ranks(rows_by(original));
    std::vector<Score> scores(before.size());
    const std::vector<std::vector<int64_t>> steps = randomisation_steps(layers, order);
    for (size_t step = 0; step < steps.size(); ++step) {
        run.check();
        const Rows after = ranks(rows_by(explain(randomise(steps[step]))));
        for (size_t i = 0; i < scores.size(); ++i) {
            scores[i].x.push_back(static_cast<double>(step + 1));
            scores[i].curve.push_back(similarity(before[i], after[i]));
        }
        run.report("randomisation", static_cast<int64_t>(step) + 1, std::ssize(steps));
    }
    for (Score& score : scores) {
        std::vector<double> defined;
        for (const double s : score.curve)
            if (!std::isnan(s)) defined.push_back(s);
        score.value = mean(defined);
        if (defined.empty())
            score.undefined_because = "the explanation is constant: its ranks say nothing";
    }
    return scores;
}

// Of each row its noisy copies, in turn.
Batch noisy_copies(const Batch& inputs, int64_t row, const std::string& input_name,
                   const SmoothMprtOptions& options, uint64_t seed) {
    Batch batch = inputs.slice_rows(row, 1).repeat_row(options.samples);
    Tensor& tensor = varied(batch, input_name);
    const std::vector<double> x = tensor.slice_rows(0, 1).to_doubles();
    require_finite(x, "an input");
    const auto [low, high] = std::ranges::minmax(x);
    for (int64_t s = 0; s < options.samples; ++s) {
        std::vector<double> copy(x.size());
        Rng(seed, copy_stream, static_cast<uint64_t>(row * options.samples + s)).normals(copy);
        for (size_t e = 0; e < x.size(); ++e)
            copy[e] = x[e] + options.noise_level * (high - low) * copy[e];
        write_row(copy, tensor, s);
    }
    return batch;
}

Rows smoothed(const Explainer& explain, const Batch& inputs, const std::string& input_name,
              const SmoothMprtOptions& options, const Run& run) {
    const int64_t width = inputs.at(input_name).row_size() * options.samples;
    const int64_t at_once = std::max<int64_t>(1, numbers_per_call / std::max<int64_t>(1, width));
    Rows means;
    for (int64_t first = 0; first < inputs.rows(); first += at_once) {
        std::vector<Batch> parts;
        for (int64_t row = first; row < std::min(inputs.rows(), first + at_once); ++row)
            parts.push_back(noisy_copies(inputs, row, input_name, options, run.seed));
        Rows all = explained(explain, joined(parts), run);
        if (options.absolute) all = magnitudes(std::move(all));
        for (size_t i = 0; i < all.size(); ++i) {
            if (i % static_cast<size_t>(options.samples) == 0)
                means.emplace_back(all[i].size(), 0.0);
            for (size_t p = 0; p < all[i].size(); ++p)
                means.back().at(p) += all[i][p] / static_cast<double>(options.samples);
        }
    }
    return means;
}

}  // namespace

std::string_view name(LayerOrder order) {
    switch (order) {
        case LayerOrder::top_down:
            return "top-down";
        case LayerOrder::bottom_up:
            return "bottom-up";
        case LayerOrder::independent:
            return "independent";
    }
    throw Error(ErrorKind::internal, "an order of layers without a name");
}

LayerOrder parse_layer_order(std::string_view text) {
    for (const LayerOrder order :
         {LayerOrder::top_down, LayerOrder::bottom_up, LayerOrder::independent})
        if (name(order) == text) return order;
    throw Error(ErrorKind::usage,
                fmt::format("there is no order of layers '{}'; choose top-down, bottom-up or "
                            "independent",
                            printable(text)));
}

std::vector<std::vector<int64_t>> randomisation_steps(int64_t layers, LayerOrder order) {
    std::vector<std::vector<int64_t>> steps;
    for (int64_t step = 0; step < layers; ++step) {
        std::vector<int64_t> which = {order == LayerOrder::top_down ? layers - 1 - step : step};
        if (order != LayerOrder::independent && step > 0)
            which.insert(which.begin(), steps.back().begin(), steps.back().end());
        steps.push_back(std::move(which));
    }
    return steps;
}

std::vector<Score> mprt(const Explainer& original, const ExplainerOf& explain,
                        const Randomise& randomise, int64_t layers, const Batch& inputs,
                        const MprtOptions& options, const Run& run) {
    return along_steps(original, explain, randomise, layers, options.order, run,
                       [&](const Explainer& by) {
                           Rows rows = explained(by, inputs, run);
                           return options.absolute ? magnitudes(std::move(rows)) : rows;
                       });
}

std::vector<Score> smooth_mprt(const Explainer& original, const ExplainerOf& explain,
                               const Randomise& randomise, int64_t layers, const Batch& inputs,
                               const std::string& input_name, const SmoothMprtOptions& options,
                               const Run& run) {
    if (options.samples < 1 || !(options.noise_level >= 0 && std::isfinite(options.noise_level)))
        throw Error(ErrorKind::usage,
                    fmt::format("{} noisy copies at level {}; take 1 or more at a level of 0 or "
                                "more",
                                options.samples, options.noise_level));
    return along_steps(
        original, explain, randomise, layers, options.order, run,
        [&](const Explainer& by) { return smoothed(by, inputs, input_name, options, run); });
}

double histogram_entropy(std::span<const double> values, int64_t bins) {
    if (bins < 2 || bins > 1000000)
        throw Error(ErrorKind::usage, fmt::format("{} bins; take 2 to 1000000", bins));
    require_finite(values, "an explanation");
    const auto [low, high] = std::ranges::minmax(values);
    if (low == high) return 0;
    std::vector<double> counts(bins);
    for (const double value : values) {
        const double at = (value - low) / (high - low) * static_cast<double>(bins);
        ++counts[std::min(static_cast<int64_t>(at), bins - 1)];
    }
    double entropy = 0;
    for (const double count : counts) {
        const double p = count / static_cast<double>(values.size());
        if (p > 0) entropy -= p * std::log(p);
    }
    return entropy;
}

std::vector<Score> efficient_mprt(const Explainer& original, const ExplainerOf& explain,
                                  const Randomise& randomise, int64_t layers, const Batch& inputs,
                                  const EfficientMprtOptions& options, const Run& run) {
    require_layers(layers);
    std::vector<int64_t> all(layers);
    std::iota(all.begin(), all.end(), 0);
    const Rows before = explained(original, inputs, run);
    const Rows after = explained(explain(randomise(all)), inputs, run);
    std::vector<Score> scores(before.size());
    for (size_t i = 0; i < scores.size(); ++i) {
        const double was = histogram_entropy(before[i], options.bins);
        scores[i].value = (histogram_entropy(after[i], options.bins) - was) / was;
        if (was == 0) {
            scores[i].value = std::nan("");
            scores[i].undefined_because =
                "all values are equal: nothing can be said relative to it";
        }
    }
    return scores;
}

std::vector<Score> random_logit(const Explainer& original, const Explainer& other,
                                const Batch& inputs, const Run& run) {
    const Rows one = ranks(explained(original, inputs, run)), two = ranks(explained(other, inputs, run));
    std::vector<Score> scores(one.size());
    for (size_t i = 0; i < scores.size(); ++i) {
        scores[i].value = similarity(one[i], two[i]);
        if (std::isnan(scores[i].value))
            scores[i].undefined_because = "an explanation is constant: its ranks say nothing";
    }
    return scores;
}

int64_t other_class(int64_t of, int64_t classes, int64_t row, uint64_t seed) {
    if (classes < 2)
        throw Error(ErrorKind::unsupported, "the model has one score: there is no other class");
    const auto drawn = static_cast<int64_t>(Rng(seed, class_stream, static_cast<uint64_t>(row))
                                                .below(static_cast<uint64_t>(classes - 1)));
    return drawn < of ? drawn : drawn + 1;
}

std::vector<Score> input_invariance(const Explainer& original, const Explainer& shifted,
                                    const Batch& inputs, const std::string& input_name,
                                    const InputInvarianceOptions& options, const Run& run) {
    if (options.shift == 0 || !std::isfinite(options.shift) || !(options.tolerance >= 0))
        throw Error(ErrorKind::usage,
                    fmt::format("a shift of {} and a tolerance of {}; take a shift other than 0 "
                                "and a tolerance of 0 or more",
                                options.shift, options.tolerance));
    Batch moved = inputs;
    Tensor& tensor = varied(moved, input_name);
    Rows rows = rows_of(tensor);
    for (size_t row = 0; row < rows.size(); ++row) {
        for (double& value : rows[row]) value += options.shift;
        write_row(rows[row], tensor, static_cast<int64_t>(row));
    }
    const Rows before = explained(original, inputs, run), after = explained(shifted, moved, run);
    std::vector<Score> scores;
    for (size_t i = 0; i < before.size(); ++i) {
        if (before[i].size() != after[i].size())
            throw Error(ErrorKind::input, "explanations have different numbers of players");
        double change = 0, largest = 0;
        for (size_t p = 0; p < before[i].size(); ++p) {
            change = std::max(change, std::abs(after[i][p] - before[i][p]));
            largest = std::max(largest, std::abs(before[i][p]));
        }
        Score score{.value = change <= options.tolerance * largest ? 1.0 : 0.0, .x = {0}};
        score.curve = {change == 0 ? 0 : change / largest};
        scores.push_back(std::move(score));
    }
    return scores;
}

}  // namespace whence::metrics
