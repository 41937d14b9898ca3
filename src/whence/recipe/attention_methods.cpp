// Maps of where a transformer looks, and of what it reads there.

#include <fmt/format.h>

#include <charconv>

#include "whence/core/error.h"
#include "whence/gradients/attention.h"
#include "whence/gradients/grad_eclip.h"
#include "whence/gradients/legrad.h"
#include "whence/graph/attention_blocks.h"
#include "whence/recipe/features.h"
#include "whence/recipe/layers.h"
#include "whence/recipe/method_table.h"
#include "whence/recipe/names.h"
#include "whence/recipe/text.h"

namespace whence::recipe {
namespace {

using graph::AttentionBlock;

constexpr int64_t blocks_of_pictures = 1, blocks_of_texts = 8;  // Grad-ECLIP's defaults
constexpr int64_t blocks_of_legrad = 2;

[[noreturn]] void refuse_without_attention(const graph::Graph& graph, const std::string& hint) {
    std::string why = "no attention found in the model: no Softmax over tokens by tokens that a "
                      "product of matrices reads";
    if (const auto fused = graph::fused_attention(graph); !fused.empty())
        why = "the model's attention stays one operator, " + fused[0];
    throw Error(ErrorKind::unsupported, why + hint);
}

std::vector<std::string> attention_of(const Task& task) {
    std::vector<std::string> layers = parse_names(task.options.get<std::string>("attention"));
    if (layers.empty()) layers = find_attention(task.subject.onnx());
    if (!layers.empty()) return layers;
    const graph::Graph& graph = task.subject.onnx().differentiable_graph();
    for (AttentionBlock& block : graph::attention_blocks(graph))
        if (!block.pools) layers.push_back(std::move(block.probabilities));
    if (layers.empty()) refuse_without_attention(graph, "; --attention names its tensors");
    return layers;
}

// "auto", "mean" (also -1), "end" or a number.
ReadToken token_of(const Task& task, bool pools) {
    const std::string& text = task.options.get<std::string>("token");
    if (text == "mean" || text == "-1") return {.index = std::nullopt};
    if (text == "auto" || text == "end") {
        std::string position = graph::read_position(task.subject.onnx().differentiable_graph());
        if (!position.empty()) return {.tensor = std::move(position)};
        if (text == "end")
            throw Error(ErrorKind::usage, "--token end: the model looks for no end of its text; name the token by its number");
        if (pools) return {.index = std::nullopt};
        // A SigLIP reads its texts at the end of the padding, whatever they say.
        const bool padded_end = task.subject.pair_or_null() && task.input.text;
        return {.index = padded_end ? std::ssize(task.input.text->tokens) - 1 : 0};
    }
    int64_t index = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
    if (error != std::errc() || end != text.data() + text.size() || index < 0)
        throw Error(ErrorKind::usage, "--token: '" + printable(text) + "' is not auto, mean, end or the number of a token");
    return {.index = index};
}

OptionSpec token_option() {
    return {{"token", std::string("auto")},
            "whose row is read: its number (0 is usually the class token), end: where the model finds the "
            "end of its text, mean: the mean of all, auto: end where the model looks for one, else 0"};
}

// How many of the last blocks are meant; 0: `otherwise`.
size_t blocks_asked(const Task& task, size_t found, int64_t otherwise) {
    const int64_t asked = task.options.get<int64_t>("blocks");
    if (asked < 0) throw Error(ErrorKind::usage, fmt::format("blocks is {}; it must not be negative", asked));
    const int64_t count = asked == 0 ? otherwise : asked;
    return count == 0 ? found : std::min(found, static_cast<size_t>(count));
}

// Values of tokens become values of words; start and end of the text are left out, and said.
Explanation in_text(const Task& task, Explanation explanation) {
    Attribution& attribution = explanation.attribution;
    if (!task.input.text || attribution.values.size() != std::ssize(task.input.text->tokens)) return explanation;
    double special = 0, words = 0;
    const std::vector<double> values = attribution.values.to_doubles();
    for (size_t t = 0; t < values.size(); ++t)
        (task.input.text->tokens[t].special ? special : words) += values[t];
    attribution.names.clear();
    tokens_to_words(*task.input.text, attribution, SpecialTokens::left_out);
    explanation.diagnostics.notes.push_back(fmt::format(
        "the words have {:.4g}; the tokens around them (start, end, padding), which are left out, have {:.4g}",
        words, special));
    return explanation;
}

template <AttentionRule rule>
Explanation attention(const Task& task) {
    std::vector<std::string> layers = attention_of(task);
    const size_t found = layers.size();
    // The authors of relevance join the last block's attention alone where the model is a CLIP.
    const int64_t usual = rule == AttentionRule::relevance && task.subject.pair_or_null() ? 1 : 0;
    const size_t count = rule == AttentionRule::raw ? 1 : blocks_asked(task, found, usual);
    layers.erase(layers.begin(), layers.end() - static_cast<ptrdiff_t>(count));
    const Attention method(task.subject.onnx(),
                           {.rule = rule, .layers = std::move(layers), .token = token_of(task, false)});
    Explanation explanation = method.explain(differentiable_input(task), task.target, task.run);
    explanation.diagnostics.notes.push_back(
        rule == AttentionRule::raw ? fmt::format("the last of {} blocks' attention", found)
        : count < found            ? fmt::format("attention of the last {} of {} blocks", count, found)
                                   : fmt::format("attention of {} blocks", found));
    return in_text(task, std::move(explanation));
}

// The graph that gradients are made from, to be rewritten, and its blocks of attention.
struct Blocks {
    graph::Graph graph;
    std::vector<AttentionBlock> all;

