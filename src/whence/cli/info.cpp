// whence info: what a model reads, returns and is made of, and what can be differentiated.

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "command.h"
#include "subject_options.h"
#include "whence/core/error.h"
#include "whence/core/hash.h"
#include "whence/data/preprocessing.h"
#include "whence/recipe/layers.h"
#include "whence/render/facts.h"
#include "whence/render/number.h"
#include "whence/runtime/environment.h"
#include "whence/runtime/onnx_model.h"
#include "whence/trees/ensemble_model.h"
#include "whence/trees/load.h"

namespace whence::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
    std::string model;
    std::vector<std::string> endpoint;
    bool layers = false, json = false;
};

struct Facts {
    std::map<std::string, int64_t> operators;
    int64_t parameters = 0;
    std::vector<std::string> classes;
    std::optional<data::Preprocessing> preprocessing;
};

Facts facts_of(const OnnxModel& model, const std::string& path) {
    Facts facts{.classes = model.class_labels(), .preprocessing = data::find_beside(path)};
    for (const graph::Node& node : model.graph().nodes)
        ++facts.operators[(node.domain.empty() ? "" : node.domain + ".") + node.op];
    for (const auto& [name, tensor] : model.graph().initializers)
        if (tensor->type() != ElementType::int64)
            facts.parameters += tensor->size();  // shapes and axes are none
    if (facts.preprocessing && !facts.preprocessing->classes.empty())
        facts.classes = facts.preprocessing->classes;
    return facts;
}

// ---- text
// -----------------------------------------------------------------------------------------

std::string shown(std::string_view text) {
    return render::clean(text, 120);
}

std::string heading(const char* text) {
    return std::string(text) + "\n";
}

std::string tensors(const std::vector<TensorInfo>& infos) {
    size_t width = 0;
    for (const TensorInfo& info : infos)
        width = std::max(width, std::min<size_t>(40, shown(info.name).size()));
    std::string out;
    for (const TensorInfo& info : infos)
        out += fmt::format("  {:<{}}  {} {}{}\n", shown(info.name), width, name(info.type),
                           to_string(info.shape),
                           info.scale == Scale::raw ? "" : "  " + std::string(name(info.scale)));
    return out;
}

std::string joined(const std::vector<std::string>& texts, size_t most) {
    std::string out;
    for (size_t i = 0; i < std::min(most, texts.size()); ++i)
        out += (i ? ", " : "") + shown(texts[i]);
    return texts.size() > most ? out + fmt::format(", ... ({} in all)", texts.size()) : out;
}

std::string gradient_line(const Differentiability& d) {
    if (!d.connected) return "no: nothing differentiable leads from one to the other";
    return d.missing.empty() ? "yes" : "no: no gradient rule for " + joined(d.missing, 10);
}

std::string operators_line(const Facts& facts) {
    std::vector<std::pair<std::string, int64_t>> sorted(facts.operators.begin(),
                                                        facts.operators.end());
    std::ranges::stable_sort(sorted, std::greater<>{}, &std::pair<std::string, int64_t>::second);
    std::string out;
    for (const auto& [op, count] : sorted)
        out += (out.empty() ? "" : ", ") + shown(op) + " " + std::to_string(count);
    return out;
}

std::string shape_of(const LayerInfo& layer) {
    return (layer.type ? std::string(name(*layer.type)) + " " : "") +
           (layer.shape ? to_string(*layer.shape) : "shape unknown");
}

// A few of each role: a deep transformer has dozens of blocks.
std::string suggestions(const OnnxModel& model) {
    constexpr int64_t most = 6;
    std::string out;
    std::map<recipe::LayerRole, int64_t> shown_of;
    const std::vector<recipe::SuggestedLayer> all = recipe::suggested_layers(model);
    for (const recipe::SuggestedLayer& layer : all)
        if (++shown_of[layer.role] <= most)
            out +=
                fmt::format("  {:<40}  {:<20}  {}\n", shown(layer.name), layer.shape, layer.reason);
    for (const auto& [role, count] : shown_of)
        if (count > most)
            out += fmt::format("  ... and {} more: {}\n", count - most, recipe::name(role));
    return out.empty() ? "" : heading("suggested layers, for --layer") + out;
}

