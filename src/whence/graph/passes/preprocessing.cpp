#include <algorithm>

#include "whence/core/error.h"
#include "whence/graph/builder.h"
#include "whence/graph/passes/passes.h"

namespace whence::graph {
namespace {

// A number for each channel, shaped to stand beside [N, C, H, W] or [N, H, W, C].
Tensor per_channel(const std::vector<double>& values, bool channels_first, ElementType type) {
    const auto count = static_cast<int64_t>(values.size());
    const Shape shape = channels_first ? Shape{1, count, 1, 1} : Shape{1, 1, 1, count};
    return Tensor::of<double>(shape, values).cast(type);
}

double at(const std::vector<double>& values, size_t channel, double otherwise) {
    return values.empty() ? otherwise : values[values.size() == 1 ? 0 : channel];
}

// Where no size is given the model's own input says it; where both do they must agree.
void settle_size(const ValueInfo& input, const PixelTransform& t, int64_t& height, int64_t& width) {
    const Shape lengths = input.lengths();
    if (lengths.size() == 4) {
        const size_t first = t.channels_first ? 2 : 1;
        const int64_t channels = lengths[t.channels_first ? 1 : 3];
        if (channels >= 0 && channels != t.channels)
            throw Error(ErrorKind::usage, "the model reads " + to_string(lengths) + ": that is not " +
                                              std::to_string(t.channels) + " channels " +
                                              (t.channels_first ? "first" : "last") +
                                              "; set channels and layout in the preprocessing");
        for (const auto& [given, known] : {std::pair{&height, lengths[first]}, std::pair{&width, lengths[first + 1]}}) {
            if (*given > 0 && known > 0 && *given != known)
                throw Error(ErrorKind::usage, "the preprocessing says size " + std::to_string(*given) +
                                                  ", the model reads " + std::to_string(known));
            if (known > 0) *given = known;
        }
    }
    if (height <= 0 || width <= 0)
        throw Error(ErrorKind::usage, "the model does not say its image size; set size in the preprocessing");
}

}  // namespace

std::string add_pixel_transform(Graph& graph, const PixelTransform& t, int64_t height, int64_t width) {
    if (graph.inputs.size() != 1)
        throw Error(ErrorKind::unsupported, "an image model must have one input; this one has " +
                                                std::to_string(graph.inputs.size()));
    const auto channels = static_cast<size_t>(t.channels);
    for (const auto* list : {&t.mean, &t.std})
        if (list->size() > 1 && list->size() != channels)
            throw Error(ErrorKind::usage, "mean and std need one number, or one for each channel");
    const ValueInfo original = graph.inputs[0];
    settle_size(original, t, height, width);
    const ElementType type = original.type.value_or(ElementType::float32);
    if (type != ElementType::float32 && type != ElementType::float64 && type != ElementType::float16)
        throw Error(ErrorKind::unsupported, "an image model must read floating-point numbers; this one reads " +
                                                std::string(name(type)));
    std::vector<double> factor, offset;
    for (size_t c = 0; c < channels; ++c) {
        factor.push_back(t.scale / at(t.std, c, 1));
        offset.push_back(-at(t.mean, c, 0) / at(t.std, c, 1));
    }
    std::vector<Node> nodes = std::move(graph.nodes);
    graph.nodes.clear();
    Builder builder(graph);
    const std::string pixels = graph.fresh("pixels");
    graph.inputs[0] = ValueInfo{.name = pixels, .type = ElementType::float32};
    graph.inputs[0].shape = {Dimension{-1, "N"}, Dimension{height, ""}, Dimension{width, ""},
                             Dimension{t.channels, ""}};
    std::string value = pixels;
    if (t.reverse_channels && t.channels == 3)
        value = builder.node("Gather", {value, builder.ints({2, 1, 0})}, {{"axis", int64_t{3}}});
    if (t.channels_first && t.channels > 1) value = builder.transpose(value, {0, 3, 1, 2});
    if (t.channels_first && t.channels == 1) value = builder.node("Reshape", {value, builder.ints({-1, 1, height, width})});
    if (type != ElementType::float32) value = builder.cast(value, type);
    value = builder.mul(value, builder.constant(per_channel(factor, t.channels_first, type)));
    if (std::ranges::any_of(offset, [](double o) { return o != 0; }))
        value = builder.add(value, builder.constant(per_channel(offset, t.channels_first, type)));
    // The model's own shape where it is no [N, C, H, W]: [N, 784], [N, H, W], ...
    std::vector<int64_t> shape = original.lengths();
    if (shape.size() == 4) shape.clear();
    Node last{.op = shape.empty() ? "Identity" : "Reshape", .name = "whence/pixels", .inputs = {value},
              .outputs = {original.name}};
    if (!shape.empty()) {
        shape[0] = -1;
        last.inputs.push_back(builder.ints(shape));
    }
    graph.nodes.push_back(std::move(last));
    for (Node& node : nodes) graph.nodes.push_back(std::move(node));
    return pixels;
}

}  // namespace whence::graph
