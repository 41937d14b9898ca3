#include "whence/recipe/layers.h"

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>
#include <unordered_set>

namespace whence::recipe {
namespace {

using graph::Node;

constexpr std::array pointwise = {
    "Abs",
    "Add",
    "BatchNormalization",
    "Cast",
    "Celu",
    "Clip",
    "Concat",
    "Div",
    "Dropout",
    "Elu",
    "Gelu",
    "GroupNormalization",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "InstanceNormalization",
    "LeakyRelu",
    "LRN",
    "Max",
    "Mish",
    "Mul",
    "PRelu",
    "Pow",
    "Relu",
    "Selu",
    "Sigmoid",
    "Softplus",
    "Sub",
    "Tanh",
    "ThresholdedRelu",
};

const std::string& first_output(const Node& node) {
    static const std::string none;
    return node.outputs.empty() ? none : node.outputs[0];
}

bool is_pointwise(const Node& node) {
    return std::ranges::any_of(pointwise, [&](const char* op) { return node.is(op); });
}

// The model's graph with what one walks over it for: who reads what, and shapes.
class Walk {
  public:
    explicit Walk(const OnnxModel& model) : graph_(model.graph()) {
        for (LayerInfo& layer : model.layers()) shapes_.emplace(layer.name, std::move(layer.shape));
        for (size_t i = 0; i < graph_.nodes.size(); ++i) {
            for (const std::string& input : graph_.nodes[i].inputs)
                if (!input.empty()) readers_[input].push_back(i);
            for (const std::string& input : graph_.nodes[i].captures) readers_[input].push_back(i);
            made_.insert(graph_.nodes[i].outputs.begin(), graph_.nodes[i].outputs.end());
        }
        for (const graph::ValueInfo& output : graph_.outputs) outputs_.insert(output.name);
    }

    [[nodiscard]] const std::vector<Node>& nodes() const { return graph_.nodes; }
    [[nodiscard]] bool computed(const std::string& tensor) const { return made_.contains(tensor); }
    [[nodiscard]] bool constant(const std::string& tensor) const {
        return graph_.constant(tensor) != nullptr;
    }
    [[nodiscard]] bool is_output(const std::string& tensor) const {
        return outputs_.contains(tensor);
    }
    /// In the order in which they run.
    [[nodiscard]] std::vector<const Node*> readers(const std::string& tensor) const {
        std::vector<const Node*> out;
        const auto found = readers_.find(tensor);
        if (found != readers_.end())
            for (const size_t i : found->second) out.push_back(&graph_.nodes[i]);
        return out;
    }
    [[nodiscard]] const std::optional<Shape>& shape(const std::string& tensor) const {
        static const std::optional<Shape> unknown;
        const auto found = shapes_.find(tensor);
        return found == shapes_.end() ? unknown : found->second;
    }
    [[nodiscard]] SuggestedLayer suggest(std::string name, LayerRole role,
                                         std::string reason) const {
        const std::optional<Shape>& lengths = shape(name);
        std::string text = lengths ? to_string(*lengths) : "";
        return {std::move(name), role, std::move(reason), std::move(text)};
    }

