#include "whence/recipe/recipe.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "whence/core/error.h"
#include "whence/core/hash.h"
#include "whence/core/version.h"
#include "whence/recipe/closest.h"
#include "whence/recipe/held_trees.h"
#include "whence/recipe/layers.h"
#include "whence/recipe/neutrality.h"
#include "whence/recipe/onnx_trees.h"
#include "whence/recipe/text.h"
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

// The model's path or URL, once it is settled that it may be asked.
std::string model_of(const Provenance& saved, const ModelNow& now) {
    if (!now.path.empty() || !remote::is_url(saved.model_path))
        return now.path.empty() ? saved.model_path : now.path;
    const std::string url = printable(remote::without_credentials(saved.model_path), 400);
    throw Error(ErrorKind::usage, "the model of this explanation answers at " + url +
                                      "; inputs are sent there only if you name it: --model " + url);
}

std::filesystem::path found(const std::string& path, const std::filesystem::path& folder) {
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored) || !std::filesystem::exists(folder / path, ignored))
        return path;
    return folder / path;
}

Input read_parts(const Subject& subject, const std::vector<InputFile>& files,
                 const std::filesystem::path& folder, std::vector<std::string>& differences) {
    std::vector<Input> parts;
    for (size_t i = 0; i < std::min(files.size(), subject.parts().size()); ++i) {
        const std::filesystem::path path = found(files[i].path, folder);
        compare_hash("input " + printable(files[i].name, 60), path, files[i].sha256, differences);
        parts.push_back(read_input(subject.parts()[i], path, files[i].row));
    }
    return joined(subject, std::move(parts));
}

void compare_rules(const Explanation& saved, Replay& replay) {
    const std::optional<Rule>&a = saved.rule, &b = replay.again.rule;
    if (!a && !b) return;
    const auto same = [](const Rule::Condition& x, const Rule::Condition& y) {
        return x.feature == y.feature && x.text == y.text;
    };
    if (!a || !b || !std::ranges::equal(a->conditions, b->conditions, same))
        replay.differences.emplace_back("the rule is another one");
    else if (a->precision != b->precision || a->coverage != b->coverage)
        replay.differences.emplace_back("the rule's precision or coverage is another one");
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
    compare_rules(saved, replay);
    const double f = saved.target.value, g = replay.again.target.value;
    if (!(std::abs(f - g) <= same_value * std::max(1.0, std::abs(f))))
        replay.differences.push_back(fmt::format("the prediction is {:.6g}, it was {:.6g}", g, f));
}

// Rows and changes of counterfactuals; distances follow from them.
void compare_counterfactuals(const Explanation& saved, Replay& replay) {
    const auto &a = saved.counterfactuals, &b = replay.again.counterfactuals;
    if (!a && !b) return;
    const auto same = [](const Counterfactual& one, const Counterfactual& other) {
        if (one.values.type() == ElementType::string || other.values.type() == ElementType::string)
            return one.label == other.label && one.valid == other.valid &&
                   one.values == other.values;
        const std::vector<double> x = one.values.to_doubles(), y = other.values.to_doubles();
        return one.label == other.label && one.valid == other.valid && x.size() == y.size() &&
               std::ranges::equal(x, y, [](double p, double q) {
                   return std::abs(p - q) <= same_value * std::max(1.0, std::abs(p)) ||
                          (std::isnan(p) && std::isnan(q));
               });
    };
    if (!a || !b || a->wanted != b->wanted || !std::ranges::equal(a->found, b->found, same))
        replay.differences.emplace_back("the counterfactuals are not the same");
}

