#include "whence/gradients/attention.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

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

std::vector<std::string> values_of(const AttentionOptions& options) {
    std::vector<std::string> values = options.layers;
    if (!options.token.tensor.empty()) values.push_back(options.token.tensor);
    return values;
}

std::vector<double> times(const std::vector<double>& row, const Square& matrix) {
    std::vector<double> out(row.size(), 0.0);
    for (int64_t i = 0; i < matrix.tokens; ++i)
        for (int64_t j = 0; j < matrix.tokens; ++j)
            out[static_cast<size_t>(j)] += row[static_cast<size_t>(i)] * matrix.at(i, j);
    return out;
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
    if (options_.token.index && *options_.token.index < 0)
        throw Error(ErrorKind::usage,
                    fmt::format("token {} is less than 0", *options_.token.index));
}

Explanation Attention::explain(const Batch& input, const Target& target, const Run& run) const {
    const auto start = std::chrono::steady_clock::now();
    const char* method = whence::name(options_.rule);
    const bool relevance = options_.rule == AttentionRule::relevance;
    LayerPass pass = pass_through(model_, input, target,
                                  {.values = values_of(options_),
                                   .gradients = relevance ? options_.layers
                                                          : std::vector<std::string>{}},
                                  run);
    const ReadToken token = settled(
        options_.token, options_.token.tensor.empty() ? nullptr : &pass.values.back());
    pass.values.resize(options_.layers.size());
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
    explanation.attribution.values = map_of_tokens(
        joined(options_.rule, reading(token, tokens), pass, tokens, run), input, token);
    explanation.attribution.layer = options_.layers.back();
    explanation.attribution.names = token_names(explanation.attribution.values);
    explanation.target = {.resolved = pass.target, .value = pass.value, .baseline = "none"};
    explanation.diagnostics.no_error_because =
        relevance ? "it weighs where the model looks and takes no score apart"
                  : "it shows where the model looks, whatever the target is";
    fill_common(explanation, method, {}, run);
    explanation.provenance.options = {{"token", token.index.value_or(-1)}};
    explanation.provenance.evaluations = pass.evaluations;
    explanation.provenance.gradient_evaluations = pass.gradient_evaluations;
    run.report(method, 1, 1);
    explanation.provenance.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return explanation;
}

}  // namespace whence
