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

template <AttentionRule rule>
Explanation attention(const Task& task) {
    std::vector<std::string> layers = attention_of(task);
    const size_t found = layers.size();
    if (rule == AttentionRule::raw) layers = {layers.back()};
    const int64_t token = task.options.get<int64_t>("token");
    const Attention method(task.subject.onnx(),
                           {.rule = rule,
                            .layers = std::move(layers),
                            .token = token < 0 ? std::nullopt : std::optional(token)});
    Explanation explanation = method.explain(differentiable_input(task), task.target, task.run);
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
                         "whose row is read: 0 is usually the class token; -1: the mean of all"}},
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
