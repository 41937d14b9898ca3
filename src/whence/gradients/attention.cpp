#include "whence/gradients/attention.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "whence/core/baseline.h"
#include "whence/core/error.h"
#include "whence/gradients/explained_input.h"
#include "whence/gradients/layer_pass.h"

namespace whence {

using namespace gradients;  // the helpers of this folder

namespace {

// Tokens x tokens, row by row.
struct Square {
    int64_t tokens = 0;
    std::vector<double> values;

    explicit Square(int64_t n) : tokens(n), values(static_cast<size_t>(n * n), 0.0) {}
    [[nodiscard]] double& at(int64_t row, int64_t column) {
        return values[static_cast<size_t>(row * tokens + column)];
    }
    [[nodiscard]] double at(int64_t row, int64_t column) const {
        return values[static_cast<size_t>(row * tokens + column)];
    }
};

int64_t tokens_of(const Tensor& attention, const std::string& layer) {
    const Shape& shape = attention.shape();
    const size_t rank = shape.size();
    if (rank < 3 || attention.size() == 0 || shape[rank - 1] != shape[rank - 2])
        throw Error(ErrorKind::unsupported,
                    "'" + printable(layer) + "' has shape " + to_string(shape) +
                        ": attention of tokens to each other is [1, heads, tokens, tokens]");
    return shape[rank - 1];
}

// The mean over heads of the probabilities, each times the positive part of its gradient where
// there is one: E_h[ReLU(g * A)] = E_h[A ReLU(g)], as probabilities are never negative.
Square mean_over_heads(const Tensor& attention, const Tensor* gradient, int64_t tokens) {
    Square mean(tokens);
    const std::vector<double> a = attention.to_doubles();
    const std::vector<double> g = gradient ? gradient->to_doubles() : std::vector<double>();
    const size_t size = mean.values.size(), heads = a.size() / size;
    for (size_t i = 0; i < a.size(); ++i)
        mean.values[i % size] +=
            (gradient ? std::max(0.0, g[i] * a[i]) : a[i]) / static_cast<double>(heads);
    return mean;
}

std::vector<double> times(const std::vector<double>& row, const Square& matrix) {
    std::vector<double> out(row.size(), 0.0);
    for (int64_t i = 0; i < matrix.tokens; ++i)
        for (int64_t j = 0; j < matrix.tokens; ++j)
            out[static_cast<size_t>(j)] += row[static_cast<size_t>(i)] * matrix.at(i, j);
    return out;
}

// Which rows of the joined matrix are read, as weights.
std::vector<double> reading(std::optional<int64_t> token, int64_t tokens) {
    if (token && *token >= tokens)
        throw Error(ErrorKind::usage, fmt::format("there is no token {}; the model attends to {} "
                                                  "(numbered from 0)",
                                                  *token, tokens));
    if (!token)
        return std::vector<double>(static_cast<size_t>(tokens), 1.0 / static_cast<double>(tokens));
    std::vector<double> row(static_cast<size_t>(tokens), 0.0);
    row[static_cast<size_t>(*token)] = 1;
    return row;
}

// r (M_n ... M_1) from the left, one row at a time: no product of two squares is ever needed.
std::vector<double> joined(AttentionRule rule, std::vector<double> row, const LayerPass& pass,
                           int64_t tokens, const Run& run) {
    const bool relevance = rule == AttentionRule::relevance;
    for (size_t block = pass.values.size(); block-- > 0;) {
        run.check();
        const Square attention = mean_over_heads(
            pass.values[block], relevance ? &pass.gradients[block] : nullptr, tokens);
        const std::vector<double> attended = times(row, attention);
        for (size_t j = 0; j < row.size(); ++j) {
            if (rule == AttentionRule::raw) row[j] = attended[j];
            if (rule == AttentionRule::rollout) row[j] = (row[j] + attended[j]) / 2;
            if (rule == AttentionRule::relevance) row[j] += attended[j];
        }
        if (rule == AttentionRule::raw) break;
    }
    return row;
}

// Height and width of the grid that `patches` fill with the proportions of a picture.
std::optional<std::pair<int64_t, int64_t>> grid(const Batch& input, int64_t patches) {
    const auto axes = image_axes(input[0].value.shape());
    if (!axes || patches < 1) return std::nullopt;
    const auto length = [&](int axis) {
        return static_cast<double>(input[0].value.shape()[static_cast<size_t>(axis)]);
    };
    const double height =
        std::sqrt(static_cast<double>(patches) * length(axes->height) / length(axes->width));
    const int64_t rows = std::max<int64_t>(1, std::llround(height));
    if (rows * (patches / rows) != patches) return std::nullopt;
    return std::pair{rows, patches / rows};
}

Tensor as_float(const Shape& shape, const std::vector<double>& values) {
    return Tensor::of<float>(shape, std::vector<float>(values.begin(), values.end()));
}

// The read token leaves only a picture's tokens: of text it is one of the words.
Tensor relevance_of_tokens(std::vector<double> row, const Batch& input,
                           std::optional<int64_t> token) {
    std::vector<double> patches = row;
    if (token) patches.erase(patches.begin() + *token);
    if (const auto size = grid(input, static_cast<int64_t>(patches.size())))
        return as_float({1, 1, size->first, size->second}, patches);
    return as_float({1, static_cast<int64_t>(row.size())}, row);
}

}  // namespace

const char* name(AttentionRule rule) {
    switch (rule) {
        case AttentionRule::raw:
            return "raw-attention";
        case AttentionRule::rollout:
            return "attention-rollout";
        case AttentionRule::relevance:
            return "attention-relevance";
    }
    return "?";
}

Attention::Attention(const DifferentiableModel& model, Options options)
    : model_(model), options_(std::move(options)) {
    if (options_.layers.empty())
        throw Error(ErrorKind::usage,
                    std::string(whence::name(options_.rule)) + " needs tensors of attention");
    if (options_.token && *options_.token < 0)
        throw Error(ErrorKind::usage, fmt::format("token {} is less than 0", *options_.token));
}

Explanation Attention::explain(const Batch& input, const Target& target, const Run& run) const {
    const auto start = std::chrono::steady_clock::now();
    const char* method = whence::name(options_.rule);
    const bool relevance = options_.rule == AttentionRule::relevance;
    const LayerPass pass = pass_through(model_, input, target, options_.layers,
                                        relevance ? With::values_and_gradients : With::values, run);
    const int64_t tokens = tokens_of(pass.values[0], options_.layers[0]);
    for (size_t block = 1; block < pass.values.size(); ++block)
        if (tokens_of(pass.values[block], options_.layers[block]) != tokens)
            throw Error(ErrorKind::unsupported,
                        "'" + printable(options_.layers[block]) +
                            "' attends to another number of "
                            "tokens than '" +
                            printable(options_.layers[0]) +
                            "': attention can be joined only over one sequence");

    Explanation explanation;
    explanation.attribution.values = relevance_of_tokens(
        joined(options_.rule, reading(options_.token, tokens), pass, tokens, run), input,
        options_.token);
    explanation.attribution.layer = options_.layers.back();
    if (explanation.attribution.values.rank() == 2)
        for (int64_t i = 0; i < tokens; ++i)
            explanation.attribution.names.push_back(fmt::format("token {}", i));
    explanation.target = {.resolved = pass.target, .value = pass.value, .baseline = "none"};
    explanation.diagnostics.no_error_because =
        relevance ? "it weighs where the model looks and takes no score apart"
                  : "it shows where the model looks, whatever the target is";
    fill_common(explanation, method, {}, run);
    explanation.provenance.options = {{"token", options_.token.value_or(-1)}};
    explanation.provenance.evaluations = pass.evaluations;
    explanation.provenance.gradient_evaluations = pass.gradient_evaluations;
    run.report(method, 1, 1);
    explanation.provenance.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return explanation;
}

}  // namespace whence
