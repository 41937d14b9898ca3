// Maps of where a transformer looks.

#include "whence/core/error.h"
#include "whence/gradients/attention.h"
#include "whence/recipe/features.h"
#include "whence/recipe/layers.h"
#include "whence/recipe/method_table.h"
#include "whence/recipe/names.h"

namespace whence::recipe {
namespace {

std::vector<std::string> attention_of(const Task& task) {
    std::vector<std::string> layers = parse_names(task.options.get<std::string>("attention"));
    if (layers.empty()) layers = find_attention(task.subject.onnx());
    if (layers.empty())
        throw Error(ErrorKind::unsupported,
                    "no attention found in the model: no Softmax over tokens by tokens that a "
                    "product of matrices reads; --attention names its tensors");
    return layers;
}

/// Where the model reads what a sequence amounts to. A causal encoder's first token sees nothing but itself: of
/// CLIP's texts it is the token at their end (SigLIP reads the end of the padding).
int64_t token_of(const Task& task) {
    const int64_t token = task.options.get<int64_t>("token");
    const clip::Pair* pair = task.subject.pair_or_null();
    if (token != 0 || !pair || !task.input.text) return token;
    const std::vector<text::Token>& tokens = task.input.text->tokens;
    auto last = static_cast<int64_t>(tokens.size()) - 1;
    if (pair->activation() == clip::Activation::softmax)
        while (last > 0 && tokens[last].padding) --last;
    return last;
}

template <AttentionRule rule>
Explanation attention(const Task& task) {
    std::vector<std::string> layers = attention_of(task);
    const size_t found = layers.size();
    if (rule == AttentionRule::raw) layers = {layers.back()};
    const int64_t token = token_of(task);
    const Attention method(task.subject.onnx(),
                           {.rule = rule,
                            .layers = std::move(layers),
                            .token = token < 0 ? std::nullopt : std::optional(token)});
    Explanation explanation = method.explain(differentiable_input(task), task.target, task.run);
    if (task.input.text) explanation.attribution.names.clear();  // tokens become words
    explanation.diagnostics.notes.push_back(
        rule == AttentionRule::raw ? "the last of " + std::to_string(found) + " blocks' attention"
                                   : "attention of " + std::to_string(found) + " blocks");
    return explanation;
}

MethodSpec row(AttentionRule rule, std::string summary, Explanation (*explain)(const Task&)) {
    return {.name = name(rule),
            .summary = std::move(summary),
            .needs_gradient = rule == AttentionRule::relevance,
            .uses_baseline = false,
            .options = {{{"attention", std::string()},
                         "tensors of attention probabilities, first block first, separated by "
                         "commas; empty: those found"},
                        {{"token", int64_t{0}},
                         "whose row is read: 0 is usually the class token (of CLIP's texts it stands for the one at "
                         "their end); -1: the mean of all"}},
            .explain = explain};
}

}  // namespace

std::vector<MethodSpec> attention_methods() {
    return {
        row(AttentionRule::raw, "where the last block of a transformer looks",
            attention<AttentionRule::raw>),
        row(AttentionRule::rollout, "attention followed through all blocks of a transformer",
            attention<AttentionRule::rollout>),
        row(AttentionRule::relevance, "attention weighed by gradients, through all blocks",
            attention<AttentionRule::relevance>),
    };
}

}  // namespace whence::recipe
