#include <limits>

#include "whence/core/error.h"
#include "whence/graph/io.h"
#include "whence/graph/tensor_proto.h"
#include "whence_onnx.pb.h"

namespace whence::graph {
namespace {

void write_value(const ValueInfo& info, onnx::ValueInfoProto& proto) {
    proto.set_name(info.name);
    if (!info.opaque_type.empty()) {
        proto.mutable_type()->ParseFromString(info.opaque_type);
        return;
    }
    if (!info.type) return;
    auto* tensor = proto.mutable_type()->mutable_tensor_type();
    tensor->set_elem_type(data_type(*info.type));
    if (!info.shape) return;
    auto* shape = tensor->mutable_shape();
    for (const Dimension& dimension : *info.shape) {
        auto* dim = shape->add_dim();
        if (dimension.length >= 0) dim->set_dim_value(dimension.length);
        else if (!dimension.symbol.empty()) dim->set_dim_param(dimension.symbol);
    }
}

void write_graph(const Graph& graph, onnx::GraphProto& proto);

void write_attribute(const std::string& name, const Attribute& attribute, onnx::AttributeProto& proto) {
    using Proto = onnx::AttributeProto;
    if (const auto* opaque = std::get_if<Opaque>(&attribute)) {
        proto.ParseFromString(opaque->bytes);
    } else if (const auto* i = std::get_if<int64_t>(&attribute)) {
        proto.set_type(Proto::INT);
        proto.set_i(*i);
    } else if (const auto* f = std::get_if<float>(&attribute)) {
        proto.set_type(Proto::FLOAT);
        proto.set_f(*f);
    } else if (const auto* s = std::get_if<std::string>(&attribute)) {
        proto.set_type(Proto::STRING);
        proto.set_s(*s);
    } else if (const auto* t = std::get_if<Constant>(&attribute)) {
        proto.set_type(Proto::TENSOR);
        *proto.mutable_t() = write_tensor(**t, "");
    } else if (const auto* body = std::get_if<Body>(&attribute)) {
        proto.set_type(Proto::GRAPH);
        write_graph(**body, *proto.mutable_g());
    } else if (const auto* ints = std::get_if<std::vector<int64_t>>(&attribute)) {
        proto.set_type(Proto::INTS);
        proto.mutable_ints()->Assign(ints->begin(), ints->end());
    } else if (const auto* floats = std::get_if<std::vector<float>>(&attribute)) {
        proto.set_type(Proto::FLOATS);
        proto.mutable_floats()->Assign(floats->begin(), floats->end());
    } else if (const auto* strings = std::get_if<std::vector<std::string>>(&attribute)) {
        proto.set_type(Proto::STRINGS);
        for (const std::string& text : *strings) proto.add_strings(text);
    }
    proto.set_name(name);
}

void write_node(const Node& node, onnx::NodeProto& proto) {
    proto.set_op_type(node.op);
    proto.set_name(node.name);
    if (!node.domain.empty()) proto.set_domain(node.domain);
    for (const std::string& input : node.inputs) proto.add_input(input);
    for (const std::string& output : node.outputs) proto.add_output(output);
    for (const auto& [name, attribute] : node.attributes)
        write_attribute(name, attribute, *proto.add_attribute());
}

void write_graph(const Graph& graph, onnx::GraphProto& proto) {
    proto.set_name(graph.name.empty() ? "whence" : graph.name);
    for (const ValueInfo& input : graph.inputs) write_value(input, *proto.add_input());
    for (const ValueInfo& output : graph.outputs) write_value(output, *proto.add_output());
    for (const auto& [name, constant] : graph.initializers)
        *proto.add_initializer() = write_tensor(*constant, name);
    for (const auto& [name, opaque] : graph.opaque_initializers)
        proto.add_initializer()->ParseFromString(opaque.bytes);
    for (const Node& node : graph.nodes) write_node(node, *proto.add_node());
}

}  // namespace

void set_metadata(Graph& graph, const std::string& key, const std::string& value) {
    onnx::ModelProto model;
    model.ParseFromString(graph.model_rest);
    auto* entry = model.add_metadata_props();
    entry->set_key(key);
    entry->set_value(value);
    graph.model_rest = model.SerializeAsString();
}

std::string serialize(const Graph& graph) { return serialize_apart(graph, std::numeric_limits<size_t>::max()).bytes; }

Apart serialize_apart(const Graph& whole, size_t most) {
    Apart apart;
    Graph graph = whole;
    std::erase_if(graph.initializers, [&](const auto& entry) {
        const bool large = entry.second->bytes() > most;
        if (large) apart.constants.insert(entry);
        return large;
    });
    onnx::ModelProto model;
    model.ParseFromString(graph.model_rest);
    // From version 4 on constants need not be listed as inputs; 8 goes with opset 18.
    if (model.ir_version() < 8) model.set_ir_version(8);
    model.clear_opset_import();
    for (const auto& [domain, version] : graph.opsets) {
        auto* import = model.add_opset_import();
        import->set_domain(domain);
        import->set_version(version);
    }
    write_graph(graph, *model.mutable_graph());
    for (const auto& [name, constant] : apart.constants)
        *model.mutable_graph()->add_initializer() = write_description(*constant, name);
    if (model.ByteSizeLong() > (size_t{1} << 31) - 1)
        throw Error(ErrorKind::limit, "the model is larger than 2 GiB with its weights inside");
    apart.bytes = model.SerializeAsString();
    return apart;
}

}  // namespace whence::graph
