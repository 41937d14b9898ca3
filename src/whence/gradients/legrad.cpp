#include "whence/gradients/legrad.h"

#include <algorithm>
#include <chrono>

#include "whence/core/error.h"
#include "whence/gradients/explained_input.h"
#include "whence/gradients/layer_pass.h"

namespace whence {

using namespace gradients;  // the helpers of this folder

namespace {

// Adds the mean over heads and queries of what raises the score: one number for each token looked at.
void add_mean(const Tensor& gradient, const std::string& layer, std::vector<double>& tokens) {
    const Shape& shape = gradient.shape();
    if (shape.size() < 3 || gradient.size() == 0 ||
        (!tokens.empty() && shape.back() != std::ssize(tokens)))
        throw Error(ErrorKind::unsupported, "'" + printable(layer) + "' has shape " + to_string(shape) +
                                                ": attention of the blocks before it is of other tokens");
    tokens.resize(static_cast<size_t>(shape.back()));
    const std::vector<double> numbers = gradient.to_doubles();
    const auto rows = static_cast<double>(numbers.size() / tokens.size());
    for (size_t i = 0; i < numbers.size(); ++i)
        tokens[i % tokens.size()] += std::max(0.0, numbers[i]) / rows;
}

}  // namespace

Legrad::Legrad(const DifferentiableModel& model, Options options)
    : model_(model), options_(std::move(options)) {
    if (options_.blocks.empty()) throw Error(ErrorKind::usage, "legrad needs a block of attention");
}

Explanation Legrad::explain(const Batch& input, const Target& target, const Run& run) const {
    const auto start = std::chrono::steady_clock::now();
    std::vector<std::string> values = {options_.from};
    if (!options_.token.tensor.empty()) values.push_back(options_.token.tensor);
    const LayerPass pass = pass_through(model_, input, target, values, With::values, run);
    const ReadToken token = settled(options_.token, values.size() > 1 ? &pass.values[1] : nullptr);

    std::vector<double> tokens;
    for (size_t b = 0; b < options_.blocks.size(); ++b) {
        const LegradOptions::Block& block = options_.blocks[b];
        Batch state;
        for (const TensorInfo& info : block.score->inputs())
            state.add(info.name, info.name == options_.from ? pass.values[0] : input.at(info.name));
        GradientRequest request = request_for(pass.target);
        request.gradients = {block.probabilities};
        const GradientResult result = block.score->run(state, request, run);
        check_model_number(result.target.at(0), "output");
        add_mean(result.gradients[0], block.probabilities, tokens);
        run.report("legrad", static_cast<int64_t>(b) + 1, std::ssize(options_.blocks));
    }
    check_token(token, std::ssize(tokens));

    Explanation explanation;
    explanation.attribution.values = map_of_tokens(tokens, input, token);
    explanation.attribution.layer = options_.blocks.back().probabilities;
    explanation.attribution.names = token_names(explanation.attribution.values);
    explanation.target = {.resolved = pass.target, .value = pass.value, .baseline = "none"};
    explanation.diagnostics.no_error_because =
        "it adds up what would raise the scores of several blocks and takes no score apart";
    fill_common(explanation, "legrad", {}, run);
    explanation.provenance.options = {{"blocks", std::ssize(options_.blocks)},
                                      {"token", token.index.value_or(-1)}};
    explanation.provenance.evaluations = pass.evaluations;
    explanation.provenance.gradient_evaluations = std::ssize(options_.blocks);
    explanation.provenance.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return explanation;
}

}  // namespace whence