    explicit Blocks(const OnnxModel& model)
        : graph(model.differentiable_graph()), all(graph::attention_blocks(graph)) {
        if (all.empty()) refuse_without_attention(graph, "");
    }
};

// What a method made of a model once: a rewritten graph means new sessions, which cost more than many
// explanations. The model itself where nothing was rewritten.
struct Rewritten {
    std::shared_ptr<const OnnxModel> model;  // none: the subject's own
    bool pools = false;
    size_t used = 0, found = 0;
    std::vector<GradEclipOptions::Block> eclip;
    std::string layer;  // the last block's own
    std::string from;
    std::vector<LegradOptions::Block> legrad;

    [[nodiscard]] const OnnxModel& or_own(const Task& task) const { return model ? *model : task.subject.onnx(); }
};

bool reads_text(const Task& task, const ReadToken& token) {
    return task.input.text || !token.tensor.empty();
}

Rewritten for_grad_eclip(const Task& task, EclipForm form, bool text) {
    Blocks blocks(task.subject.onnx());
    Rewritten out{.pools = blocks.all.back().pools, .found = blocks.all.size()};
    // A block that pools reads its tokens once; blocks before it have other rows.
    out.used = out.pools ? 1 : blocks_asked(task, out.found, text ? blocks_of_texts : blocks_of_pictures);
    out.layer = blocks.all.back().context;
    for (size_t b = out.found - out.used; b < out.found; ++b) {
        const AttentionBlock& block = blocks.all[b];
        if (form == EclipForm::multi_head) {
            out.eclip.push_back({.values = block.values, .context = block.context, .probabilities = block.probabilities});
            continue;
        }
        const graph::OneHead one = graph::use_one_head(blocks.graph, block);
        out.eclip.push_back({.values = one.values, .context = one.context, .queries = one.queries, .keys = one.keys});
    }
    if (form == EclipForm::single_head) out.model = task.subject.onnx().with_graph(std::move(blocks.graph));
    return out;
}

Explanation grad_eclip(const Task& task) {
    const EclipForm form = parse_eclip_form(task.options.get<std::string>("form"));
    const bool text = reads_text(task, token_of(task, false));
    const auto made = task.subject.kept<Rewritten>(
        fmt::format("grad-eclip {} {} {}", name(form), task.options.get<int64_t>("blocks"), text), {},
        [&] { return std::make_shared<const Rewritten>(for_grad_eclip(task, form, text)); });
    const GradEclip method(made->or_own(task), {.form = form, .blocks = made->eclip, .token = token_of(task, made->pools)});
    Explanation explanation = method.explain(differentiable_input(task), task.target, task.run);
    explanation.attribution.layer = made->layer;
    explanation.diagnostics.notes.push_back(fmt::format("the last {} of {} blocks", made->used, made->found));
    return in_text(task, std::move(explanation));
}

Rewritten for_legrad(const Task& task, bool text) {
    Blocks blocks(task.subject.onnx());
    std::erase_if(blocks.all, [](const AttentionBlock& block) { return block.pools; });
    if (blocks.all.empty() || blocks.all.back().output.empty())
        throw Error(ErrorKind::unsupported, "legrad scores the state after each block, and no residual stream was found");
    Rewritten out{.found = blocks.all.size()};
    out.used = blocks_asked(task, out.found, blocks_of_legrad);
    const size_t first = out.found - out.used;
    out.from = graph::rows_first_input(blocks.graph, blocks.all[first]);
    out.model = task.subject.onnx().with_graph(std::move(blocks.graph));
    const Split parts = out.model->split(out.from);
    const auto& above = dynamic_cast<const OnnxModel&>(*parts.above);
    for (size_t b = first; b < out.found; ++b) {
        graph::Graph scored = above.differentiable_graph();
        // A text is read where the model reads it: a mean over padding would say nothing.
        graph::read_instead(scored, blocks.all.back(), blocks.all[b].output, !text);
        out.legrad.push_back({above.with_graph(std::move(scored)), blocks.all[b].probabilities});
    }
    return out;
}

Explanation legrad(const Task& task) {
    const ReadToken token = token_of(task, false);
    const bool text = reads_text(task, token);
    const auto made = task.subject.kept<Rewritten>(
        fmt::format("legrad {} {}", task.options.get<int64_t>("blocks"), text), {},
        [&] { return std::make_shared<const Rewritten>(for_legrad(task, text)); });
    const Legrad method(made->or_own(task), {.from = made->from, .blocks = made->legrad, .token = token});
    Explanation explanation = method.explain(differentiable_input(task), task.target, task.run);
    explanation.diagnostics.notes.push_back(fmt::format(
        "the last {} of {} blocks{}", made->used, made->found,
        text ? "; each block's state is read at the end of the text, where its authors take the mean over a picture" : ""));
    return in_text(task, std::move(explanation));
}

OptionSpec blocks_option(std::string help) {
    return {{"blocks", int64_t{0}}, std::move(help)};
}

MethodSpec row(AttentionRule rule, std::string summary, Explanation (*explain)(const Task&)) {
    std::vector<OptionSpec> options = {
        {{"attention", std::string()},
         "tensors of attention probabilities, first block first, separated by "
         "commas; empty: those found"},
        token_option()};
    if (rule != AttentionRule::raw)
        options.push_back(blocks_option(rule == AttentionRule::relevance
                                            ? "how many of the last blocks are joined; 0: all, of a CLIP folder 1, as its authors do"
                                            : "how many of the last blocks are joined; 0: all"));
    return {.name = name(rule),
            .summary = std::move(summary),
            .needs_gradient = rule == AttentionRule::relevance,
            .uses_baseline = false,
            .options = std::move(options),
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
        {.name = "grad-eclip",
         .summary = "what each token brought into the one that a CLIP encoder is read at, by its gradient",
         .needs_gradient = true,
         .uses_baseline = false,
         .options = {{{"form", std::string(name(EclipForm::multi_head))},
                      "multi-head: of the model as it is; single-head: as published, of a model whose blocks have one head"},
                     blocks_option("how many of the last blocks are added up; 0: 1 of a picture's, 8 of a text's"),
                     token_option()},
         .explain = grad_eclip},
        {.name = "legrad",
         .summary = "how the scores of a transformer's last blocks would rise if a token were looked at more",
         .needs_gradient = true,
         .uses_baseline = false,
         .options = {blocks_option("how many of the last blocks are added up; 0: 2"), token_option()},
         .explain = legrad},
    };
}

}  // namespace whence::recipe
