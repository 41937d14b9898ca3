#include "whence/graph/functions.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <unordered_map>

#include "whence/core/error.h"

namespace whence::graph {
namespace {

constexpr int deepest = 64;
constexpr size_t most_nodes = size_t{1} << 18;
constexpr size_t most_bytes = size_t{1} << 30;

using Names = std::unordered_map<std::string, std::string>;

std::string domain_of(const std::string& domain) {
    return domain == "ai.onnx" ? "" : domain;
}

// Names of outer tensors in a subgraph; its own are scoped, and stay.
void rename(onnx::GraphProto& graph, const Names& names);

void rename(onnx::NodeProto& node, const Names& names) {
    const auto renamed = [&](std::string& name) {
        if (const auto found = names.find(name); found != names.end()) name = found->second;
    };
    for (std::string& input : *node.mutable_input()) renamed(input);
    for (std::string& output : *node.mutable_output()) renamed(output);
    for (auto& attribute : *node.mutable_attribute()) {
        if (attribute.has_g()) rename(*attribute.mutable_g(), names);
        for (auto& graph : *attribute.mutable_graphs()) rename(graph, names);
    }
}

void rename(onnx::GraphProto& graph, const Names& names) {
    for (auto& node : *graph.mutable_node()) rename(node, names);
    for (auto& output : *graph.mutable_output())
        if (const auto found = names.find(output.name()); found != names.end())
            output.set_name(found->second);
}

// Attributes that name one of the call's take its value; those that the call leaves out are left
// out.
void resolve_attributes(onnx::NodeProto& node, const onnx::NodeProto& call) {
    google::protobuf::RepeatedPtrField<onnx::AttributeProto> resolved;
    for (auto& attribute : *node.mutable_attribute()) {
        if (attribute.ref_attr_name().empty()) {
            if (attribute.has_g())
                for (auto& inner : *attribute.mutable_g()->mutable_node())
                    resolve_attributes(inner, call);
            *resolved.Add() = std::move(attribute);
            continue;
        }
        for (const auto& given : call.attribute())
            if (given.name() == attribute.ref_attr_name()) {
                *resolved.Add() = given;
                resolved.rbegin()->set_name(attribute.name());
            }
    }
    node.mutable_attribute()->Swap(&resolved);
}

class Inliner {
  public:
    explicit Inliner(onnx::ModelProto& model) : model_(model) {
        for (const auto& function : model.functions())
            functions_[{domain_of(function.domain()), function.name()}] = &function;
        for (const auto& import : model.opset_import())
            versions_[domain_of(import.domain())] = import.version();
    }

    void run() {
        const auto calls = std::move(*model_.mutable_graph()->mutable_node());
        model_.mutable_graph()->clear_node();
        for (const auto& node : calls) add(node, 0);
        if (!needed_) model_.clear_functions();
    }

  private:
    static std::pair<std::string, std::string> key(const onnx::NodeProto& node) {
        return {domain_of(node.domain()), node.op_type()};
    }

    // A function of other operator sets than the model's has no place in the graph.
    const onnx::FunctionProto* find(const onnx::NodeProto& node) {
        const auto found = functions_.find(key(node));
        if (found == functions_.end()) return nullptr;
        for (const auto& import : found->second->opset_import()) {
            const auto [known, added] =
                versions_.emplace(domain_of(import.domain()), import.version());
            if (added) *model_.add_opset_import() = import;
            if (known->second != import.version()) return nullptr;
        }
        return found->second;
    }

    void add(const onnx::NodeProto& node, int depth) {
        if (const onnx::FunctionProto* function = find(node)) return expand(node, *function, depth);
        const auto has_subgraph = [](const onnx::AttributeProto& attribute) {
            return attribute.has_g() || attribute.graphs_size() > 0;
        };
        needed_ = needed_ || functions_.count(key(node)) != 0 ||
                  std::ranges::any_of(node.attribute(), has_subgraph);
        bytes_ += node.ByteSizeLong();
        if (static_cast<size_t>(model_.graph().node_size()) >= most_nodes || bytes_ > most_bytes)
            throw Error(ErrorKind::limit,
                        "the model's functions grow beyond all measure when they are written out");
        *model_.mutable_graph()->add_node() = node;
    }

    void expand(const onnx::NodeProto& call, const onnx::FunctionProto& function, int depth) {
        if (depth == deepest)
            throw Error(ErrorKind::model,
                        fmt::format("function '{}' calls itself, or calls are nested too deep",
                                    printable(function.name())));
        if (++calls_ > most_nodes)
            throw Error(ErrorKind::limit,
                        "the model's functions grow beyond all measure when they are written out");
        const std::string stem =
            fmt::format("{}#{}/", call.name().empty() ? call.op_type() : call.name(), calls_);
        Names names = {{"", ""}};
        for (int i = 0; i < function.input_size(); ++i)
            names[function.input(i)] = i < call.input_size() ? call.input(i) : "";
        // An output that is an input, too, is a copy of it.
        std::vector<std::pair<std::string, std::string>> copies;
        for (int i = 0; i < function.output_size() && i < call.output_size(); ++i) {
            if (call.output(i).empty()) continue;
            const auto [known, added] = names.emplace(function.output(i), call.output(i));
            if (!added) copies.emplace_back(known->second, call.output(i));
        }
        for (const auto& inner : function.node()) {
            onnx::NodeProto node = inner;
            for (const std::string& output : node.output()) names.emplace(output, stem + output);
            resolve_attributes(node, call);
            rename(node, names);
            if (!inner.name().empty()) node.set_name(stem + inner.name());
            add(node, depth + 1);
        }
        for (const auto& [from, to] : copies) {
            onnx::NodeProto copy;
            copy.set_op_type("Identity");
            copy.add_input(from);
            copy.add_output(to);
            add(copy, depth + 1);
        }
    }

    onnx::ModelProto& model_;
    std::map<std::pair<std::string, std::string>, const onnx::FunctionProto*> functions_;
    std::map<std::string, int64_t> versions_;
    size_t calls_ = 0, bytes_ = 0;
    bool needed_ = false;  ///< a call stays, or a subgraph may hold one
};

}  // namespace

void inline_functions(onnx::ModelProto& model) {
    if (model.functions_size() > 0) Inliner(model).run();
}

}  // namespace whence::graph
