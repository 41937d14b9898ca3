#include "explain.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <filesystem>

#include "arrays.h"
#include "explanation.h"
#include "function.h"
#include "whence/core/error.h"
#include "whence/core/explanation_json.h"
#include "whence/core/file.h"
#include "whence/perturb/lime.h"
#include "whence/perturb/training_stats.h"
#include "whence/recipe/compare.h"
#include "whence/recipe/compile.h"
#include "whence/recipe/recipe.h"

namespace whence::python {
std::string hyphens(std::string name) {
    std::ranges::replace(name, '_', '-');
    return name;
}

Option to_option(const std::string& name, nb::handle value) {
    Option option{.name = hyphens(name)};
    if (PyBool_Check(value.ptr()) || nb::cast<std::string>(nb::handle(Py_TYPE(value.ptr())).attr("__name__")) == "bool")
        option.value = nb::cast<bool>(nb::bool_(value));
    else if (nb::isinstance<nb::str>(value)) option.value = nb::cast<std::string>(value);
    else if (PyIndex_Check(value.ptr())) option.value = nb::cast<int64_t>(nb::steal(PyNumber_Index(value.ptr())));
    else if (PyFloat_Check(value.ptr()) || PyObject_HasAttrString(value.ptr(), "__float__"))
        option.value = PyFloat_AsDouble(value.ptr());
    else
        throw Error(ErrorKind::usage, "option '" + printable(name) + "' must be true or false, a number or text, not a " +
                                          Py_TYPE(value.ptr())->tp_name);
    if (PyErr_Occurred()) nb::raise_python_error();
    return option;
}

namespace {

Tensor to_segments(nb::handle object) {
    Tensor segments = to_tensor(object, "segments");
    const ElementType type = segments.type();
    if (type == ElementType::string || type == ElementType::float32 || type == ElementType::float64 || type == ElementType::float16)
        throw Error(ErrorKind::usage, "segments are whole numbers, one label for each pixel");
    return segments.cast(ElementType::int32);
}

// An array in the form of the input it is compared with; for a method that averages over a set also
// all its rows.
Tensor to_baseline(const recipe::Subject& subject, nb::handle object, bool set) {
    if (set) {
        const TensorInfo& info = subject.model().inputs()[0];
        Tensor rows = to_tensor(object, "the baseline");
        if (rows.rank() == static_cast<int64_t>(info.shape.size()) && rows.rank() > 0 && rows.rows() > 1)
            return rows.cast(info.type);
    }
    const recipe::Input input = recipe::from_array(subject, to_tensor(object, "the baseline"));
    return input.is_table() ? *input.row : input.batch[0].value;
}

std::function<double(double, double)> to_kernel(nb::handle function) {
    return [callable = shared(nb::borrow<nb::object>(function))](double distance, double width) {
        const nb::gil_scoped_acquire gil;
        const double weight = PyFloat_AsDouble((*callable)(distance, width).ptr());
        if (PyErr_Occurred()) nb::raise_python_error();
        return weight;
    };
}

recipe::Recipe to_recipe(const Loaded& model, const std::string& method, nb::handle target, const std::optional<std::string>& output,
                         const std::string& scale, nb::handle baseline, const std::string& layer, const nb::dict& options, uint64_t seed,
                         nb::handle segments) {
    recipe::Recipe recipe{.method = hyphens(method), .target = target_text(target, output), .scale = parse_scale(scale), .layer = layer, .seed = seed};
    for (const auto [name, value] : options)
        if (nb::cast<std::string>(name) == "kernel" && PyCallable_Check(value.ptr())) recipe.kernel = to_kernel(value);
        else if (!value.is_none()) recipe.options.push_back(to_option(nb::cast<std::string>(name), value));
    if (const auto text = baseline.is_none() ? std::nullopt : path_of(baseline)) recipe.baseline = *text;
    else if (PyFloat_Check(baseline.ptr()) || (PyLong_Check(baseline.ptr()) && !PyBool_Check(baseline.ptr())))
        recipe.baseline = "value:" + std::string(nb::str(baseline).c_str());
    else if (!baseline.is_none()) recipe.baseline_values = to_baseline(model.subject, baseline, recipe::find_method(recipe.method).baseline_set);
    if (!segments.is_none()) recipe.segments = to_segments(segments);
    return recipe;
}

Explained explain(LoadedPtr model, nb::handle input, const std::string& method, nb::handle target,
                  const std::optional<std::string>& output, const std::string& scale, nb::handle baseline,
                  const std::string& layer, uint64_t seed, nb::handle segments, std::optional<int64_t> row, const RunSettings& settings, const nb::dict& options) {
    Given given = to_input(model->subject, input, row);
    const std::string chosen = method.empty() ? recipe::default_method(model->subject, given.input).method : method;
    const recipe::Recipe recipe = to_recipe(*model, chosen, target, output, scale, baseline, layer, options, seed, segments);
    Pace& pace = model->explaining.at(&recipe::find_method(recipe.method) - recipe::methods().data());
    Explanation explanation;
    run_without_gil(settings, pace, 1,
                    [&](const Run& run) { explanation = recipe::explain(model->subject, given.input, recipe, run); });
    return {std::move(explanation), std::move(model), std::move(given)};
}

void compile(LoadedPtr model, const std::string& path, const std::string& method, nb::handle target,
             const std::optional<std::string>& output, const std::string& scale, nb::handle baseline, const std::string& layer,
             uint64_t seed, const RunSettings& settings, const nb::dict& options) {
    const recipe::Recipe recipe =
        to_recipe(*model, method, target, output, scale, baseline, layer, options, seed, nb::none());
    std::string bytes;
    run_without_gil(settings, model->compiling, 1,
                    [&](const Run& run) { bytes = recipe::compile_model(model->subject, recipe, run); });
    write_file(path, bytes);
}

nb::list compare(LoadedPtr model, nb::handle input, recipe::ComparisonRequest request, const recipe::Recipe& common,
                 std::optional<int64_t> row, const RunSettings& settings) {
    request.common = common;
    for (std::string& method : request.methods) method = hyphens(method);
    Given given = to_input(model->subject, input, row);
    std::vector<recipe::ComparisonRow> rows;
    run_without_gil(settings, model->comparing, 1,
                    [&](const Run& run) { rows = recipe::compare(model->subject, given.input, request, run); });
    const nb::object type = nb::module_::import_("whence._whence").attr("Comparison");
    nb::list out;
    for (recipe::ComparisonRow& one : rows) {
        const auto sums = one.explanation ? recipe::sums_of(*one.explanation) : std::nullopt;
        const auto number = [&](auto member) { return sums ? nb::object(nb::cast((*sums).*member)) : nb::object(nb::none()); };
        const nb::object explanation =
            one.explanation ? nb::object(nb::cast(Explained(std::move(*one.explanation), model, given))) : nb::object(nb::none());
        out.append(type(one.method, one.layer, one.baseline, one.target, explanation, one.failure, number(&recipe::Sums::target),
                        number(&recipe::Sums::result), number(&recipe::Sums::error), number(&recipe::Sums::relative)));
    }
    return out;
}

std::string training_data_stats(const Loaded& model, const std::string& discretizer) {
    const data::Table* background = model.subject.background();
    if (!background) throw Error(ErrorKind::usage, "training_data_stats are of a model's background: load it with background=");
    LimeTabularOptions options;
    options.discretizer = parse_discretizer(discretizer);
    return perturb::to_json(perturb::training_stats(background->schema, *model.subject.background_matrix(), options));
}

nb::object option_default(const Option& option) {
    return std::visit([](const auto& value) { return nb::cast(value); }, option.value);
}

nb::object methods() {
    const nb::module_ module = nb::module_::import_("whence._whence");
    nb::list out;
    for (const recipe::MethodSpec& method : recipe::methods()) {
        nb::dict options;
        for (const recipe::OptionSpec& spec : method.options) {
            std::string name = spec.option.name;
            std::ranges::replace(name, '-', '_');
            options[name.c_str()] = module.attr("MethodOption")(option_default(spec.option), spec.help);
        }
        out.append(module.attr("Method")(method.name, method.summary, method.needs_gradient, method.uses_baseline, options));
    }
    return out;
}

nb::object replay(const std::string& path, const recipe::ModelNow& model, const RunSettings& settings) {
    recipe::Replay result;
    Pace pace;
    run_without_gil(settings, pace, 1, [&](const Run& run) {
        const std::filesystem::path file = path;
        result = recipe::replay(explanation_from_json(read_text(file)), run, file.parent_path(), model);
    });
    nb::list differences;
    for (const std::string& difference : result.differences) differences.append(difference);
    return nb::module_::import_("whence._whence")
        .attr("Replay")(result.differences.empty(), differences, result.largest_difference, Explained(std::move(result.again)));
}

template <class... Names>
void named_tuple(nb::module_& module, const char* name, Names... fields) {
    module.attr(name) = nb::module_::import_("collections").attr("namedtuple")(name, nb::make_tuple(fields...), nb::arg("module") = "whence");
}

}  // namespace

void bind_explain(nb::module_& module) {
    named_tuple(module, "MethodOption", "default", "help");
    named_tuple(module, "Method", "name", "summary", "needs_gradient", "uses_baseline", "options");
    named_tuple(module, "Replay", "same", "differences", "largest_difference", "again");
    module.def(
        "explain",
        [](LoadedPtr model, nb::handle input, const std::string& method, nb::handle target, std::optional<std::string> output,
           const std::string& scale, nb::handle baseline, const std::string& layer, uint64_t seed, nb::handle segments,
           std::optional<int64_t> row, int threads,
           std::optional<double> time_limit, nb::object progress, nb::object early, const nb::dict& options) {
            return explain(std::move(model), input, method, target, output, scale, baseline, layer, seed, segments, row,
                           {threads, time_limit, std::move(progress), std::move(early)}, options);
        },
        nb::arg("model"), nb::arg("input"), nb::arg("method"), nb::arg("target").none(), nb::arg("output").none(), nb::arg("scale"),
        nb::arg("baseline").none(), nb::arg("layer"), nb::arg("seed"), nb::arg("segments").none(), nb::arg("row").none(), nb::arg("threads"),
        nb::arg("time_limit").none(), nb::arg("progress").none(), nb::arg("on_estimate").none(), nb::arg("options"));
    module.def("training_data_stats", &training_data_stats, nb::arg("model"), nb::arg("discretizer"));
    named_tuple(module, "Comparison", "method", "layer", "baseline", "asked", "explanation", "failure", "target", "sum", "error",
                "relative_error");
    module.def(
        "compile",
        [](LoadedPtr model, const std::string& path, const std::string& method, nb::handle target, std::optional<std::string> output,
           const std::string& scale, nb::handle baseline, const std::string& layer, uint64_t seed, const nb::dict& options) {
            compile(std::move(model), path, method, target, output, scale, baseline, layer, seed, {}, options);
        },
        nb::arg("model"), nb::arg("path"), nb::arg("method"), nb::arg("target").none(), nb::arg("output").none(), nb::arg("scale"),
        nb::arg("baseline").none(), nb::arg("layer"), nb::arg("seed"), nb::arg("options"));
    module.def(
        "compare",
        [](LoadedPtr model, nb::handle input, std::vector<std::string> methods, std::vector<std::string> layers,
           std::vector<std::string> baselines, const nb::list& targets, int64_t top_labels, std::optional<std::string> output, const std::string& scale,
           uint64_t seed, std::optional<int64_t> row, int threads, std::optional<double> time_limit, nb::object progress,
           const nb::dict& options) {
            const recipe::Recipe common = to_recipe(*model, "saliency", nb::none(), output, scale, nb::none(), "", options, seed, nb::none());
            std::vector<std::string> texts;
            for (const nb::handle target : targets) texts.push_back(target_text(target, output));
            if (texts.empty() && top_labels == 0) texts.push_back(common.target);
            return compare(std::move(model), input,
                           {.methods = std::move(methods), .layers = std::move(layers), .baselines = std::move(baselines), .targets = std::move(texts), .top_labels = top_labels},
                           common, row,
                           {threads, time_limit, std::move(progress)});
        },
        nb::arg("model"), nb::arg("input"), nb::arg("methods"), nb::arg("layers"), nb::arg("baselines"), nb::arg("targets"), nb::arg("top_labels"),
        nb::arg("output").none(), nb::arg("scale"), nb::arg("seed"), nb::arg("row").none(), nb::arg("threads"),
        nb::arg("time_limit").none(), nb::arg("progress").none(), nb::arg("options"));
    module.def("methods", &methods, "Every method with its options: named tuples (name, summary, needs_gradient, uses_baseline, options).");
    module.def(
        "replay",
        [](const std::string& path, int threads, const std::string& model, const std::vector<std::string>& endpoint) {
            return replay(path, {.path = model, .endpoint = remote::parse_options(endpoint)}, {.threads = threads});
        },
        nb::arg("path"), nb::arg("threads"), nb::arg("model"), nb::arg("endpoint"));
}

}  // namespace whence::python