Recipe recipe_of(const Explanation& saved) {
    const ResolvedTarget& target = saved.target.resolved;
    Recipe recipe{.method = saved.provenance.method,
                  .scale = target.scale,
                  .options = saved.provenance.options,
                  .seed = saved.provenance.seed};
    recipe.target = target.output + ":" + std::to_string(target.index);
    if (target.minus) recipe.target += fmt::format("-{}", *target.minus);
    const MethodSpec& method = find_method(recipe.method);
    // Of several inputs the target's baseline says in words what stands for each.
    if (compares_with_baseline(method, saved.attribution.text.has_value()) &&
        saved.provenance.inputs.empty())
        recipe.baseline = saved.target.baseline;
    std::erase_if(recipe.options, [&](const Option& option) {
        const auto* text = std::get_if<std::string>(&option.value);
        if (!text || (option.name != "layer" && option.name != "baseline")) return false;
        (option.name == "layer" ? recipe.layer : recipe.baseline) = *text;
        return true;
    });
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
std::string layer_for(const MethodSpec& method, const std::string& asked, const Subject& subject,
                      const Input& input) {
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
    // Numbers of words have no gradient, what is looked up for them has.
    if (asked.empty() && input.text && method.layer != LayerUse::none) return word_embedding(subject);
    if (!asked.empty() || method.layer != LayerUse::required) return asked;
    const std::string chosen = last_convolution(subject.onnx());
    if (chosen.empty())
        throw Error(ErrorKind::unsupported,
                    method.name + " works on the features of a convolution over a picture, and the "
                                  "model has none; --layer names another layer");
    return chosen;
}

// SigLIP judges each text by itself: a softmax over them would be another model's answer.
Scale scale_for(const Subject& subject, Scale wanted) {
    const clip::Pair* pair = subject.pair_or_null();
    if (!pair || pair->activation() == clip::Activation::softmax) return wanted;
    if (wanted == Scale::probability || wanted == Scale::log_probability)
        throw Error(ErrorKind::usage, "this model judges each text by itself, by a sigmoid: its probabilities are no "
                                      "softmax; explain the score (--scale raw)");
    return Scale::raw;
}

// Methods that average over baselines take the background where none is named.
std::string default_set(const MethodSpec& method, const std::string& text, const Subject& subject,
                        const Input& input) {
    if (!method.baseline_set || !text.empty()) return text;
    if (input.is_table() && subject.background()) return "background";
    if (method.baseline_one) return text;
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

// The method's own time, where it has the option and it was given: then it ends with what is there.
Run limited(Run run, const OptionValues& options) {
    for (const Option& option : options.all()) {
        if (option.name != "seconds") continue;
        const double seconds = std::get<double>(option.value);
        constexpr double most = 1e9;  // thirty years: beyond, the clock's numbers end
        if (!(seconds >= 0))
            throw Error(ErrorKind::usage,
                        fmt::format("seconds is {}; it must not be negative", seconds));
        if (seconds > 0 && seconds < most)
            run.deadline =
                std::min(run.deadline, std::chrono::steady_clock::now() +
                                           std::chrono::duration_cast<std::chrono::nanoseconds>(
                                               std::chrono::duration<double>(seconds)));
    }
    return run;
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

// Whether an ONNX file has trees that can be explained.
bool holds_trees(const Subject& subject, const Schema& schema) {
    const OnnxModel* onnx = subject.onnx_or_null();
    if (!onnx || !tree_node(onnx->graph())) return false;
    try {
        static_cast<void>(kept_trees(subject, schema, std::ssize(schema)));
        return true;
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::unsupported) throw;
        return false;
    }
}

}  // namespace

MethodChoice default_method(const Subject& subject, const Input& input) {
    if (!input.parts.empty()) return {"lime", "several inputs are explained together"};
    if (input.text) return {"lime", "the input is a text"};
    if (const trees::EnsembleModel* trees = subject.ensemble_or_null())
        if (trees->ensemble().parts().has_covers || subject.background())
            return {"tree-shap", "the model is a tree ensemble: its values are exact"};
    if (input.is_table() && subject.background() && holds_trees(subject, input.schema))
        return {"tree-shap", "the model holds a tree ensemble: its values are exact"};
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
    target.scale = scale_for(subject, recipe.scale);
    const bool mixed = !input.parts.empty();
    if (mixed && !method.several_inputs)
        throw Error(ErrorKind::unsupported,
                    method.name +
                        " explains one input at a time; several together are explained by "
                        "lime and the Shapley family");
    const bool compares = compares_with_baseline(method, input.text.has_value());
    if (!compares && (!recipe.baseline.empty() || recipe.baseline_values))
        throw Error(ErrorKind::usage,
                    fmt::format("{} uses no baseline{}", method.name,
                                input.text             ? " for texts; see --bow and --mask-tokens"
                                : method.name == "lime" || method.name == "anchors"
                                    ? "; for pictures see --hide"
                                                        : ""));
    if (recipe.kernel && !method.kernel)
        throw Error(ErrorKind::usage, method.name + " weighs no samples by a kernel; lime does");
    const std::string layer = layer_for(method, recipe.layer, subject, input);
    const bool features = recipe.baseline.starts_with(features_prefix);
    if (features && layer.empty())
        throw Error(ErrorKind::usage, "baseline '" + printable(recipe.baseline) +
                                          "' is one of a layer's features: give --layer too");
    run.seed = recipe.seed;
    BaselineChoice chosen{.baseline = recipe.baseline};
    if (chosen.baseline == "auto" && !mixed)
        chosen = choose_baseline(subject, input, target.output, run);
    Baseline baseline;
    if (recipe.baseline_values)
        baseline = baseline::Data{*recipe.baseline_values, "array"};
    else if (mixed && compares)
        baseline = recipe.baseline.empty() ? Baseline{} : parse_baseline(recipe.baseline);
    else if (compares)
        baseline = baseline_for(default_set(method, chosen.baseline, subject, input), subject, input);
    if (!features && !mixed) refuse_set(method, baseline, input);
    const Run own_time = limited(run, options);
    Explanation explanation = explained(method, {subject, input, target, baseline, features,
                                                 options, layer, recipe.segments, recipe.kernel, own_time});
    if (subject.endpoint_or_null())
        explanation.diagnostics.notes.emplace_back(
            "the model is an endpoint: no hash can tell later whether it is still the same");
    if (const OnnxModel* onnx = subject.onnx_or_null())
        for (const std::string& note : onnx->notes()) explanation.diagnostics.notes.push_back(note);
    if (const trees::EnsembleModel* trees = subject.ensemble_or_null())
        for (const std::string& note : trees->ensemble().parts().notes)
            explanation.diagnostics.notes.push_back(note);
    for (const std::string& note : subject.notes()) explanation.diagnostics.notes.push_back(note);
    if (input.text && subject.text_encoder()->cuts(input.text->text))
        explanation.diagnostics.notes.push_back(
            fmt::format("the text has more than the {} tokens that the model reads: the rest was cut off",
                        subject.text_encoder()->max_length()));
    if (!chosen.why.empty()) explanation.diagnostics.notes.push_back(chosen.why);
    explanation.provenance.evaluations += chosen.evaluations;
    if (compares && !features && !mixed) {
        try {
            state_neutrality(subject, input, baseline, explanation, run);
        } catch (const OutOfReach&) {
            // The explanation stands without it.
        }
    }
    name_columns(input, explanation.attribution);
    if (input.text) tokens_to_words(*input.text, explanation.attribution);
    if (layer != recipe.layer)
        explanation.diagnostics.notes.push_back(
            "layer " + printable(layer) + " was chosen: " +
            (input.text ? "the embeddings of the words, summed for each word"
                        : "the last features over the picture before they are pooled"));
    explanation.target.label = target_label(subject, explanation.target.resolved);
    Provenance& p = explanation.provenance;
    p.method = method.name;
    p.options = options.all();
    if (!layer.empty()) p.options.push_back({"layer", layer});
    if (recipe.kernel) p.options.push_back({"kernel", std::string("function")});
    if (mixed && compares) p.options.push_back({"baseline", describe(baseline)});
    p.seed = recipe.seed;
    p.version = version();
    p.model_path = subject.path().string();
    p.model_sha256 = subject.sha256();
    p.input_path = input.path.string();
    p.input_sha256 = input.sha256;
    p.input_row = input.row_number;
    for (size_t i = 0; i < input.parts.size(); ++i)
        p.inputs.push_back({.name = subject.preprocessing().inputs[i].name,
                            .path = input.parts[i].path.string(),
                            .sha256 = input.parts[i].sha256,
                            .row = input.parts[i].row_number});
    p.preprocessing = subject.preprocessing_json();
    if (input.is_table() && subject.background()) {
        p.background_path = subject.background_path().string();
        p.background_sha256 = subject.background_sha256();
    }
    p.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return explanation;
}

Sources reopen(const Explanation& saved, const std::filesystem::path& folder, const Run& run,
               const ModelNow& now) {
    const Provenance& p = saved.provenance;
    const bool own_text = p.input_path.empty() && saved.attribution.text.has_value();
    const bool no_file =
        p.inputs.empty()
            ? p.input_path.empty()
            : std::ranges::any_of(p.inputs, [](const InputFile& one) { return one.path.empty(); });
    if (p.model_path.empty() || (no_file && !own_text))
        throw Error(ErrorKind::usage,
                    "this explanation was made of arrays in memory; there are no files to make it "
                    "from again");
    if (std::ranges::find(p.options, "kernel", &Option::name) != p.options.end())
        throw Error(ErrorKind::usage,
                    "the kernel of this explanation was a function in memory; without it there is nothing to "
                    "make it from again");
    std::vector<std::string> differences;
    const std::string named = model_of(p, now);
    const bool endpoint = remote::is_url(named);
    const std::filesystem::path model = endpoint ? std::filesystem::path(named) : found(named, folder),
                                input = found(p.input_path, folder);
    std::error_code failed;
    const bool pair = !endpoint && std::filesystem::is_directory(model, failed);
    if (!endpoint && !pair) compare_hash("model", model, p.model_sha256, differences);
    else if (endpoint && !p.model_sha256.empty())
        differences.emplace_back("the model was a file, and now it is an endpoint");
    if (!own_text && p.inputs.empty()) compare_hash("input", input, p.input_sha256, differences);
    data::Preprocessing preprocessing;
    if (!p.preprocessing.empty())
        preprocessing = data::preprocessing_from_json(p.preprocessing, "");
    preprocessing.table.background.clear();
    for (data::ScoredImage& image : preprocessing.images) {
        image.path = found(image.path.string(), folder);
        compare_hash("picture", image.path, image.sha256, differences);
        image.sha256.clear();
    }
    remote::Options options = now.endpoint;
    options.scale = saved.target.resolved.output_scale;
    Subject subject = Subject::load(model, std::move(preprocessing), 0, run, options);
    if (pair && subject.sha256() != p.model_sha256)
        differences.push_back(fmt::format("the model {} is not the one that was explained: its fingerprint differs",
                                          printable(model.string(), 400)));
    if (!p.background_path.empty()) {
        const std::filesystem::path background = found(p.background_path, folder);
        compare_hash("background", background, p.background_sha256, differences);
        subject.use_background(background);
    }
    Input read = own_text            ? from_text(subject, saved.attribution.text->text)
                 : !p.inputs.empty() ? read_parts(subject, p.inputs, folder, differences)
                                     : read_input(subject, input, p.input_row);
    return {std::move(subject), std::move(read), std::move(differences)};
}

Replay replay(const Explanation& saved, Run run, const std::filesystem::path& folder,
              const ModelNow& model) {
    Sources sources = reopen(saved, folder, run, model);
    Replay result{.differences = std::move(sources.differences)};
    if (sources.subject.endpoint_or_null())
        result.unchecked = "the model is an endpoint (" + printable(sources.subject.path().string(), 400) +
                           "): no hash can tell whether it is the one that was explained";
    result.again = explain(sources.subject, sources.input, recipe_of(saved), std::move(run));
    compare_values(saved, result);
    compare_counterfactuals(saved, result);
    return result;
}

}  // namespace whence::recipe
