#include "whence/graph/builder.h"

#include "whence/core/error.h"

namespace whence::graph {
namespace {

constexpr int64_t small = 64;  // constants up to this size are compared and shared

int64_t onnx_number(ElementType type) {
    switch (type) {
        case ElementType::float32: return 1;
        case ElementType::float16: return 10;
        case ElementType::float64: return 11;
        case ElementType::int64: return 7;
        case ElementType::boolean: return 9;
        case ElementType::int32: return 6;
        default: throw Error(ErrorKind::internal, "no cast to this type in a built graph");
    }
}

}  // namespace

std::string Builder::node(const std::string& op, std::vector<std::string> inputs, Attributes attributes) {
    return nodes(op, std::move(inputs), 1, std::move(attributes))[0];
}

std::vector<std::string> Builder::nodes(const std::string& op, std::vector<std::string> inputs,
                                        size_t outputs, Attributes attributes) {
    Node made{.op = op, .inputs = std::move(inputs), .attributes = std::move(attributes)};
    for (size_t i = 0; i < outputs; ++i) made.outputs.push_back(graph_.fresh("whence/" + op));
    made.name = made.outputs[0];
    graph_.nodes.push_back(std::move(made));
    return graph_.nodes.back().outputs;
}

std::string Builder::constant(Tensor value) {
    const bool shareable = value.size() <= small;
    if (shareable)
        for (const auto& [known, name] : shared_)
            if (*known == value) return name;
    const std::string name = graph_.fresh("whence/constant");
    const Constant held = std::make_shared<const Tensor>(std::move(value));
    graph_.initializers[name] = held;
    if (shareable) shared_.emplace_back(held, name);
    return name;
}

std::string Builder::ints(const std::vector<int64_t>& values) {
    return constant(Tensor::of<int64_t>({static_cast<int64_t>(values.size())}, values));
}

std::string Builder::integer(int64_t value) {
    return constant(Tensor::of<int64_t>({}, std::vector<int64_t>{value}));
}

std::string Builder::scalar(double value, ElementType type) {
    return constant(Tensor::of<double>({}, std::vector<double>{value}).cast(type));
}

std::string Builder::cast(const std::string& tensor, ElementType type) {
    return node("Cast", {tensor}, {{"to", onnx_number(type)}});
}

std::string Builder::zeros(const std::string& shape, ElementType type) {
    const auto value = std::make_shared<const Tensor>(
        Tensor::of<double>({1}, std::vector<double>{0}).cast(type));
    return node("ConstantOfShape", {shape}, {{"value", Constant(value)}});
}

}  // namespace whence::graph
