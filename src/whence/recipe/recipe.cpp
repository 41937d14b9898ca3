#include "whence/recipe/recipe.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "whence/core/error.h"
#include "whence/core/hash.h"
#include "whence/core/version.h"
#include "whence/recipe/closest.h"
#include "whence/recipe/layers.h"
#include "whence/recipe/neutrality.h"
#include "whence/recipe/target_names.h"

namespace whence::recipe {
namespace {

constexpr double same_value = 1e-5;  // float32 kernels of another processor sum in another order

// Gradients of a table's row carry no names: the schema has them.
void name_columns(const Input& input, Attribution& attribution) {
    if (!input.is_table() || !attribution.names.empty()) return;
    if (attribution.values.size() != static_cast<int64_t>(input.schema.size())) return;
    const std::vector<double> row = input.row->to_doubles();
    for (size_t c = 0; c < input.schema.size(); ++c) {
        attribution.names.push_back(input.schema[c].name);
        attribution.displays.push_back(display(input.schema[c], row[c]));
    }
}

void compare_hash(const std::string& what, const std::filesystem::path& path,
                  const std::string& saved, std::vector<std::string>& differences) {
    if (!saved.empty() && sha256_of_file(path) != saved)
        differences.push_back(
            fmt::format("the {} {} is not the file that was explained: its SHA-256 differs", what,
                        printable(path.string(), 400)));
}

std::filesystem::path found(const std::string& path, const std::filesystem::path& folder) {
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored) || !std::filesystem::exists(folder / path, ignored))
        return path;
    return folder / path;
}

void compare_values(const Explanation& saved, Replay& replay) {
    const Attribution &a = saved.attribution, &b = replay.again.attribution;
    if (a.values.shape() != b.values.shape() || a.names != b.names) {
        replay.differences.emplace_back("the features are not the same");
        return;
    }
    const std::vector<double> x = a.values.to_doubles(), y = b.values.to_doubles();
    double scale = 0, worst = 0;
    for (size_t i = 0; i < x.size(); ++i) {
        scale = std::max(scale, std::abs(x[i]));
        worst = std::max(worst, std::abs(x[i] - y[i]));
    }
    replay.largest_difference = scale > 0 ? worst / scale : worst;
    if (!(replay.largest_difference <= same_value))
        replay.differences.push_back(
            fmt::format("values differ by up to {:.3g} of the largest", replay.largest_difference));
    const double f = saved.target.value, g = replay.again.target.value;
    if (!(std::abs(f - g) <= same_value * std::max(1.0, std::abs(f))))
        replay.differences.push_back(fmt::format("the prediction is {:.6g}, it was {:.6g}", g, f));
}

Recipe recipe_of(const Explanation& saved) {
    const ResolvedTarget& target = saved.target.resolved;
    Recipe recipe{.method = saved.provenance.method,
                  .scale = target.scale,
                  .options = saved.provenance.options,
                  .seed = saved.provenance.seed};
    recipe.target = target.output + ":" + std::to_string(target.index);
    if (target.minus) recipe.target += fmt::format("-{}", *target.minus);
    std::erase_if(recipe.options, [&](const Option& option) {
        if (option.name != "layer") return false;
        recipe.layer = std::get<std::string>(option.value);
        return true;
    });
    if (find_method(recipe.method).uses_baseline) recipe.baseline = saved.target.baseline;
    return recipe;
}

// Whether `output` (empty: the first of numbers) can be differentiated; if not, why, in words.
std::string no_gradient_because(const Subject& subject, const std::string& output) {
    if (!subject.onnx_or_null()) return "the model can only be asked: it is no ONNX file";
    const auto& outputs = subject.model().outputs();
    const auto numbers = std::ranges::find_if(outputs, [&](const TensorInfo& info) {
        return output.empty()
                   ? info.type == ElementType::float32 || info.type == ElementType::float64
                   : info.name == output;
    });
    std::string why = "the model has no gradient";
    for (const Differentiability& d : subject.onnx().differentiability()) {
        if (numbers != outputs.end() && d.output != numbers->name) continue;
        if (d.connected && d.missing.empty()) return "";
        std::string missing;
        for (const std::string& op : d.missing)
            missing += (missing.empty() ? "" : ", ") + printable(op);
        if (!missing.empty()) why = "the model has no gradient: there is no rule for " + missing;
    }
    return why;
}

