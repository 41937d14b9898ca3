#include "whence/graph/sources.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <string_view>

namespace whence::graph {
namespace {

constexpr std::string_view ml = "ai.onnx.ml";
constexpr int64_t most_numbers = 1 << 22;  // of a row

void add(Sources& to, const Sources& from, const Node* by) {
    if (from.columns.empty()) return;
    std::vector<int64_t> both;
    std::ranges::set_union(to.columns, from.columns, std::back_inserter(both));
    if (!to.mixed_by) to.mixed_by = from.mixed_by ? from.mixed_by : both.size() > 1 ? by : nullptr;
    to.columns = std::move(both);
}

int64_t product(const Shape& lengths) {
    return std::accumulate(lengths.begin(), lengths.end(), int64_t{1}, std::multiplies<>());
}

/// What is known of a tensor's rows: the sources of every number, or, where nobody knows how many
/// there are, one for all.
struct Rows {
    std::optional<Shape> lengths = {};  ///< without the batch
    std::vector<Sources> numbers = {};

    [[nodiscard]] bool plain() const { return lengths && lengths->size() <= 1; }
    [[nodiscard]] Sources all(const Node* by) const {
        Sources out;
        for (const Sources& one : numbers) add(out, one, by);
        return out;
    }
};

/// An axis of rows, with what stands before and behind it.
struct Axis {
    int64_t before = 1, length = 1, behind = 1;
    size_t place = 0;
};

bool is_one_of(const std::string& op, const std::set<std::string_view>& names) {
    return names.contains(op);
}

/// Every number of the output comes from the numbers at its place in the inputs.
bool is_elementwise(const Node& node) {
    static const std::set<std::string_view> plain = {
        "Abs",         "Add",        "And",   "Cast",      "CastLike",
        "Ceil",        "Clip",       "Div",   "Elu",       "Equal",
        "Erf",         "Exp",        "Floor", "Greater",   "GreaterOrEqual",
        "Identity",    "IsInf",      "IsNaN", "LeakyRelu", "Less",
        "LessOrEqual", "Log",        "Max",   "Mean",      "Min",
        "Mod",         "Mul",        "Neg",   "Not",       "Or",
        "Pow",         "Reciprocal", "Relu",  "Round",     "Sigmoid",
        "Sign",        "Softplus",   "Sqrt",  "Sub",       "Sum",
        "Tanh",        "Where",      "Xor"};
    static const std::set<std::string_view> of_ml = {"Binarizer", "CategoryMapper", "Imputer",
                                                     "LabelEncoder", "Scaler"};
    if (node.domain == ml) return is_one_of(node.op, of_ml);
    return node.domain.empty() && is_one_of(node.op, plain);
}

class Analysis {
  public:
    Analysis(const Graph& graph, int64_t columns) : graph_(graph) {
        int64_t first = 0;
        for (const ValueInfo& input : graph.inputs) {
            const int64_t count = graph.inputs.size() == 1 ? columns : 1;
            Rows rows{.lengths = Shape{count}};
            for (int64_t i = 0; i < count; ++i) rows.numbers.push_back({{first + i}, nullptr});
            first += count;
            rows_[input.name] = std::move(rows);
        }
    }

    Rows of(const std::string& tensor) {
        for (const Node& node : graph_.nodes) {
            if (rows_.contains(tensor)) break;
            visit(node);
        }
        const auto found = rows_.find(tensor);
        return found == rows_.end() ? Rows{} : found->second;
    }

  private:
    // A constant has no rows; nor has what is computed from constants.
    void visit(const Node& node) {
        std::vector<const Rows*> read;
        for (const std::vector<std::string>* names : {&node.inputs, &node.captures})
            for (const std::string& name : *names)
                if (const auto found = rows_.find(name); found != rows_.end())
                    read.push_back(&found->second);
        if (read.empty() || node.is("Shape") || node.is("Size")) return;
        if (node.is("Split") && split(node)) return;
        std::optional<Rows> made = known(node, read);
        if (!made || (made->lengths && product(*made->lengths) > most_numbers))
            made = everything(node, read);
        for (const std::string& output : node.outputs)
            if (!output.empty()) rows_[output] = *made;
    }

    std::optional<Rows> known(const Node& node, const std::vector<const Rows*>& read) {
        if (is_elementwise(node)) return elementwise(node, read);
        if (node.is("Concat")) return concatenated(node, node.integer("axis", 0));
        if (node.domain == ml && node.op == "FeatureVectorizer") return concatenated(node, 1);
        if (node.domain == ml && node.op == "ArrayFeatureExtractor") return gathered(node, -1);
        if (node.domain == ml && node.op == "OneHotEncoder") return one_hot(node, *read[0]);
        if (node.is("Gather")) return gathered(node, node.integer("axis", 0));
        if (node.is("Reshape")) return reshaped(node);
        if (node.is("Flatten") && node.integer("axis", 1) == 1 && read[0]->lengths)
            return Rows{.lengths = Shape{product(*read[0]->lengths)}, .numbers = read[0]->numbers};
        return std::nullopt;
    }

