#include "whence/recipe/held_trees.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "whence/core/error.h"
#include "whence/data/table_model.h"
#include "whence/graph/io.h"
#include "whence/graph/sources.h"
#include "whence/recipe/onnx_trees.h"

namespace whence::recipe {
namespace {

constexpr const char* instead = "; kernel-shap explains any model";

// Names of the two outputs of the graph that ends at the trees.
constexpr const char* columns_name = "whence/columns";
constexpr const char* scores_name = "whence/scores";

[[noreturn]] void refuse(const std::string& why) {
    throw Error(ErrorKind::unsupported, why + instead);
}

int64_t tree_nodes(const graph::Graph& graph) {
    return std::ranges::count_if(graph.nodes, [](const graph::Node& node) {
        return node.domain == "ai.onnx.ml" && node.op.starts_with("TreeEnsemble");
    });
}

const graph::Node& only_trees(const graph::Graph& graph) {
    if (const graph::Node* node = tree_node(graph)) return *node;
    const int64_t count = tree_nodes(graph);
    if (count > 1)
        refuse(fmt::format("the model puts {} tree ensembles together, and only one can be read",
                           count));
    throw Error(
        ErrorKind::usage,
        "tree-shap reads the trees of an ensemble (XGBoost, LightGBM, CatBoost, or a tree node "
        "in ONNX), and this model is none; kernel-shap explains any model");
}

// Which of its outputs are sums; a classifier's first is the label.
size_t place_of_scores(const graph::Node& node) {
    return node.op == "TreeEnsembleClassifier" ? 1 : 0;
}

std::string scores_of(const graph::Node& node) {
    const size_t place = place_of_scores(node);
    return place < node.outputs.size() ? node.outputs[place] : "";
}

// What may follow the sums of trees and leave the question which margin is meant.
bool is_link(const graph::Node& node) {
    static const std::set<std::string_view> plain = {
        "Add",     "ArgMax",  "Cast",     "Concat",  "Div", "Exp",      "Flatten",
        "Gather",  "Greater", "Identity", "Less",    "Mul", "Neg",      "Reshape",
        "Sigmoid", "Slice",   "Softmax",  "Squeeze", "Sub", "Unsqueeze"};
    static const std::set<std::string_view> of_ml = {"ArrayFeatureExtractor", "Binarizer",
                                                     "LabelEncoder", "Normalizer", "ZipMap"};
    return (node.domain == "ai.onnx.ml" ? of_ml : plain).contains(std::string_view(node.op)) &&
           (node.domain.empty() || node.domain == "ai.onnx.ml");
}

// The operators behind the scores; each reads nothing else of the model's inputs.
std::vector<std::string> links_of(const graph::Graph& graph, const std::string& scores) {
    std::set<std::string> of_inputs, of_scores = {scores};
    for (const graph::ValueInfo& input : graph.inputs) of_inputs.insert(input.name);
    std::vector<std::string> out;
    for (const graph::Node& node : graph.nodes) {
        const auto reads = [&](const std::set<std::string>& what) {
            const auto in = [&](const std::string& name) { return what.contains(name); };
            return std::ranges::any_of(node.inputs, in) || std::ranges::any_of(node.captures, in);
        };
        const bool behind = reads(of_scores), beside = reads(of_inputs);
        if (behind && (beside || !is_link(node)))
            refuse("what the trees add up to is not what the model says: " + node.describe() +
                   (beside ? " adds something else to it" : " follows them"));
        for (const std::string& output : node.outputs)
            if (!output.empty() && output != scores && (behind || beside))
                (behind ? of_scores : of_inputs).insert(output);
        const bool moves = node.is("Cast") || node.is("Identity") || node.is("Reshape");
        if (behind && !moves && std::ranges::find(out, node.op) == out.end())
            out.push_back(node.op);
    }
    return out;
}

// Of the operators behind the scores those that do more than choose among them and name classes.
std::vector<std::string> changing(std::vector<std::string> links) {
    static const std::set<std::string_view> names = {
        "ArgMax", "ArrayFeatureExtractor", "Binarizer", "Flatten",   "Gather", "Greater",
        "Less",   "LabelEncoder",          "Squeeze",   "Unsqueeze", "ZipMap", "Concat",
        "Slice"};
    std::erase_if(links,
                  [](const std::string& op) { return names.contains(std::string_view(op)); });
    return links;
}

// The graph up to the trees, which answers their columns and their scores.
graph::Graph up_to_trees(const graph::Graph& whole) {
    graph::Graph graph = whole;
    graph::Node& node = graph.nodes[&only_trees(graph) - graph.nodes.data()];
    const size_t place = place_of_scores(node);
    node.outputs.resize(std::max(node.outputs.size(), place + 1));
    if (node.outputs[place].empty()) node.outputs[place] = graph.fresh("scores");
    const std::string columns = node.inputs.at(0), scores = node.outputs[place];
    graph.nodes.push_back({.op = "Identity", .inputs = {columns}, .outputs = {columns_name}});
    graph.nodes.push_back({.op = "Identity", .inputs = {scores}, .outputs = {scores_name}});
    graph::Graph part = graph::cut_below(graph, {columns_name, scores_name});
    part.inputs = whole.inputs;  // also those that the trees do not read: rows keep their columns
    return part;
}

// What a sum over these trees can lose in float32.
double rounding(const trees::EnsembleParts& parts) {
    double sum = 0;
    for (const double base : parts.base) sum += std::abs(base);
    for (const trees::Tree& tree : parts.trees) {
        double largest = 0;
        for (const double value : tree.values) largest = std::max(largest, std::abs(value));
        sum += largest / parts.divisor;
    }
    return 0x1p-23 * sum * static_cast<double>(parts.trees.size() + 2) + 1e-6;
}

std::vector<bool> used_features(const trees::Ensemble& ensemble) {
    std::vector<bool> used(static_cast<size_t>(ensemble.features()), false);
    for (const trees::Tree& tree : ensemble.trees())
        for (const trees::Node& node : tree.nodes)
            if (!node.is_leaf()) used[node.feature] = true;
    return used;
}

size_t labels_of(const graph::Node& node) {
    const auto texts = node.attributes.find("classlabels_strings");
    if (texts != node.attributes.end())
        if (const auto* list = std::get_if<std::vector<std::string>>(&texts->second))
            if (!list->empty()) return list->size();
    return node.integers("classlabels_int64s").size();
}

std::string listed(const std::vector<std::string>& names) {
    std::string out;
    for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
    return out;
}

}  // namespace

HeldTrees::HeldTrees(const Subject& subject, Schema schema) : schema_(std::move(schema)) {
    if (const trees::EnsembleModel* ensemble = subject.ensemble_or_null()) {
        model_ = ensemble;
        classes_ = ensemble->outputs()[0].shape.back();
        places_.resize(static_cast<size_t>(ensemble->ensemble().features()));
        std::iota(places_.begin(), places_.end(), 0);
        columns_ = places_;
        return;
    }
    if (!subject.onnx_or_null())
        throw Error(
            ErrorKind::usage,
            "tree-shap reads the trees of an ensemble (XGBoost, LightGBM, CatBoost, or a tree "
            "node in ONNX), and this model is none; kernel-shap explains any model");
    const OnnxModel& onnx = subject.onnx();
    static_cast<void>(only_trees(onnx.graph()));
    static_cast<void>(data::TableModel(onnx, schema_));  // the columns are those the model reads
    hold(onnx);
}

void HeldTrees::hold(const OnnxModel& onnx) {
    graph::Graph graph = up_to_trees(onnx.graph());
    const graph::Node& node = only_trees(graph);
    const std::vector<std::string> links =
        links_of(onnx.graph(), scores_of(only_trees(onnx.graph())));
    const std::string bytes = graph::serialize(graph);
    encoder_ = std::make_shared<const OnnxModel>(
        OnnxModel::parse(std::as_bytes(std::span(bytes)), {}, {.threads = 1}));
    // Operators of ai.onnx.ml say nothing of their types; the runtime knows.
    for (const TensorInfo& output : encoder_->outputs())
        if (output.name == columns_name) {
            graph::ValueInfo& info = graph.values[node.inputs[0]];
            info.name = node.inputs[0];
            info.type = output.type;
            info.shape.emplace();
            for (const int64_t length : output.shape) info.shape->push_back({.length = length});
        }
    trees::EnsembleParts parts = ensemble_of(graph, node).parts();
    const auto columns = static_cast<int64_t>(schema_.size());
    std::vector<graph::Sources> sources = graph::sources_of(graph, node.inputs[0], columns);
    if (sources.size() == 1) sources.resize(static_cast<size_t>(parts.features), sources[0]);
    if (std::ssize(sources) < parts.features)
        refuse(fmt::format(
            "{}: its trees ask for column {}, and what stands in front of them makes {}",
            node.describe(), parts.features - 1, sources.size()));
    parts.features = std::ssize(sources);
    const std::vector<bool> used = used_features(trees::Ensemble::build(parts));

    // Inputs meet columns of the table by name where there is one for each.
    std::vector<int64_t> column_of_input(static_cast<size_t>(columns));
    std::iota(column_of_input.begin(), column_of_input.end(), 0);
    if (const auto names = data::columns_read(onnx, schema_))
        for (size_t i = 0; i < names->size(); ++i)
            column_of_input[i] =
                std::ranges::find(schema_, (*names)[i], &Feature::name) - schema_.begin();

    const std::vector<Encoding> by_input = encodings_of(graph, node.inputs[0], columns);
    encodings_.resize(static_cast<size_t>(columns));
    types_.resize(static_cast<size_t>(columns));
    const bool matrix = onnx.inputs().size() == 1;
    for (size_t i = 0; i < by_input.size(); ++i) {
        encodings_[column_of_input[i]] = by_input[i];
        types_[column_of_input[i]] = onnx.inputs()[matrix ? 0 : i].type;
    }

    places_.assign(static_cast<size_t>(columns), -1);
    columns_.assign(static_cast<size_t>(parts.features), -1);
    parts.players.resize(static_cast<size_t>(parts.features));
    bool together = false;
    for (int32_t f = 0; f < parts.features; ++f) {
        parts.players[f] = f;
        const std::vector<int64_t>& from = sources[f].columns;
        if (!used[f] || from.empty()) continue;
        if (from.size() > 1) {
            const std::string who =
                sources[f].mixed_by ? sources[f].mixed_by->describe() : node.describe();
            refuse(who + " makes one column of " + std::to_string(from.size()) +
                   " inputs, and then no split is of one input alone");
        }
        columns_[f] = column_of_input[from[0]];
        int64_t& place = places_[columns_[f]];
        if (place < 0)
            place = f;
        else
            together = true;
        parts.players[f] = static_cast<int32_t>(place);
    }
    slack_ = rounding(parts);

    std::vector<std::string> encoding;
    for (const graph::Node& one : graph.nodes)
        if (one.domain == "ai.onnx.ml" && &one != &node &&
            std::ranges::find(encoding, one.op) == encoding.end())
            encoding.push_back(one.op);
    notes_.push_back(
        "the trees are those of the node " + printable(node.op, 40) +
        "; their margin is what it adds up" +
        (parts.link == trees::Link::identity ? "" : ", before its post_transform") +
        (links.empty() ? "" : "; the model then applies " + printable(listed(links), 200)));
    if (together)
        notes_.push_back(
            "columns that are made of one input (" +
            (encoding.empty() ? "in front of the trees" : printable(listed(encoding), 200)) +
            ") are one feature: all its columns are there, or none");
    own_ = std::make_shared<const trees::EnsembleModel>(trees::Ensemble::build(std::move(parts)));
    model_ = own_.get();
    // Of two classes told by one score that is no logit the ensemble has the second alone.
    classes_ = model_->outputs()[0].shape.back();
    if (classes_ == 1 && labels_of(node) == 2) classes_ = 2;
    behind_ = listed(links);
    changed_by_ = listed(changing(links));
}

bool HeldTrees::tells_classes() const {
    if (!changed_by_.empty()) return false;
    if (model_->outputs()[0].scale == Scale::probability) return true;
    // Classes without a link: the trees add up to probabilities, as those of forests do.
    const trees::EnsembleParts& parts = model_->ensemble().parts();
    return parts.link == trees::Link::identity && classes_ > 1 && !parts.output_names.empty() &&
           (parts.format == "onnx" || parts.format == "scikit-learn");
}

Target HeldTrees::target_of(Target target, const Subject& subject) const {
    const trees::EnsembleParts& parts = model_->ensemble().parts();
    const bool identity = parts.link == trees::Link::identity;
    if (const OnnxModel* onnx = subject.onnx_or_null())
        if (std::ranges::find(onnx->outputs(), target.output, &TensorInfo::name) !=
            onnx->outputs().end())
            target.output = identity || !behind_.empty() ? "" : model_->outputs()[0].name;
    const bool raw = target.scale == Scale::automatic || target.scale == Scale::raw;
    if (raw) return target;
    if (!behind_.empty())
        refuse("what the model answers is made of the trees' answers by " +
               printable(behind_, 200));
    // Classes without a link: the trees add up to probabilities, as those of forests do.
    if (!identity || (parts.format != "onnx" && parts.format != "scikit-learn")) return target;
    if (classes_ < 2 || parts.output_names.empty() || target.scale != Scale::probability)
        refuse("these trees do not add up to a " + std::string(name(target.scale)));
    target.scale = Scale::raw;
    return target;
}

Tensor HeldTrees::encoded(const Tensor& rows, const Run& run) const {
    if (!encoder_) return rows;
    const Batch answer =
        data::TableModel(*encoder_, schema_).predict(Batch(rows.cast(ElementType::float64)), run);
    Tensor columns = answer.at(columns_name).cast(ElementType::float64);
    const int64_t features = model_->ensemble().features();
    if (columns.row_size() != features || columns.rows() != rows.rows())
        refuse(fmt::format("the trees read {} columns, and what stands in front of them makes {}",
                           features, columns.row_size()));
    columns = std::move(columns).reshaped({rows.rows(), features});
    require_same(columns, answer.at(scores_name).cast(ElementType::float64), run);
    return columns;
}

Tensor HeldTrees::columns_of(const Tensor& rows, const Run& run) const {
    if (!encoder_) return rows;
    return data::TableModel(*encoder_, schema_)
        .predict(Batch(rows), run)
        .at(columns_name)
        .cast(ElementType::float64);
}

bool HeldTrees::reads_whole(int64_t column) const {
    if (!encoder_) return false;
    const ElementType type = types_[column];
    return type != ElementType::float32 && type != ElementType::float64 &&
           type != ElementType::string;
}

std::pair<double, double> HeldTrees::range_of(int64_t column) const {
    constexpr double whole = 0x1p62;  // and is an int64 still
    double most = std::numeric_limits<float>::max();
    double least = -most;
    switch (types_[column]) {
        case ElementType::boolean:
            least = 0, most = 1;
            break;
        case ElementType::int8:
            least = -128, most = 127;
            break;
        case ElementType::int16:
            least = -32768, most = 32767;
            break;
        case ElementType::int32:
            least = -2147483648.0, most = 2147483647.0;
            break;
        case ElementType::int64:
            least = -whole, most = whole;
            break;
        case ElementType::uint8:
            least = 0, most = 255;
            break;
        case ElementType::uint16:
            least = 0, most = 65535;
            break;
        case ElementType::uint32:
            least = 0, most = 4294967295.0;
            break;
        case ElementType::uint64:
            least = 0, most = whole;
            break;
        default:
            break;
    }
    if (encodings_[column].whole) least = std::max(least, -whole), most = std::min(most, whole);
    return {least, most};
}

bool holds_trees(const Subject& subject) {
    return subject.ensemble_or_null() ||
           (subject.onnx_or_null() && tree_nodes(subject.onnx().graph()) > 0);
}

void HeldTrees::require_same(const Tensor& columns, const Tensor& scores, const Run& run) const {
    const Tensor own = model_->predict(Batch({{"features", columns}}), run)[0].value;
    // Of two classes told by one score that is no logit, ours is the second.
    const int64_t width = own.row_size(), skipped = scores.row_size() - width;
    if (scores.rows() != own.rows() || skipped < 0 || skipped > 1)
        refuse("the tree node answers in another shape than its trees do");
    for (int64_t row = 0; row < own.rows(); ++row)
        for (int64_t k = 0; k < width; ++k) {
            const double have = own.as<double>()[row * width + k];
            const double want = scores.as<double>()[row * (width + skipped) + skipped + k];
            if (!(std::abs(have - want) <= slack_ * std::max(1.0, std::abs(want))))
                refuse(fmt::format("the tree node answers {} where its trees add up to {}", want,
                                   have));
        }
}

std::shared_ptr<const HeldTrees> kept_trees(const Subject& subject, Schema schema,
                                            int64_t columns) {
    if (schema.empty())
        for (int64_t c = 0; c < columns; ++c)
            schema.push_back({.name = fmt::format("column {}", c), .allows_missing = true});
    return subject.kept<HeldTrees>(
        "trees", schema, [&] { return std::make_shared<const HeldTrees>(subject, schema); });
}

Tensor row_of(const Input& input) {
    if (input.is_table()) return *input.row;
    if (input.parts.empty() && !input.text && input.batch.size() == 1) {
        const Tensor& matrix = input.batch[0].value;
        if (matrix.rank() == 2 && matrix.rows() == 1 && matrix.type() != ElementType::string)
            return matrix.cast(ElementType::float64);
    }
    throw Error(ErrorKind::usage, "tree-shap explains one row of a table");
}

}  // namespace whence::recipe
