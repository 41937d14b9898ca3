#include "whence/clip/encoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "whence/core/error.h"
#include "whence/graph/builder.h"
#include "whence/graph/passes/passes.h"

namespace whence::clip {
namespace {

// |e| is taken of |e|^2 + this: an embedding of zeros answers 0, not NaN.
constexpr double tiny = 1e-24;

using Names = std::array<std::string_view, 5>;
constexpr Names picture_names = {"image_embeds", "image_embeddings", "image_features",
                                 "image_embedding", "image_embed"};
constexpr Names text_names = {"text_embeds", "text_embeddings", "text_features", "text_embedding",
                              "text_embed"};
// What an encoder of one side alone may also call it, the projected ones first.
constexpr Names plain_names = {"embeds", "embeddings", "embedding", "pooler_output", "output"};

const graph::ValueInfo* named(const graph::Graph& graph, const Names& names) {
    for (const std::string_view name : names) {
        const auto found = std::ranges::find(graph.outputs, name, &graph::ValueInfo::name);
        if (found != graph.outputs.end()) return &*found;
    }
    return nullptr;
}

/// The only output that can be one vector for each row.
const graph::ValueInfo* only_matrix(const graph::Graph& graph) {
    const auto rank_2 = [](const graph::ValueInfo& value) {
        return value.shape && value.shape->size() == 2;
    };
    if (std::ranges::count_if(graph.outputs, rank_2) == 1)
        return &*std::ranges::find_if(graph.outputs, rank_2);
    return graph.outputs.size() == 1 && !graph.outputs[0].shape ? &graph.outputs[0] : nullptr;
}

std::string list_of(const std::vector<graph::ValueInfo>& values) {
    std::string out;
    for (const graph::ValueInfo& value : values)
        out += fmt::format("{}{} {}", out.empty() ? "" : ", ", printable(value.name, 60),
                           value.shape ? to_string(value.lengths()) : "[...]");
    return out;
}

}  // namespace

graph::Graph encoder_of(const graph::Graph& graph, Side side, bool both) {
    const Names& own = side == Side::picture ? picture_names : text_names;
    const graph::ValueInfo* found = named(graph, own);
    if (!found && !both) found = named(graph, plain_names);
    if (!found && !both) found = only_matrix(graph);
    if (!found)
        throw Error(
            ErrorKind::input,
            fmt::format("no output is the embedding of {}; looked for {}{}; the model has {}",
                        side == Side::picture ? "pictures" : "texts", own[0],
                        both ? "" : ", pooler_output and the only output of rank 2",
                        list_of(graph.outputs)));
    graph::Graph part = graph::cut_below(graph, {found->name});
    const auto rank = [](const graph::ValueInfo& input) {
        return input.shape ? input.shape->size() : 0;
    };
    if (side == Side::picture && (part.inputs.size() != 1 || rank(part.inputs[0]) != 4))
        throw Error(
            ErrorKind::input,
            fmt::format("an encoder of pictures reads one input [N, C, H, W]; this one reads {}",
                        list_of(part.inputs)));
    return part;
}

graph::Graph joined(graph::Graph graph, const Tensor& units, double scale, double bias) {
    if (graph.opset() < 7)
        throw Error(
            ErrorKind::unsupported,
            fmt::format("the encoder is of opset {}; 7 and newer can be joined", graph.opset()));
    const int64_t texts = units.shape()[0], width = units.shape()[1];
    const std::span<const float> values = units.as<float>();
    std::vector<float> columns(values.size());
    for (int64_t k = 0; k < texts; ++k)
        for (int64_t d = 0; d < width; ++d)
            columns[d * texts + k] = static_cast<float>(scale * values[k * width + d]);
    const std::string embedding = graph.outputs.at(0).name;
    const ElementType type = graph.outputs[0].type.value_or(ElementType::float32);
    const std::string name = graph.contains("logits") ? graph.fresh("logits") : "logits";
    graph::Builder b(graph);
    // Sums as products of matrices: the same operators in every opset.
    const std::string ones =
        b.constant(Tensor::of<float>({width, 1}, std::vector<float>(width, 1)).cast(type));
    const std::string square = b.node("MatMul", {b.mul(embedding, embedding), ones});
    const std::string length = b.node(
        "Sqrt", {b.add(square, b.constant(Tensor::of<double>({1}, std::vector{tiny}).cast(type)))});
    const std::string unit = b.div(embedding, length);
    const std::string cosines =
        b.node("MatMul", {unit, b.constant(Tensor::of<float>({width, texts}, columns).cast(type))});
    b.add(cosines, b.constant(Tensor::of<double>({1}, std::vector{bias}).cast(type)));
    graph.nodes.back().outputs[0] = name;
    graph::ValueInfo output{.name = name, .type = type};
    output.shape = {graph::Dimension{-1, "N"}, graph::Dimension{texts, ""}};
    graph.outputs = {output};
    graph::verify(graph);
    return graph;
}

}  // namespace whence::clip
