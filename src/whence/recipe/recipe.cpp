#include "whence/recipe/recipe.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "whence/core/error.h"
#include "whence/core/hash.h"
#include "whence/core/version.h"

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

std::string target_label(const Subject& subject, const ResolvedTarget& target) {
    std::string label = subject.label(target.index);
    if (target.minus) label += " - " + subject.label(*target.minus);
    return label;
}

void compare_hash(const std::string& what, const std::filesystem::path& path, const std::string& saved,
                  std::vector<std::string>& differences) {
    if (!saved.empty() && sha256_of_file(path) != saved)
        differences.push_back(fmt::format("the {} {} is not the file that was explained (its SHA-256 differs)", what, path.string()));
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
        replay.differences.push_back(fmt::format("values differ by up to {:.3g} of the largest", replay.largest_difference));
    const double f = saved.target.value, g = replay.again.target.value;
    if (!(std::abs(f - g) <= same_value * std::max(1.0, std::abs(f))))
        replay.differences.push_back(fmt::format("the prediction is {:.6g}, it was {:.6g}", g, f));
}

Recipe recipe_of(const Explanation& saved) {
    const ResolvedTarget& target = saved.target.resolved;
    Recipe recipe{.method = saved.provenance.method, .scale = target.scale, .options = saved.provenance.options,
                  .seed = saved.provenance.seed};
    recipe.target = target.output + ":" + std::to_string(target.index);
    if (target.minus) recipe.target += "-" + std::to_string(*target.minus);
    if (find_method(recipe.method).uses_baseline) recipe.baseline = saved.target.baseline;
    return recipe;
}

}  // namespace

Explanation explain(const Subject& subject, const Input& input, const Recipe& recipe, Run run) {
    const auto start = std::chrono::steady_clock::now();
    const MethodSpec& method = find_method(recipe.method);
    const OptionValues options(method.options, recipe.options, method.name);
    Target target = Target::parse(recipe.target, subject.classes());
    target.scale = recipe.scale;
    const Baseline baseline = method.uses_baseline ? baseline_for(recipe.baseline, subject, input) : Baseline{};
    run.seed = recipe.seed;
    Explanation explanation = method.explain({subject, input, target, baseline, options, recipe.segments, run});
    name_columns(input, explanation.attribution);
    explanation.target.label = target_label(subject, explanation.target.resolved);
    Provenance& p = explanation.provenance;
    p.method = method.name;
    p.options = options.all();
    p.seed = recipe.seed;
    p.version = version();
    p.model_path = subject.path().string();
    p.model_sha256 = subject.model().sha256();
    p.input_path = input.path.string();
    p.input_sha256 = input.sha256;
    p.input_row = input.row_number;
    if (subject.kind() != data::InputKind::none) p.preprocessing = data::to_json(subject.preprocessing());
    if (input.is_table() && subject.background()) {
        p.background_path = subject.background_path().string();
        p.background_sha256 = sha256_of_file(subject.background_path());
    }
    p.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return explanation;
}

Replay replay(const Explanation& saved, Run run) {
    const Provenance& p = saved.provenance;
    if (p.model_path.empty() || p.input_path.empty())
        throw Error(ErrorKind::usage, "this explanation was made of arrays in memory; there are no files to replay it from");
    Replay result;
    compare_hash("model", p.model_path, p.model_sha256, result.differences);
    compare_hash("input", p.input_path, p.input_sha256, result.differences);
    Subject subject = p.preprocessing.empty() ? Subject::load(p.model_path, "none")
                                              : Subject::load(p.model_path, data::preprocessing_from_json(p.preprocessing, ""));
    if (!p.background_path.empty()) {
        compare_hash("background", p.background_path, p.background_sha256, result.differences);
        subject.use_background(p.background_path);
    }
    const Input input = read_input(subject, p.input_path, p.input_row);
    result.again = explain(subject, input, recipe_of(saved), std::move(run));
    compare_values(saved, result);
    return result;
}

}  // namespace whence::recipe
