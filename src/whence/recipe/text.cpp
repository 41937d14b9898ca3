#include "whence/recipe/text.h"

#include <fmt/format.h>

#include <algorithm>

#include "whence/core/error.h"
#include "whence/graph/graph.h"
#include "whence/recipe/layers.h"
#include "whence/shapley/hierarchy.h"

namespace whence::recipe {

namespace {

// How strongly the text between two words parts them.
uint8_t gap_of(std::string_view between) {
    const auto has = [&](std::initializer_list<std::string_view> marks) {
        return std::ranges::any_of(marks, [&](std::string_view mark) {
            return between.find(mark) != std::string_view::npos;
        });
    };
    if (has({"\n\n", "\r\n\r\n", "\u2029"})) return 3;
    if (has({".", "!", "?", "\n", "\u2026", "\u3002", "\uff01", "\uff1f"})) return 2;
    if (has({",", ";", ":", "(", ")", "\u2013", "\u2014", "\u3001", "\uff0c", "\uff1b", "\uff1a"}))
        return 1;
    return 0;
}

}  // namespace

std::vector<OptionSpec> word_options(bool bow, std::string_view stand_in) {
    return {
        {{"bow", bow},
         "texts: a word is one feature wherever it stands, and is removed; else each place is "
         "one, and mask-string stands there"},
        {{"mask-string", std::string()},
         fmt::format("texts, without bow: what stands for a missing word; empty: {}", stand_in)},
        {{"split-expression", std::string("\\W+")},
         "texts: regular expression of what parts words"},
        {{"char-level", false}, "texts: features are characters"},
        {{"mask-tokens", false},
         "texts: put the mask or padding token for a word's tokens instead of rewriting the "
         "text"}};
}

std::vector<OptionSpec> with_word_options(std::vector<OptionSpec> options) {
    std::ranges::move(word_options(), std::back_inserter(options));
    return options;
}

TextPlayers text_players(const Task& task, std::string_view stand_in) {
    const OptionValues& o = task.options;
    const bool bow = o.get<bool>("bow"), characters = o.get<bool>("char-level");
    const bool tokens = o.get<bool>("mask-tokens");
    std::string mask = o.get<std::string>("mask-string");
    if (!mask.empty() && (bow || tokens))
        throw Error(ErrorKind::usage,
                    "--mask-string is for texts whose words are replaced: give --bow false, and "
                    "leave --mask-tokens out");
    const TextInput& input = *task.input.text;
    TextPlayers out{.words = text::split_words(
                        input.text, {.split_expression = o.get<std::string>("split-expression"),
                                     .bow = bow,
                                     .char_level = characters}),
                    .model = &task.subject.model()};
    if (out.words.players() == 0) throw Error(ErrorKind::input, "the text has no words to explain");
    const text::TextEncoder& encoder = *task.subject.text_encoder();
    if (tokens) {
        const int64_t id = encoder.hidden_id();
        out.input = task.input.batch;
        out.masker = std::make_unique<LabelMasker>(text::token_masker(
            encoder.ids_name(), out.input.at(encoder.ids_name()), out.words, input.tokens, id));
        out.hidden = fmt::format("the token {} for each token of a word",
                                 printable(encoder.tokenizer()->token(id), 40));
        return out;
    }
    out.own_model = std::make_unique<text::TextModel>(task.subject.model(), encoder);
    out.model = out.own_model.get();
    out.input.add("text", Tensor::of<std::string>({1}, std::vector<std::string>{input.text}));
    if (mask.empty() && !bow) mask = characters ? std::string(1, '\0') : stand_in;
    out.hidden = bow ? "words left out" : fmt::format("'{}' for each word", printable(mask, 40));
    out.masker = std::make_unique<text::WordMasker>(
        out.words, bow ? std::nullopt : std::optional(std::move(mask)));
    return out;
}

Hierarchy word_hierarchy(const text::Words& words) {
    std::vector<uint8_t> gaps;
    int32_t seen = -1;
    uint8_t widest = 0;
    for (const text::Words::Part& part : words.parts) {
        const auto length = static_cast<size_t>(part.place.end - part.place.begin);
        if (part.player < 0)
            widest = std::max(widest,
                              gap_of(std::string_view(words.text)
                                         .substr(static_cast<size_t>(part.place.begin), length)));
        if (part.player <= seen) continue;
        if (seen >= 0) gaps.push_back(widest);
        seen = part.player;
        widest = 0;
    }
    return gap_hierarchy(gaps);
}

void place_words(const text::Words& words, Attribution& attribution) {
    ExplainedText text{.text = words.text};
    for (const text::Words::Part& part : words.parts)
        if (part.player >= 0) text.parts.push_back({part.place.begin, part.place.end, part.player});
    attribution.text = std::move(text);
}

void tokens_to_words(const TextInput& text, Attribution& attribution, SpecialTokens special) {
    const Tensor& values = attribution.values;
    const auto count = static_cast<int64_t>(text.tokens.size());
    const bool of_tokens = values.rank() >= 2 && values.rank() <= 3 && values.rows() == 1 &&
                           values.shape()[1] == count;
    if (!of_tokens || !attribution.names.empty()) return;
    const std::vector<double> all = values.to_doubles();
    const int64_t features = values.size() / std::max<int64_t>(1, count);
    const text::Words words = text::split_words(text.text, {.bow = false});
    const std::vector<int32_t> players = text::players_of_tokens(words, text.tokens);

    ExplainedText placed{.text = text.text};
    std::vector<double> sums;
    std::vector<int64_t> feature_of_word(words.players(), -1);
    for (int64_t t = 0; t < count; ++t) {
        double sum = 0;
        for (int64_t f = 0; f < features; ++f) sum += all[t * features + f];
        const text::Token& token = text.tokens[t];
        if (token.padding && sum == 0) continue;
        if (token.special && special == SpecialTokens::left_out) continue;
        int64_t feature = players[t] < 0 ? -1 : feature_of_word[players[t]];
        if (feature < 0) {
            feature = static_cast<int64_t>(sums.size());
            sums.push_back(0);
            if (players[t] >= 0) {
                feature_of_word[players[t]] = feature;
                attribution.names.push_back(words.names[players[t]]);
            } else if (token.special) {
                attribution.names.push_back(token.padding ? "(padding)" : "(special token)");
            } else {
                const std::string sign =
                    text.text.substr(token.place.begin, token.place.end - token.place.begin);
                attribution.names.push_back(sign);
                // Tokens of bytes share a place; the first has it.
                if (token.place.begin < token.place.end &&
                    (placed.parts.empty() || placed.parts.back().end <= token.place.begin))
                    placed.parts.push_back({token.place.begin, token.place.end, feature});
            }
        }
        sums[feature] += sum;
    }
    for (const text::Words::Part& part : words.parts)
        if (part.player >= 0 && feature_of_word[part.player] >= 0)
            placed.parts.push_back(
                {part.place.begin, part.place.end, feature_of_word[part.player]});
    std::ranges::sort(placed.parts, {}, &ExplainedText::Part::begin);
    // A token that reaches from one word into the next belongs to the first; places stay words.
    for (size_t i = 1; i < placed.parts.size(); ++i)
        placed.parts[i - 1].end = std::min(placed.parts[i - 1].end, placed.parts[i].begin);
    attribution.values = Tensor::of<double>({static_cast<int64_t>(sums.size())}, sums);
    attribution.standard_errors.clear();
    attribution.text = std::move(placed);
}

std::string word_embedding(const Subject& subject) {
    const std::string& ids = subject.text_encoder()->ids_name();
    // Exporters put casts and the like between the tokens and their table.
    std::vector<std::string> same = {ids};
    for (const graph::Node& node : subject.onnx().graph().nodes) {
        const auto reads = [&](size_t input) {
            return input < node.inputs.size() &&
                   std::ranges::find(same, node.inputs[input]) != same.end();
        };
        if (node.op == "Gather" && reads(1)) return node.outputs[0];
        if ((node.op == "Cast" || node.op == "Identity") && reads(0))
            same.push_back(node.outputs[0]);
    }
    throw Error(ErrorKind::unsupported,
                "the model has no table of word embeddings that its tokens are looked up in: name "
                "a layer with --layer, or use lime or occlusion");
}

Tensor padded_tokens(const Subject& subject, const Input& input) {
    const text::TextEncoder& encoder = *subject.text_encoder();
    std::vector<double> ids = input.batch.at(encoder.ids_name()).to_doubles();
    for (size_t t = 0; t < ids.size(); ++t)
        if (!input.text->tokens[t].special)
            ids[t] = static_cast<double>(encoder.filler_id());
    return Tensor::of<double>({1, static_cast<int64_t>(ids.size())}, ids).cast(ElementType::int64);
}

}  // namespace whence::recipe