    const Rows* rows_of(const std::string& tensor) const {
        const auto found = rows_.find(tensor);
        return found == rows_.end() ? nullptr : &found->second;
    }

    Rows everything(const Node& node, const std::vector<const Rows*>& read) const {
        Sources all;
        for (const Rows* rows : read) add(all, rows->all(&node), &node);
        return {.lengths = std::nullopt, .numbers = {std::move(all)}};
    }

    /// Numbers of plain rows at the same place, one number and constants being broadcast.
    std::optional<Rows> elementwise(const Node& node, const std::vector<const Rows*>& read) const {
        int64_t width = 1;
        for (const Rows* rows : read) {
            if (!rows->lengths) return std::nullopt;
            width = std::max(width, product(*rows->lengths));
        }
        const bool plain =
            std::ranges::all_of(read, [](const Rows* rows) { return rows->plain(); });
        if (!plain && read.size() > 1) return std::nullopt;
        for (const std::string& name : node.inputs) {
            if (name.empty() || rows_.contains(name)) continue;
            const Tensor* constant = graph_.constant(name);
            if (!constant) return std::nullopt;
            if (constant->size() == 1) continue;
            const Shape& shape = constant->shape();
            const bool row = plain && constant->size() == shape.back();  // the last axis alone
            if (!row || (width != 1 && width != constant->size())) return std::nullopt;
            width = constant->size();
        }
        Rows out{.lengths = plain && width > 1 ? Shape{width} : *read[0]->lengths};
        out.numbers.resize(width);
        for (const Rows* rows : read) {
            const auto have = static_cast<int64_t>(rows->numbers.size());
            if (have != 1 && have != width) return std::nullopt;
            for (int64_t i = 0; i < width; ++i)
                add(out.numbers[i], rows->numbers[have == 1 ? 0 : i], &node);
        }
        return out;
    }

    /// The axis of rows that `axis` of a tensor is; none where it is the batch or does not exist.
    static std::optional<Axis> axis_of(const Rows& rows, int64_t axis) {
        if (!rows.lengths) return std::nullopt;
        const auto rank = static_cast<int64_t>(rows.lengths->size()) + 1;
        if (axis < 0) axis += rank;
        if (axis < 1 || axis >= rank) return std::nullopt;
        Axis out{.place = static_cast<size_t>(axis - 1)};
        for (size_t d = 0; d < rows.lengths->size(); ++d)
            (d < out.place    ? out.before
             : d == out.place ? out.length
                              : out.behind) *= (*rows.lengths)[d];
        return out;
    }

    std::optional<Rows> concatenated(const Node& node, int64_t axis) const {
        std::vector<const Rows*> parts;
        Rows out;
        for (const std::string& name : node.inputs) {
            const Rows* rows = rows_of(name);
            if (!rows || !axis_of(*rows, axis)) return std::nullopt;
            parts.push_back(rows);
        }
        const Axis first = *axis_of(*parts[0], axis);
        int64_t length = 0;
        for (const Rows* rows : parts) {
            const Axis one = *axis_of(*rows, axis);
            if (one.before != first.before || one.behind != first.behind) return std::nullopt;
            length += one.length;
        }
        out.lengths = *parts[0]->lengths;
        (*out.lengths)[first.place] = length;
        for (int64_t b = 0; b < first.before; ++b)
            for (const Rows* rows : parts) {
                const int64_t run = axis_of(*rows, axis)->length * first.behind;
                const auto from = rows->numbers.begin() + b * run;
                out.numbers.insert(out.numbers.end(), from, from + run);
            }
        return out;
    }

    /// Places of an axis, in this order.
    static std::optional<Rows> chosen(const Rows& rows, int64_t axis,
                                      const std::vector<int64_t>& places) {
        const std::optional<Axis> of = axis_of(rows, axis);
        if (!of) return std::nullopt;
        Rows out{.lengths = rows.lengths};
        (*out.lengths)[of->place] = static_cast<int64_t>(places.size());
        for (int64_t b = 0; b < of->before; ++b)
            for (int64_t place : places) {
                if (place < 0) place += of->length;
                if (place < 0 || place >= of->length) return std::nullopt;
                const auto from = rows.numbers.begin() + (b * of->length + place) * of->behind;
                out.numbers.insert(out.numbers.end(), from, from + of->behind);
            }
        return out;
    }