std::string as_text(const OnnxModel& model, const Facts& facts, const Options& options) {
    std::string out = shown(options.model) + "\n";
    out += fmt::format("  ONNX opset {}, {} nodes, {} parameters\n  SHA-256 {}\n",
                       model.graph().opset(),
                       render::count(static_cast<int64_t>(model.graph().nodes.size())),
                       render::count(facts.parameters), model.sha256());
    out +=
        heading("inputs") + tensors(model.inputs()) + heading("outputs") + tensors(model.outputs());
    out += heading("batch") + "  " +
           (model.batch_note().empty() ? "any number of rows" : shown(model.batch_note())) + "\n";
    if (!facts.classes.empty()) out += heading("classes") + "  " + joined(facts.classes, 12) + "\n";
    if (facts.preprocessing)
        out += heading("preprocessing (the JSON beside the model)") + "  " +
               render::clean(data::to_json(*facts.preprocessing), 400) + "\n";
    out += heading("operators") + "  " + operators_line(facts) + "\n" + heading("differentiable");
    for (const Differentiability& d : model.differentiability())
        out += fmt::format("  {} with respect to {}: {}\n", shown(d.output), shown(d.input),
                           gradient_line(d));
    if (!options.layers) return out;
    out += suggestions(model) + heading("layers");
    for (const LayerInfo& layer : model.layers())
        out += fmt::format("  {:<40}  {:<20}  {}\n", shown(layer.name), shown(layer.op),
                           shape_of(layer));
    return out;
}

// ---- JSON
// -----------------------------------------------------------------------------------------

Json json_of(const std::vector<TensorInfo>& infos) {
    Json out = Json::array();
    for (const TensorInfo& info : infos)
        out.push_back({{"name", info.name},
                       {"type", name(info.type)},
                       {"shape", info.shape},
                       {"scale", name(info.scale)}});
    return out;
}

