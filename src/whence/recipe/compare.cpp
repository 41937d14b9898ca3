#include "whence/recipe/compare.h"

#include <algorithm>

#include "whence/core/error.h"
#include "whence/recipe/predict.h"
#include "whence/recipe/remembered_model.h"

namespace whence::recipe {
namespace {

// The names in `all` that make a difference to a method; {""} where none does.
std::vector<std::string> those_used(const std::vector<std::string>& all, bool used) {
    return used && !all.empty() ? all : std::vector<std::string>{""};
}

std::vector<Option> options_of(const MethodSpec& method, const std::vector<Option>& given) {
    std::vector<Option> own;
    for (const Option& option : given)
        if (std::ranges::find(method.options, option.name, [](const OptionSpec& spec) {
                return spec.option.name;
            }) != method.options.end())
            own.push_back(option);
    return own;
}

ComparisonRow row_of(const Subject& subject, const Input& input, const Recipe& recipe,
                     const Run& run) {
    ComparisonRow row{
        .method = recipe.method, .layer = recipe.layer, .baseline = recipe.baseline, .target = recipe.target};
    try {
        row.explanation = explain(subject, input, recipe, run);
        row.layer = row.explanation->attribution.layer;
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::interrupted || error.kind() == ErrorKind::limit) throw;
        row.failure = error.what();
    }
    return row;
}

std::vector<std::string> targets_of(const Subject& subject, const Input& input,
                                    const ComparisonRequest& request, const Run& run) {
    if (request.top_labels < 0) throw Error(ErrorKind::usage, "top-labels must not be negative");
    if (request.top_labels == 0)
        return request.targets.empty() ? std::vector<std::string>{"top"} : request.targets;
    if (!request.targets.empty())
        throw Error(ErrorKind::usage, "top-labels chooses the classes: give no targets with it");
    std::vector<std::string> targets;
    const Scores scores = scores_of(subject, predict(subject, input, run));
    for (const NamedScore& score : largest(subject, scores, request.top_labels))
        targets.push_back(scores.output + ":" + std::to_string(score.index));
    return targets;
}

}  // namespace

std::vector<ComparisonRow> compare(const Subject& subject, const Input& input,
                                   const ComparisonRequest& request, const Run& run) {
    if (request.methods.empty())
        throw Error(ErrorKind::usage, "name at least one method to compare");
    const std::vector<std::string> targets = targets_of(subject, input, request, run);
    std::vector<Recipe> recipes;
    for (const std::string& name : request.methods) {
        const MethodSpec& method = find_method(name);
        for (const std::string& layer : those_used(request.layers, method.layer != LayerUse::none))
            for (const std::string& baseline : those_used(
                     request.baselines, compares_with_baseline(method, input.text.has_value())))
                for (const std::string& target : targets) {
                    Recipe recipe = request.common;
                    recipe.method = method.name;
                    recipe.layer = layer == "input" ? "" : layer;
                    recipe.baseline = baseline;
                    recipe.target = target;
                    recipe.options = options_of(method, request.common.options);
                    recipes.push_back(std::move(recipe));
                }
    }
    // Only several classes ask the same.
    std::shared_ptr<const RememberedModel> memory;
    std::optional<Subject> remembering;
    if (targets.size() > 1)
        remembering = subject.asked_through([&](std::shared_ptr<const Model> model) {
            return memory = std::make_shared<const RememberedModel>(std::move(model));
        });
    Run quiet = run;  // the bar counts explanations
    quiet.progress = nullptr;
    quiet.early = nullptr;
    std::vector<ComparisonRow> rows;
    for (const Recipe& recipe : recipes) {
        run.check();
        const int64_t spared = memory ? memory->spared() : 0;
        rows.push_back(row_of(remembering ? *remembering : subject, input, recipe, quiet));
        if (memory && rows.back().explanation)
            rows.back().explanation->provenance.evaluations -= memory->spared() - spared;
        run.report("compare", static_cast<int64_t>(rows.size()),
                   static_cast<int64_t>(recipes.size()));
    }
    return rows;
}

std::optional<Sums> sums_of(const Explanation& explanation) {
    const Diagnostics& d = explanation.diagnostics;
    if (!d.attribution_error || !explanation.target.baseline_value) return std::nullopt;
    const double target = explanation.target.value - *explanation.target.baseline_value;
    return Sums{.target = target,
                .result = target + *d.attribution_error,
                .error = *d.attribution_error,
                .relative = d.relative_error};
}

}  // namespace whence::recipe