  private:
    const graph::Graph& graph_;
    std::unordered_map<std::string, std::optional<Shape>> shapes_;
    std::unordered_map<std::string, std::vector<size_t>> readers_;
    std::unordered_set<std::string> made_, outputs_;
};

// One value alone is no map, nor is one that does not lie over a picture.
bool over_a_picture(const std::optional<Shape>& shape) {
    if (!shape) return true;  // nobody knows: better than nothing
    return shape->size() == 4 && ((*shape)[2] != 1 || (*shape)[3] != 1);
}

// From a convolution on, past its normalisation, activation and the sum or concatenation of its
// block, as long as the features stay where they are: to what pooling reads.
std::string before_pooling(const Walk& walk, std::string tensor) {
    for (;;) {
        const std::vector<const Node*> readers = walk.readers(tensor);
        const bool stays =
            !readers.empty() && !walk.is_output(tensor) &&
            std::ranges::all_of(readers, [](const Node* node) { return is_pointwise(*node); });
        // Of several readers the last joins the others: x * sigmoid(x).
        if (!stays || !over_a_picture(walk.shape(first_output(*readers.back())))) return tensor;
        tensor = first_output(*readers.back());
    }
}

std::string last_features(const Walk& walk) {
    for (auto node = walk.nodes().rbegin(); node != walk.nodes().rend(); ++node)
        if (node->is("Conv") && over_a_picture(walk.shape(first_output(*node))))
            return before_pooling(walk, first_output(*node));
    return "";
}

std::vector<std::string> attention(const Walk& walk) {
    std::vector<std::string> found;
    for (const Node& node : walk.nodes()) {
        if (!node.is("Softmax") || walk.is_output(first_output(node))) continue;
        const std::optional<Shape>& shape = walk.shape(first_output(node));
        const int64_t axis = node.integer("axis", -1);
        if (shape) {
            const auto rank = static_cast<int64_t>(shape->size());
            const bool last = axis == -1 || axis == rank - 1;
            if (rank < 3 || !last) continue;
            const int64_t rows = (*shape)[static_cast<size_t>(rank - 2)], columns = shape->back();
            if (rows == 1 || (rows != columns && rows >= 0 && columns >= 0)) continue;
        }
        std::string tensor = first_output(node);
        std::vector<const Node*> readers = walk.readers(tensor);
        // Past a dropout, a cast or a mask.
        for (int step = 0; step < 4 && readers.size() == 1 && is_pointwise(*readers[0]); ++step)
            readers = walk.readers(first_output(*readers[0]));
        const bool weighs = std::ranges::any_of(
            readers, [](const Node* next) { return next->is("MatMul") || next->is("Einsum"); });
        if (weighs) found.push_back(std::move(tensor));
    }
    return found;
}

// x + f(x): both sides are computed and of one shape. Its activation counts where it follows at
// once.
std::vector<SuggestedLayer> block_outputs(const Walk& walk) {
    std::vector<SuggestedLayer> all;
    for (const Node& node : walk.nodes()) {
        if (!node.is("Add") || node.inputs.empty() ||
            !std::ranges::all_of(node.inputs,
                                 [&](const std::string& input) { return walk.computed(input); }))
            continue;
        const std::optional<Shape>& shape = walk.shape(first_output(node));
        if (!shape || shape->size() < 3 || walk.shape(node.inputs[0]) != shape ||
            walk.shape(node.inputs.back()) != shape || walk.is_output(first_output(node)))
            continue;
        std::string tensor = first_output(node);
        const std::vector<const Node*> readers = walk.readers(tensor);
        if (readers.size() == 1 && readers[0]->is("Relu")) tensor = first_output(*readers[0]);
        all.push_back(walk.suggest(std::move(tensor), LayerRole::block,
                                   "output of the last residual block of this shape"));
    }
    // Of each shape the last.
    std::vector<SuggestedLayer> last;
    std::map<std::string, size_t> remaining;
    for (const SuggestedLayer& block : all) ++remaining[block.shape];
    for (SuggestedLayer& block : all)
        if (--remaining[block.shape] == 0) last.push_back(std::move(block));
    return last;
}

std::vector<SuggestedLayer> embeddings(const Walk& walk) {
    std::vector<SuggestedLayer> found;
    for (const Node& node : walk.nodes()) {
        if (!node.is("Gather") || node.inputs.empty() || !walk.constant(node.inputs.front()) ||
            walk.constant(node.inputs.back()))
            continue;
        const std::optional<Shape>& shape = walk.shape(first_output(node));
        if (node.integer("axis", 0) != 0 || (shape && shape->size() < 3)) continue;
        found.push_back(walk.suggest(first_output(node), LayerRole::embedding,
                                     "rows of a learned table: the first layer with a gradient"));
    }
    return found;
}

}  // namespace

std::string_view name(LayerRole role) {
    switch (role) {
        case LayerRole::features:
            return "last convolution";
        case LayerRole::block:
            return "block output";
        case LayerRole::attention:
            return "attention";
        case LayerRole::embedding:
            return "embedding";
    }
    return "?";
}

std::vector<SuggestedLayer> suggested_layers(const OnnxModel& model) {
    const Walk walk(model);
    std::vector<SuggestedLayer> all;
    if (const std::string features = last_features(walk); !features.empty())
        all.push_back(walk.suggest(features, LayerRole::features,
                                   "the last features over the picture: what CAMs are made of"));
    for (SuggestedLayer& block : block_outputs(walk))
        if (all.empty() || block.name != all[0].name) all.push_back(std::move(block));
    for (const std::string& layer : attention(walk))
        all.push_back(walk.suggest(layer, LayerRole::attention, "attention probabilities"));
    for (SuggestedLayer& embedding : embeddings(walk)) all.push_back(std::move(embedding));
    return all;
}

std::string last_convolution(const OnnxModel& model) {
    return last_features(Walk(model));
}

std::vector<std::string> find_attention(const OnnxModel& model) {
    return attention(Walk(model));
}

}  // namespace whence::recipe
