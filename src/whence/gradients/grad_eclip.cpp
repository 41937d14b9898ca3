#include "whence/gradients/grad_eclip.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "whence/core/error.h"
#include "whence/gradients/explained_input.h"
#include "whence/gradients/layer_pass.h"

namespace whence {

using namespace gradients;  // the helpers of this folder

namespace {

// Vectors of tokens with heads apart: [heads, tokens, width], whatever leads.
struct Heads {
    int64_t heads = 0, tokens = 0, width = 0;
    std::vector<double> numbers;

    Heads(const Tensor& tensor, const std::string& name) : numbers(tensor.to_doubles()) {
        const Shape& shape = tensor.shape();
        if (shape.size() < 3 || tensor.size() == 0)
            throw Error(ErrorKind::unsupported, "'" + printable(name) + "' has shape " + to_string(shape) +
                                                    ": attention is [1, heads, tokens, ...]");
        tokens = shape[shape.size() - 2];
        width = shape.back();
        heads = tensor.size() / (tokens * width);
    }
    [[nodiscard]] std::span<const double> at(int64_t head, int64_t token) const {
        return std::span(numbers).subspan(static_cast<size_t>((head * tokens + token) * width),
                                          static_cast<size_t>(width));
    }
};

double product(std::span<const double> a, std::span<const double> b) {
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

// The rows that are read: one, or all of a model that pools.
std::vector<int64_t> rows_read(const ReadToken& token, int64_t rows) {
    if (token.index) return {*token.index};
    std::vector<int64_t> all(static_cast<size_t>(rows));
    std::iota(all.begin(), all.end(), int64_t{0});
    return all;
}

// What is known of one block after the pass.
struct BlockPass {
    Heads values, context, gradient;
};

struct Total {
    std::vector<double> tokens;
    double wanted = 0;     // <g, o>
    double magnitude = 0;  // of what was added up
};

// A multi-head block: every token's share, and what all must add up to.
void add_shares(const BlockPass& seen, const Heads& probabilities, const ReadToken& token, Total& total) {
    for (const int64_t row : rows_read(token, seen.context.tokens))
        for (int64_t h = 0; h < seen.context.heads; ++h) {
            const auto g = seen.gradient.at(h, row);
            total.wanted += product(g, seen.context.at(h, row));
            for (int64_t i = 0; i < seen.values.tokens; ++i) {
                const double share = probabilities.at(h, row)[static_cast<size_t>(i)] *
                                     product(g, seen.values.at(h, i));
                total.tokens[static_cast<size_t>(i)] += share;
                total.magnitude += std::abs(share);
            }
        }
}

// lambda: cosines of the read query with every key, scaled to [0, 1] over all tokens but `left_out`
// (-1: none). Keys all alike weigh 1.
std::vector<double> similarity(const Tensor& queries, const Tensor& keys, int64_t rows, int64_t tokens,
                               int64_t row, int64_t left_out) {
    const std::vector<double> q = queries.to_doubles(), k = keys.to_doubles();
    const size_t width = q.size() / static_cast<size_t>(rows);
    if (width == 0 || k.size() != width * static_cast<size_t>(tokens))
        throw Error(ErrorKind::unsupported, "projected queries " + to_string(queries.shape()) + " and keys " +
                                                to_string(keys.shape()) + " are not of the same width");
    const std::span query = std::span(q).subspan(static_cast<size_t>(row) * width, width);
    std::vector<double> cosines;
    double low = 1, high = -1;
    for (int64_t i = 0; i < tokens; ++i) {
        const std::span key = std::span(k).subspan(static_cast<size_t>(i) * width, width);
        const double lengths = std::sqrt(product(query, query) * product(key, key));
        cosines.push_back(lengths > 0 ? product(query, key) / lengths : 0);
        if (left_out == i) continue;
        low = std::min(low, cosines.back());
        high = std::max(high, cosines.back());
    }
    for (double& cosine : cosines) cosine = high > low ? (cosine - low) / (high - low) : 1;
    return cosines;
}

void add_similar(const BlockPass& seen, const std::vector<double>& weights, int64_t row, Total& total) {
    for (int64_t i = 0; i < seen.values.tokens; ++i)
        for (int64_t h = 0; h < seen.values.heads; ++h)
            total.tokens[static_cast<size_t>(i)] += weights[static_cast<size_t>(i)] *
                                                    product(seen.gradient.at(h, row), seen.values.at(h, i));
}

Wanted wanted_of(const GradEclipOptions& options) {
    Wanted wanted;
    for (const GradEclipOptions::Block& block : options.blocks) {
        wanted.values.insert(wanted.values.end(), {block.values, block.context});
        if (options.form == EclipForm::multi_head)
            wanted.values.push_back(block.probabilities);
        else
            wanted.values.insert(wanted.values.end(), {block.queries, block.keys});
        wanted.gradients.push_back(block.context);
    }
    if (!options.token.tensor.empty()) wanted.values.push_back(options.token.tensor);
    return wanted;
}

void check_shapes(const BlockPass& seen, int64_t tokens, const std::string& context) {
    if (seen.values.heads != seen.context.heads || seen.values.width != seen.context.width ||
        seen.values.tokens != tokens)
        throw Error(ErrorKind::unsupported,
                    "'" + printable(context) + "': values of " + std::to_string(seen.values.heads) + " heads and " +
                        std::to_string(seen.values.tokens) + " tokens do not fit its " +
                        std::to_string(seen.context.heads) + " heads and " + std::to_string(tokens) + " tokens");
}

// A read token that is no cell of the map still has its share.
void state_shares(const Total& total, const ReadToken& token, const Tensor& map, Explanation& explanation) {
    Diagnostics& diagnostics = explanation.diagnostics;
    const double sum = std::accumulate(total.tokens.begin(), total.tokens.end(), 0.0);
    diagnostics.attribution_error = sum - total.wanted;
    if (std::abs(total.wanted) > 1e-8 * std::max(1.0, total.magnitude))
        diagnostics.relative_error = std::abs(*diagnostics.attribution_error / total.wanted);
    diagnostics.notes.push_back(
        fmt::format("the attribution error is that of all tokens' values, {:.4g}, against the gradient "
                    "times the output of attention, {:.4g}: they do not add up to the score",
                    sum, total.wanted));
    if (token.index && map.rank() == 4)
        diagnostics.notes.push_back(fmt::format("{:.4g} of it belongs to token {}, which is read and has no place in the picture",
                                                total.tokens[static_cast<size_t>(*token.index)], *token.index));
}

}  // namespace

const char* name(EclipForm form) {
    return form == EclipForm::multi_head ? "multi-head" : "single-head";
}

EclipForm parse_eclip_form(std::string_view text) {
    for (const EclipForm form : {EclipForm::multi_head, EclipForm::single_head})
        if (text == name(form)) return form;
    throw Error(ErrorKind::usage, "no form '" + printable(text) + "'; choose multi-head or single-head");
}

GradEclip::GradEclip(const DifferentiableModel& model, Options options)
    : model_(model), options_(std::move(options)) {
    if (options_.blocks.empty()) throw Error(ErrorKind::usage, "grad-eclip needs a block of attention");
}

Explanation GradEclip::explain(const Batch& input, const Target& target, const Run& run) const {
    const auto start = std::chrono::steady_clock::now();
    const bool multi_head = options_.form == EclipForm::multi_head;
    const LayerPass pass = pass_through(model_, input, target, wanted_of(options_), run);
    const ReadToken token =
        settled(options_.token, options_.token.tensor.empty() ? nullptr : &pass.values.back());

    Total total;
    Tensor map;
    auto value = pass.values.begin();
    for (size_t b = 0; b < options_.blocks.size(); ++b) {
        const GradEclipOptions::Block& block = options_.blocks[b];
        const BlockPass seen{Heads(*value, block.values), Heads(*(value + 1), block.context),
                        Heads(pass.gradients[b], block.context)};
        value += 2;
        if (b == 0) {
            total.tokens.resize(static_cast<size_t>(seen.values.tokens));
            check_token(token, seen.context.tokens);
            map = map_of_tokens(total.tokens, input, token);
        }
        check_shapes(seen, std::ssize(total.tokens), block.context);
        if (multi_head) {
            const Heads probabilities(*value++, block.probabilities);
            if (probabilities.heads != seen.context.heads || probabilities.width != seen.values.tokens)
                throw Error(ErrorKind::unsupported, "'" + printable(block.probabilities) + "' are no probabilities of these tokens");
            add_shares(seen, probabilities, token, total);
            continue;
        }
        if (!token.index && seen.context.tokens != 1)
            throw Error(ErrorKind::unsupported, "grad-eclip as published reads one token, and this model pools over all; "
                                                "--form multi-head does without");
        const int64_t row = token.index.value_or(0);
        // The authors scale over the patches of a picture, but over all tokens of a text.
        const int64_t left_out = map.rank() == 4 && token.index ? row : -1;
        add_similar(seen, similarity(*value, *(value + 1), seen.context.tokens, seen.values.tokens, row, left_out), row, total);
        value += 2;
    }
    if (!multi_head)
        for (double& v : total.tokens) v = std::max(0.0, v);

    Explanation explanation;
    explanation.attribution.values = map_of_tokens(total.tokens, input, token);
    explanation.attribution.layer = options_.blocks.back().context;
    explanation.attribution.names = token_names(explanation.attribution.values);
    explanation.target = {.resolved = pass.target, .value = pass.value, .baseline = "none"};
    if (multi_head) {
        state_shares(total, token, map, explanation);
    } else {
        explanation.diagnostics.no_error_because =
            "it weighs by a similarity scaled to [0, 1] and keeps what is positive, of a model with one head";
        explanation.diagnostics.notes.push_back(
            "computed with one head in place of the model's own; f(x) is what that other model answers");
    }
    fill_common(explanation, "grad-eclip", {}, run);
    explanation.provenance.options = {{"form", std::string(name(options_.form))},
                                      {"token", token.index.value_or(-1)}};
    explanation.provenance.evaluations = pass.evaluations;
    explanation.provenance.gradient_evaluations = pass.gradient_evaluations;
    run.report("grad-eclip", 1, 1);
    explanation.provenance.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return explanation;
}

}  // namespace whence