// The layer a method works on: the one asked for, or where it needs one the last convolution.
std::string layer_for(const MethodSpec& method, const std::string& asked, const Subject& subject) {
    if (!asked.empty() && method.layer == LayerUse::none)
        throw Error(ErrorKind::usage, method.name + " explains the input, not a layer");
    if (!asked.empty()) {
        std::vector<std::string> names;
        for (const LayerInfo& layer : subject.onnx().layers()) names.push_back(layer.name);
        if (std::ranges::find(names, asked) == names.end())
            throw Error(ErrorKind::usage, "no layer '" + printable(asked) + "' in the model" +
                                              did_you_mean(asked, names) +
                                              "; whence info --layers lists them");
    }
    if (!asked.empty() || method.layer != LayerUse::required) return asked;
    const std::string chosen = last_convolution(subject.onnx());
    if (chosen.empty())
        throw Error(ErrorKind::unsupported,
                    method.name + " works on the features of a convolution over a picture, and the "
                                  "model has none; --layer names another layer");
    return chosen;
}

// Methods that average over baselines take the background where none is named.
std::string default_set(const MethodSpec& method, const std::string& text, const Subject& subject,
                        const Input& input) {
    if (!method.baseline_set || !text.empty()) return text;
    if (input.is_table() && subject.background()) return "background";
    throw Error(ErrorKind::usage,
                method.name + " averages over many baselines: give --baseline set:PATH, a folder of "
                              "pictures or a file of rows" +
                    (input.is_table() ? ", or --background TRAIN.csv" : ""));
}

void refuse_set(const MethodSpec& method, const Baseline& baseline, const Input& input) {
    const Tensor& like = input.batch.empty() ? *input.row : input.batch[0].value;
    const auto* data = std::get_if<baseline::Data>(&baseline);
    if (method.baseline_set || !data || data->values.size() <= like.size() ||
        data->values.size() % like.size() != 0)
        return;
    throw Error(ErrorKind::usage,
                fmt::format("{} compares with one baseline, and '{}' is a set of {}: give mean:PATH "
                            "or set:PATH:K",
                            method.name, printable(data->description),
                            data->values.size() / like.size()));
}

// A set has no prediction of its own.
void state_neutrality(const Subject& subject, const Input& input, const Baseline& baseline,
                      Explanation& explanation, const Run& run) {
    const Tensor& like = input.batch.empty() ? *input.row : input.batch[0].value;
    const auto* data = std::get_if<baseline::Data>(&baseline);
    if (data && data->values.size() != like.size()) return;
    NeutralityFound found = neutrality(subject, input, baseline_values(baseline, like, run),
                                       explanation.target.resolved.output, run);
    explanation.target.neutrality = std::move(found.neutrality);
    explanation.provenance.evaluations += found.evaluations;
}

// An operator without a rule is the better reason than what failed first because of it.
Explanation explained(const MethodSpec& method, const Task& task) {
    try {
        return method.explain(task);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::unsupported || !method.needs_gradient ||
            task.input.batch.empty())
            throw;
        const std::string why = no_gradient_because(task.subject, task.target.output);
        if (why.empty()) throw;
        throw Error(error.kind(), why + "; lime and occlusion need none");
    }
}

}  // namespace

MethodChoice default_method(const Subject& subject, const Input& input) {
    const std::string why = input.batch.empty()
                                ? "the model reads one input for each column, or text"
                                : no_gradient_because(subject, "");
    if (why.empty()) return {"integrated-gradients", ""};
    const bool lime =
        input.is_table() ? subject.background() != nullptr : input.image().has_value();
    if (!lime && !input.is_table())
        throw Error(ErrorKind::unsupported,
                    why + ", and the other methods explain pictures and rows of tables");
    return {lime ? "lime" : "occlusion", why};
}

