#include "whence/graph/gradient/rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <unordered_map>

#include "whence/core/error.h"
#include "whence/graph/gradient/gradient.h"
#include "whence/graph/passes/passes.h"

namespace whence::graph {
namespace {

// 2^96: exact to multiply by, and 2^-96 is far below anything a network computes.
constexpr double huge_slope = 0x1p96;

const std::unordered_map<std::string_view, RuleRow>& table() {
    static const auto rules = [] {
        std::unordered_map<std::string_view, RuleRow> all;
        for (const auto& part :
             {activation_rules(), control_rules(), conv_rules(), einsum_rules(), elementwise_rules(), grid_sample_rules(),
              linear_rules(), normalization_rules(), pool_rules(), quantize_rules(), reduce_rules(), resize_rules(), select_rules(), shape_rules()})
            for (const RuleRow& row : part) all[row.op] = row;
        return all;
    }();
    return rules;
}

// Outputs are integers, booleans, or piecewise constant: the derivative is zero almost everywhere.
const std::set<std::string_view> stops = {
    "ArgMax", "ArgMin", "Shape", "Size", "ConstantOfShape", "Constant", "Range", "EyeLike", "OneHot",
    "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal", "Not", "And", "Or", "Xor", "IsNaN",
    "IsInf", "Floor", "Ceil", "Round", "Sign", "NonZero", "NonMaxSuppression", "Bernoulli",
    "RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Multinomial", "BitShift",
    "Hardmax", "StringNormalizer", "TfIdfVectorizer"};

}  // namespace

const RuleRow* find_rule(const Node& node) {
    if (!node.domain.empty()) return nullptr;
    const auto found = table().find(node.op);
    return found == table().end() ? nullptr : &found->second;
}

bool stops_gradient(const Node& node) { return node.domain.empty() && stops.count(node.op) != 0; }

std::vector<std::string> differentiable_operators() {
    std::vector<std::string> names;
    for (const auto& [op, rule] : table()) names.emplace_back(op);
    for (std::string& op : operators_to_expand()) names.push_back(std::move(op));
    std::ranges::sort(names);
    return names;
}

std::vector<std::string> operators_without_multiplier() {
    const std::vector<std::string> split = operators_to_split();
    std::vector<std::string> names;
    for (const auto& [op, row] : table())
        if (row.change == Change::unsplit && std::ranges::find(split, op) == split.end()) names.emplace_back(op);
    std::ranges::sort(names);
    return names;
}

std::vector<std::string> stopping_operators() { return {stops.begin(), stops.end()}; }

void Backward::refuse(const std::string& why) const {
    throw Error(ErrorKind::unsupported,
                fmt::format("no {} through {}: {}", deep_lift() ? "DeepLIFT multiplier" : "gradient", node.describe(), why));
}

const std::string& Backward::reference(const std::string& tensor) const {
    const std::string& copy = notes.options.reference->of(tensor);
    if (copy.empty()) refuse("'" + printable(tensor) + "' comes from a subgraph, which has no copy for the reference");
    return copy;
}

const std::string& Backward::d(size_t i) {
    if (!has_d(i)) refuse("the target depends on it through its other outputs");
    used_.insert(i);
    return output_gradients_[i];
}

void Backward::check_all_used() const {
    for (size_t i = 0; i < output_gradients_.size(); ++i)
        if (has_d(i) && !used_.count(i))
            refuse("the target depends on its output '" + printable(node.outputs[i]) + "'");
}

ElementType Backward::type_of(const std::string& tensor) const {
    return b.graph().value(tensor).type.value_or(ElementType::float32);
}

int64_t Backward::rank(const std::string& tensor) const {
    const ValueInfo info = b.graph().value(tensor);
    if (!info.shape) refuse("the rank of '" + printable(tensor) + "' is not known");
    return static_cast<int64_t>(info.shape->size());
}

Shape Backward::lengths(const std::string& tensor) const { return b.graph().value(tensor).lengths(); }

std::optional<std::vector<int64_t>> Backward::constant_ints(size_t i) const {
    if (!node.has_input(i)) return std::nullopt;
    const Tensor* value = b.graph().constant(node.inputs[i]);
    if (!value) return std::nullopt;
    const Tensor wide = value->cast(ElementType::int64);
    const auto numbers = wide.as<int64_t>();
    return std::vector<int64_t>(numbers.begin(), numbers.end());
}

std::string Backward::shape_of(const std::string& tensor) const {
    const ValueInfo info = b.graph().value(tensor);
    if (info.shape) {
        Shape lengths = info.lengths();
        // With allowzero set, -1 and 0 must not meet; an empty tensor takes the computed shape.
        if (std::ranges::count(lengths, -1) <= 1 && std::ranges::count(lengths, 0) == 0)
            return b.ints(lengths);
    }
    return b.shape(tensor);
}

std::string Backward::above(const std::string& t, double bound) const {
    return b.node("HardSigmoid", {t}, {{"alpha", static_cast<float>(huge_slope)},
                                       {"beta", static_cast<float>(-huge_slope * bound)}});
}

std::string Backward::below(const std::string& t, double bound) const {
    return b.node("HardSigmoid", {t}, {{"alpha", static_cast<float>(-huge_slope)},
                                       {"beta", static_cast<float>(huge_slope * bound)}});
}

namespace {

enum class Same { yes, no, unknown };

// Whether axis lengths of input and output are equal; only an input of length 1 is ever broadcast.
Same same(const Dimension& input, const Dimension& output) {
    if (input.length >= 0 && output.length >= 0) return input.length == output.length ? Same::yes : Same::no;
    if (input.length > 1) return Same::yes;
    if (!input.symbol.empty() && input.symbol == output.symbol) return Same::yes;
    return input.length == 1 ? Same::no : Same::unknown;
}

}  // namespace

// The one place where broadcasting is undone: sum over the axes along which the input was repeated.
void Backward::give_broadcast(size_t i, const std::string& gradient,
                              const std::optional<std::vector<Dimension>>& shape, size_t equal) {
    const std::string& input = node.inputs.at(i);
    const ValueInfo in = b.graph().value(input);
    if (in.shape && shape && in.shape->size() <= shape->size()) {
        const size_t lead = shape->size() - in.shape->size();
        std::vector<int64_t> axes;
        bool certain = true;
        for (size_t axis = 0; axis + equal < shape->size(); ++axis) {
            const Same repeated = axis < lead ? Same::no : same((*in.shape)[axis - lead], (*shape)[axis]);
            certain = certain && repeated != Same::unknown;
            if (repeated == Same::no) axes.push_back(static_cast<int64_t>(axis));
        }
        if (certain && axes.empty()) return give(i, gradient);
        if (certain) {
            const std::string summed = b.reduce_sum(gradient, axes, true);
            return give(i, lead == 0 ? summed : b.reshape(summed, shape_of(input)));
        }
    }
    // Lengths that only the run knows: axes are found in the graph. Summing over an axis of length 1
    // on both sides changes nothing.
    const std::string out_rank = b.shape(b.shape(gradient)), in_rank = b.shape(b.shape(input));
    const std::string ones = b.node("Expand", {b.ints({1}), b.sub(out_rank, in_rank)});
    const std::string padded = b.concat({ones, b.shape(input)}, 0);
    const std::string repeated = b.node("Equal", {padded, b.ints({1})});
    const std::string axes = b.reshape(b.node("NonZero", {repeated}), b.ints({-1}));
    const std::string summed =
        b.node("ReduceSum", {gradient, axes},
               {{"keepdims", int64_t{1}}, {"noop_with_empty_axes", int64_t{1}}});
    give(i, b.reshape(summed, b.shape(input)));
}

}  // namespace whence::graph
