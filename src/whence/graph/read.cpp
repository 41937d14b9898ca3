#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>

#include "whence/core/error.h"
#include "whence/core/file.h"
#include "whence/graph/body.h"
#include "whence/graph/functions.h"
#include "whence/graph/io.h"
#include "whence/graph/tensor_proto.h"
#include "whence_onnx.pb.h"

namespace whence::graph {
namespace {

constexpr uint64_t model_size_limit = (uint64_t{1} << 31) - 1;  // what protobuf can hold

ValueInfo read_value(const onnx::ValueInfoProto& proto) {
    ValueInfo info{.name = proto.name()};
    if (!proto.type().has_tensor_type()) {
        info.opaque_type = proto.type().SerializeAsString();
        return info;
    }
    const auto& tensor = proto.type().tensor_type();
    info.type = element_type(tensor.elem_type());
    if (!info.type) info.opaque_type = proto.type().SerializeAsString();
    if (!tensor.has_shape()) return info;
    info.shape.emplace();
    for (const auto& dim : tensor.shape().dim()) {
        const bool known = dim.has_dim_value() && dim.dim_value() >= 0;
        info.shape->push_back({known ? dim.dim_value() : -1, known ? "" : dim.dim_param()});
    }
    return info;
}

Graph read_body(const onnx::GraphProto& proto, const std::filesystem::path& folder);

Attribute read_attribute(const onnx::AttributeProto& proto, const std::filesystem::path& folder) {
    switch (proto.type()) {
        case onnx::AttributeProto::INT: return static_cast<int64_t>(proto.i());
        case onnx::AttributeProto::FLOAT: return proto.f();
        case onnx::AttributeProto::STRING: return proto.s();
        case onnx::AttributeProto::INTS:
            return std::vector<int64_t>(proto.ints().begin(), proto.ints().end());
        case onnx::AttributeProto::FLOATS:
            return std::vector<float>(proto.floats().begin(), proto.floats().end());
        case onnx::AttributeProto::STRINGS:
            return std::vector<std::string>(proto.strings().begin(), proto.strings().end());
        case onnx::AttributeProto::TENSOR:
            if (auto tensor = read_tensor(proto.t(), folder))
                return std::make_shared<const Tensor>(std::move(*tensor));
            return Opaque{proto.SerializeAsString()};
        case onnx::AttributeProto::GRAPH: return std::make_shared<const Graph>(read_body(proto.g(), folder));
        case onnx::AttributeProto::GRAPHS:
            throw Error(ErrorKind::unsupported, fmt::format("attribute '{}' is a list of graphs", printable(proto.name())));
        default: return Opaque{proto.SerializeAsString()};
    }
}

Node read_node(const onnx::NodeProto& proto, const std::filesystem::path& folder) {
    Node node{.op = proto.op_type(),
              .domain = proto.domain() == "ai.onnx" ? "" : proto.domain(),
              .name = proto.name(),
              .inputs = {proto.input().begin(), proto.input().end()},
              .outputs = {proto.output().begin(), proto.output().end()}};
    for (const auto& attribute : proto.attribute()) node.attributes[attribute.name()] = read_attribute(attribute, folder);
    update_captures(node);
    return node;
}

void read_initializers(const onnx::GraphProto& proto, const std::filesystem::path& folder, Graph& graph) {
    for (const auto& constant : proto.initializer()) {
        if (constant.name().empty()) throw Error(ErrorKind::model, "a constant has no name");
        if (graph.initializers.count(constant.name()) || graph.opaque_initializers.count(constant.name()))
            throw Error(ErrorKind::model,
                        fmt::format("constant '{}' is defined twice", printable(constant.name())));
        if (auto tensor = read_tensor(constant, folder))
            graph.initializers[constant.name()] = std::make_shared<const Tensor>(std::move(*tensor));
        else
            graph.opaque_initializers[constant.name()] = {constant.SerializeAsString()};
    }
    if (proto.sparse_initializer_size() > 0)
        throw Error(ErrorKind::unsupported, "the model has sparse constants; make them dense first");
}

void read_into(const onnx::GraphProto& proto, const std::filesystem::path& folder, Graph& graph) {
    graph.name = proto.name();
    read_initializers(proto, folder, graph);
    for (const auto& input : proto.input())
        if (!graph.initializers.count(input.name()) && !graph.opaque_initializers.count(input.name()))
            graph.inputs.push_back(read_value(input));
    for (const auto& output : proto.output()) graph.outputs.push_back(read_value(output));
    for (const auto& value : proto.value_info()) graph.values[value.name()] = read_value(value);
    for (const auto& node : proto.node()) graph.nodes.push_back(read_node(node, folder));
}

// A cycle inside shows here; a name that nothing defines is taken for one of the graph around it.
Graph read_body(const onnx::GraphProto& proto, const std::filesystem::path& folder) {
    Graph body;
    read_into(proto, folder, body);
    sort_nodes(body, captured(body));
    return body;
}

Graph read_graph(onnx::ModelProto& model, const std::filesystem::path& folder) {
    Graph graph;
    for (const auto& import : model.opset_import())
        graph.opsets[import.domain() == "ai.onnx" ? "" : import.domain()] = import.version();
    if (graph.opsets.empty()) throw Error(ErrorKind::model, "the file names no operator set: it is no ONNX model");
    read_into(model.graph(), folder, graph);
    model.clear_graph();
    graph.model_rest = model.SerializeAsString();
    return graph;
}

}  // namespace

Graph parse_model(std::span<const std::byte> bytes, const std::filesystem::path& folder) {
    if (bytes.empty()) throw Error(ErrorKind::model, "the file is empty");
    if (bytes.size() > model_size_limit)
        throw Error(ErrorKind::limit, "the model is larger than 2 GiB; keep its weights as external data");
    google::protobuf::io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
    google::protobuf::io::CodedInputStream coded(&stream);
    onnx::ModelProto model;
    if (!model.ParseFromCodedStream(&coded) || !coded.ConsumedEntireMessage())
        throw Error(ErrorKind::model, "the file is no ONNX model, or it is truncated");
    if (!model.has_graph()) throw Error(ErrorKind::model, "the file has no graph: it is no ONNX model");
    inline_functions(model);
    Graph graph = read_graph(model, folder);
    if (graph.outputs.empty()) throw Error(ErrorKind::model, "the model has no outputs");
    sort_nodes(graph);
    verify(graph);
    return graph;
}

Graph read_model(const std::filesystem::path& path) {
    const std::vector<std::byte> bytes = read_file(path, model_size_limit);
    try {
        return parse_model(bytes, path.parent_path());
    } catch (const Error& error) {
        throw Error(error.kind(), printable(path.string(), 400) + ": " + error.what());
    }
}

}  // namespace whence::graph