    std::optional<Rows> gathered(const Node& node, int64_t axis) const {
        const Rows* rows = node.inputs.size() == 2 ? rows_of(node.inputs[0]) : nullptr;
        const Tensor* places = node.inputs.size() == 2 ? graph_.constant(node.inputs[1]) : nullptr;
        const bool listed = node.domain == ml || (places && places->rank() == 1);
        if (!rows || !places || !listed || places->type() != ElementType::int64)
            return std::nullopt;
        const std::span<const int64_t> from = places->as<int64_t>();
        return chosen(*rows, axis, {from.begin(), from.end()});
    }

    bool split(const Node& node) {
        const Rows* found = rows_of(node.inputs[0]);
        const std::optional<Axis> axis =
            found ? axis_of(*found, node.integer("axis", 0)) : std::nullopt;
        if (!axis) return false;
        const Rows rows = *found;
        const auto parts = static_cast<int64_t>(node.outputs.size());
        std::vector<int64_t> lengths = node.integers("split");
        if (node.has_input(1)) {
            const Tensor* constant = graph_.constant(node.inputs[1]);
            if (!constant || constant->type() != ElementType::int64) return false;
            lengths.assign(constant->as<int64_t>().begin(), constant->as<int64_t>().end());
        } else if (lengths.empty()) {
            const int64_t each = (axis->length + parts - 1) / parts;
            for (int64_t left = axis->length; left > 0; left -= each)
                lengths.push_back(std::min(each, left));
        }
        if (std::ssize(lengths) != parts) return false;
        std::vector<Rows> made;
        int64_t first = 0;
        for (const int64_t length : lengths) {
            std::vector<int64_t> places(
                static_cast<size_t>(std::clamp<int64_t>(length, 0, axis->length)));
            std::iota(places.begin(), places.end(), first);
            first += length;
            std::optional<Rows> part = chosen(rows, node.integer("axis", 0), places);
            if (!part) return false;
            made.push_back(std::move(*part));
        }
        for (size_t i = 0; i < made.size(); ++i)
            if (!node.outputs[i].empty()) rows_[node.outputs[i]] = std::move(made[i]);
        return true;
    }

    /// One place for each category, behind every number.
    static std::optional<Rows> one_hot(const Node& node, const Rows& rows) {
        if (!rows.lengths) return std::nullopt;
        size_t categories = node.integers("cats_int64s").size();
        if (const auto found = node.attributes.find("cats_strings"); found != node.attributes.end())
            if (const auto* texts = std::get_if<std::vector<std::string>>(&found->second))
                categories = std::max(categories, texts->size());
        if (static_cast<int64_t>(categories) * std::ssize(rows.numbers) > most_numbers)
            return std::nullopt;
        Shape lengths = *rows.lengths;
        lengths.push_back(static_cast<int64_t>(categories));
        Rows out{.lengths = std::move(lengths)};
        for (const Sources& one : rows.numbers)
            out.numbers.insert(out.numbers.end(), categories, one);
        return out;
    }

    /// The numbers of a row stay in their order, where rows stay rows.
    std::optional<Rows> reshaped(const Node& node) const {
        const Rows* rows = rows_of(node.inputs[0]);
        const Tensor* shape = node.inputs.size() > 1 ? graph_.constant(node.inputs[1]) : nullptr;
        if (!rows || !rows->lengths || !shape || shape->type() != ElementType::int64 ||
            shape->size() < 1 || node.integer("allowzero", 0) != 0)
            return std::nullopt;
        const std::span<const int64_t> want = shape->as<int64_t>();
        const auto width = static_cast<int64_t>(rows->numbers.size());
        Shape lengths(want.begin() + 1, want.end());
        int64_t known = 1;
        bool free = false;
        for (size_t d = 0; d < lengths.size(); ++d) {
            if (lengths[d] == 0 && d < rows->lengths->size()) lengths[d] = (*rows->lengths)[d];
            if (lengths[d] < 0)
                free = true;
            else
                known *= lengths[d];
        }
        // The batch comes first: -1 where the others make up a row, or 0.
        if (want[0] > 0 || (want[0] < 0 && free)) return std::nullopt;
        if (free && (known == 0 || width % known != 0)) return std::nullopt;
        for (int64_t& length : lengths)
            if (length < 0) length = width / known;
        if (product(lengths) != width) return std::nullopt;
        return Rows{.lengths = std::move(lengths), .numbers = rows->numbers};
    }

    const Graph& graph_;
    std::map<std::string, Rows> rows_;
};

}  // namespace

std::vector<Sources> sources_of(const Graph& graph, const std::string& tensor, int64_t columns) {
    return Analysis(graph, columns).of(tensor).numbers;
}

}  // namespace whence::graph