std::string as_json(const OnnxModel& model, const Facts& facts, const Options& options) {
    Json out = {{"model", options.model},
                {"sha256", model.sha256()},
                {"opset", model.graph().opset()},
                {"parameters", facts.parameters},
                {"inputs", json_of(model.inputs())},
                {"outputs", json_of(model.outputs())},
                {"fixed_batch", model.fixed_batch()},
                {"batch_note", model.batch_note()},
                {"classes", facts.classes},
                {"operators", facts.operators}};
    out["preprocessing"] =
        facts.preprocessing ? Json::parse(data::to_json(*facts.preprocessing)) : Json(nullptr);
    for (const Differentiability& d : model.differentiability())
        out["gradients"].push_back({{"output", d.output},
                                    {"input", d.input},
                                    {"differentiable", d.connected && d.missing.empty()},
                                    {"connected", d.connected},
                                    {"missing", d.missing}});
    if (options.layers) out["suggested_layers"] = Json::array();
    if (options.layers)
        for (const recipe::SuggestedLayer& layer : recipe::suggested_layers(model))
            out["suggested_layers"].push_back({{"name", layer.name},
                                               {"role", recipe::name(layer.role)},
                                               {"reason", layer.reason}});
    if (options.layers)
        for (const LayerInfo& layer : model.layers())
            out["layers"].push_back({{"name", layer.name},
                                     {"operator", layer.op},
                                     {"type", layer.type ? Json(name(*layer.type)) : Json(nullptr)},
                                     {"shape", layer.shape ? Json(*layer.shape) : Json(nullptr)}});
    return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

// ---- an endpoint, of which only inputs and outputs are known

std::string as_text(const remote::RemoteModel& model) {
    std::string out = shown(model.url()) + "\n  an endpoint";
    if (!model.metadata().platform.empty()) out += ", platform " + shown(model.metadata().platform);
    if (!model.metadata().versions.empty())
        out += ", versions " + joined(model.metadata().versions, 10);
    return out + "\n" + heading("inputs") + tensors(model.inputs()) + heading("outputs") +
           tensors(model.outputs()) + heading("batch") +
           fmt::format("  asked about {} a call\n",
                       model.preferred_batch() == 1 ? "1 row" : fmt::format("{} rows", model.preferred_batch())) +
           heading("differentiable") +
           "  no: it can only be asked, so methods that need a gradient or a layer cannot explain it\n";
}

std::string as_json(const remote::RemoteModel& model) {
    const Json out = {{"model", model.url()},
                      {"platform", model.metadata().platform},
                      {"versions", model.metadata().versions},
                      {"inputs", json_of(model.inputs())},
                      {"outputs", json_of(model.outputs())},
                      {"batch", model.preferred_batch()},
                      {"gradients", Json::array()}};
    return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

int info_of_endpoint(const Options& options, const Context& context) {
    const remote::RemoteModel model(options.model, remote::parse_options(options.endpoint), context.run);
    if (options.layers)
        throw Error(ErrorKind::unsupported, model.url() + " is an endpoint: its layers are not to be seen");
    print(options.json ? as_json(model) : as_text(model));
    return 0;
}

// ---- a tree ensemble

struct TreeFacts {
    std::string sha256;
    int64_t leaves = 0, deepest = 0;
};

TreeFacts facts_of(const trees::Ensemble& ensemble, const std::string& path) {
    TreeFacts facts{.sha256 = sha256_of_file(path)};
    for (const trees::Tree& tree : ensemble.trees()) {
        std::vector<int64_t> depth(tree.nodes.size(), 0);
        for (size_t i = 0; i < tree.nodes.size(); ++i) {  // children come after their parents
            const trees::Node& node = tree.nodes[i];
            facts.deepest = std::max(facts.deepest, depth[i]);
            facts.leaves += node.is_leaf() ? 1 : 0;
            if (!node.is_leaf()) depth[node.left] = depth[node.right] = depth[i] + 1;
        }
    }
    return facts;
}

std::string as_text(const trees::EnsembleModel& model, const TreeFacts& facts, const Options& options) {
    const trees::EnsembleParts& parts = model.ensemble().parts();
    std::string out = fmt::format("{}\n  {}, {} trees, {} leaves, depth up to {}\n  SHA-256 {}\n",
                                  shown(options.model), shown(parts.format),
                                  render::count(static_cast<int64_t>(parts.trees.size())),
                                  render::count(facts.leaves), facts.deepest, facts.sha256);
    out += heading("inputs") + tensors(model.inputs()) + heading("outputs") + tensors(model.outputs());
    if (!parts.feature_names.empty())
        out += heading("columns") + "  " + joined(parts.feature_names, 12) + "\n";
    if (!model.class_labels().empty())
        out += heading("classes") + "  " + joined(model.class_labels(), 12) + "\n";
    out += heading("training rows in the nodes") + (parts.has_covers ? "  yes\n" : "  no\n");
    for (const std::string& note : parts.notes) out += heading("note") + "  " + shown(note) + "\n";
    return out + heading("differentiable") +
           "  no: trees are constant between their thresholds; methods that only ask explain them\n";
}

std::string as_json(const trees::EnsembleModel& model, const TreeFacts& facts, const Options& options) {
    const trees::EnsembleParts& parts = model.ensemble().parts();
    const Json out = {{"model", options.model},
                      {"sha256", facts.sha256},
                      {"format", parts.format},
                      {"trees", parts.trees.size()},
                      {"leaves", facts.leaves},
                      {"depth", facts.deepest},
                      {"inputs", json_of(model.inputs())},
                      {"outputs", json_of(model.outputs())},
                      {"columns", parts.feature_names},
                      {"classes", model.class_labels()},
                      {"covers", parts.has_covers},
                      {"notes", parts.notes},
                      {"gradients", Json::array()}};
    return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

int info_of_ensemble(const Options& options) {
    const trees::EnsembleModel model(trees::load_ensemble(options.model));
    if (options.layers)
        throw Error(ErrorKind::unsupported, shown(options.model) + " is a tree ensemble: it has no layers");
    const TreeFacts facts = facts_of(model.ensemble(), options.model);
    print(options.json ? as_json(model, facts, options) : as_text(model, facts, options));
    return 0;
}

int info(const Options& options, const Context& context) {
    if (remote::is_url(options.model)) return info_of_endpoint(options, context);
    if (trees::is_ensemble_file(options.model)) return info_of_ensemble(options);
    const OnnxModel model = OnnxModel::load(options.model, {.run = context.run});
    const Facts facts = facts_of(model, options.model);
    print(options.json ? as_json(model, facts, options) : as_text(model, facts, options));
    return 0;
}

}  // namespace

void add_info(CLI::App& app, Context& context) {
    CLI::App* command = app.add_subcommand(
        "info", "inputs, outputs, operators, layers, and what can be differentiated");
    const auto options = std::make_shared<Options>();
    command->add_option("MODEL", options->model, "an ONNX file, a tree ensemble, or the URL of an endpoint")
        ->required()
        ->type_name("");
    command->add_flag("--layers", options->layers, "every tensor inside, with its shape");
    command->add_flag("--json", options->json, "for programs");
    SubjectOptions::declare_endpoint(*command, options->endpoint);
    command->footer("\n  whence info examples/models/cifar10_cnn.onnx --layers");
    command->callback([options, &context] {
        context.command = [options, &context] { return info(*options, context); };
    });
}

}  // namespace whence::cli