Explanation explain(const Subject& subject, const Input& input, const Recipe& recipe, Run run) {
    const auto start = std::chrono::steady_clock::now();
    const MethodSpec& method = find_method(recipe.method);
    const OptionValues options(method.options, recipe.options, method.name);
    Target target = parse_target(subject, recipe.target);
    target.scale = recipe.scale;
    if (!method.uses_baseline && (!recipe.baseline.empty() || recipe.baseline_values))
        throw Error(ErrorKind::usage,
                    fmt::format("{} uses no baseline{}", method.name,
                                method.name == "lime" ? "; for pictures see --hide" : ""));
    const std::string layer = layer_for(method, recipe.layer, subject);
    const bool features = recipe.baseline.starts_with(features_prefix);
    if (features && layer.empty())
        throw Error(ErrorKind::usage, "baseline '" + printable(recipe.baseline) +
                                          "' is one of a layer's features: give --layer too");
    run.seed = recipe.seed;
    BaselineChoice chosen{.baseline = recipe.baseline};
    if (chosen.baseline == "auto") chosen = choose_baseline(subject, input, target.output, run);
    Baseline baseline;
    if (recipe.baseline_values)
        baseline = baseline::Data{*recipe.baseline_values, "array"};
    else if (method.uses_baseline)
        baseline = baseline_for(default_set(method, chosen.baseline, subject, input), subject, input);
    if (!features) refuse_set(method, baseline, input);
    Explanation explanation = explained(method, {subject, input, target, baseline, features, options,
                                                 layer, recipe.segments, run});
    if (const OnnxModel* onnx = subject.onnx_or_null())
        for (const std::string& note : onnx->notes()) explanation.diagnostics.notes.push_back(note);
    if (!chosen.why.empty()) explanation.diagnostics.notes.push_back(chosen.why);
    explanation.provenance.evaluations += chosen.evaluations;
    if (method.uses_baseline && !features)
        state_neutrality(subject, input, baseline, explanation, run);
    name_columns(input, explanation.attribution);
    if (layer != recipe.layer)
        explanation.diagnostics.notes.push_back(
            "layer " + printable(layer) +
            " was chosen: the last features over the picture before they are pooled");
    explanation.target.label = target_label(subject, explanation.target.resolved);
    Provenance& p = explanation.provenance;
    p.method = method.name;
    p.options = options.all();
    if (!layer.empty()) p.options.push_back({"layer", layer});
    p.seed = recipe.seed;
    p.version = version();
    p.model_path = subject.path().string();
    if (const OnnxModel* onnx = subject.onnx_or_null()) p.model_sha256 = onnx->sha256();
    p.input_path = input.path.string();
    p.input_sha256 = input.sha256;
    p.input_row = input.row_number;
    p.preprocessing = subject.preprocessing_json();
    if (input.is_table() && subject.background()) {
        p.background_path = subject.background_path().string();
        p.background_sha256 = subject.background_sha256();
    }
    p.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return explanation;
}

Sources reopen(const Explanation& saved, const std::filesystem::path& folder, const Run& run) {
    const Provenance& p = saved.provenance;
    if (p.model_path.empty() || p.input_path.empty())
        throw Error(ErrorKind::usage,
                    "this explanation was made of arrays in memory; there are no files to make it "
                    "from again");
    std::vector<std::string> differences;
    const std::filesystem::path model = found(p.model_path, folder),
                                input = found(p.input_path, folder);
    compare_hash("model", model, p.model_sha256, differences);
    compare_hash("input", input, p.input_sha256, differences);
    data::Preprocessing preprocessing;
    if (!p.preprocessing.empty())
        preprocessing = data::preprocessing_from_json(p.preprocessing, "");
    preprocessing.table.background.clear();
    Subject subject = Subject::load(model, std::move(preprocessing), 0, run);
    if (!p.background_path.empty()) {
        const std::filesystem::path background = found(p.background_path, folder);
        compare_hash("background", background, p.background_sha256, differences);
        subject.use_background(background);
    }
    Input read = read_input(subject, input, p.input_row);
    return {std::move(subject), std::move(read), std::move(differences)};
}

Replay replay(const Explanation& saved, Run run, const std::filesystem::path& folder) {
    Sources sources = reopen(saved, folder, run);
    Replay result{.differences = std::move(sources.differences)};
    result.again = explain(sources.subject, sources.input, recipe_of(saved), std::move(run));
    compare_values(saved, result);
    return result;
}

}  // namespace whence::recipe
