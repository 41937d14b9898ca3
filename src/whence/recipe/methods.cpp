#include "whence/recipe/methods.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "whence/core/error.h"
#include "whence/data/table_model.h"
#include "whence/gradients/input_x_gradient.h"
#include "whence/gradients/integrated_gradients.h"
#include "whence/gradients/saliency.h"
#include "whence/mask/segmentation.h"
#include "whence/perturb/lime.h"
#include "whence/perturb/occlusion.h"
#include "whence/recipe/closest.h"

namespace whence::recipe {
namespace {

const Batch& differentiable_input(const Task& task) {
    if (task.input.batch.empty())
        throw Error(ErrorKind::unsupported,
                    "this model reads one input for each column, or text: it has no gradient; use "
                    "lime or occlusion");
    return task.input.batch;
}

// An option that stands for its method's own default where it is 0.
template <class T>
std::optional<T> unless_zero(const OptionValues& options, std::string_view name) {
    const T value = options.get<T>(name);
    if (!(value >= 0))
        throw Error(ErrorKind::usage, fmt::format("--{} must not be negative", name));
    return value > 0 ? std::optional<T>(value) : std::nullopt;
}

Explanation saliency(const Task& task) {
    const Saliency method(task.subject.model(), {.absolute = task.options.get<bool>("absolute")});
    return method.explain(differentiable_input(task), task.target, task.run);
}

Explanation input_x_gradient(const Task& task) {
    const InputXGradient method(task.subject.model(), {.baseline = task.baseline});
    return method.explain(differentiable_input(task), task.target, task.run);
}

Explanation integrated_gradients(const Task& task) {
    const OptionValues& o = task.options;
    const IntegratedGradients method(task.subject.model(), task.baseline,
                                     {.steps = o.get<int64_t>("steps"),
                                      .rule = gradients::parse_rule(o.get<std::string>("rule")),
                                      .tolerance = o.get<double>("tolerance"),
                                      .max_steps = o.get<int64_t>("max-steps"),
                                      .exact = o.get<bool>("exact"),
                                      .max_pieces = o.get<int64_t>("max-pieces")});
    return method.explain(differentiable_input(task), task.target, task.run);
}

Tensor segments_of(const Task& task, const Tensor& image) {
    if (task.segments) return *task.segments;
    const Segmentation method = parse_segmentation(task.options.get<std::string>("segmentation"));
    const auto axes = image_axes(image.shape());
    const double white = task.input.white;
    if (axes->channels == 3 && white == 1) return segment(image, method, task.run);
    // Segmentation reads pixels as they stand in a picture: channels last, from 0 to 1.
    const Shape& s = image.shape();
    std::vector<double> in = image.to_doubles();
    for (double& value : in) value /= white;
    if (axes->channels == 3) return segment(Tensor::of<double>(s, in), method, task.run);
    std::vector<double> out(in.size());
    const int64_t channels = s[1], pixels = s[2] * s[3];
    for (int64_t c = 0; c < channels; ++c)
        for (int64_t p = 0; p < pixels; ++p) out[p * channels + c] = in[c * pixels + p];
    return segment(Tensor::of<double>({1, s[2], s[3], channels}, out), method, task.run);
}

Explanation lime_image(const Task& task, const Tensor& image) {
    const OptionValues& o = task.options;
    LimeImageOptions options;
    options.num_samples = unless_zero<int64_t>(o, "num-samples").value_or(options.num_samples);
    options.num_features = unless_zero<int64_t>(o, "num-features").value_or(options.num_features);
    options.kernel_width = unless_zero<double>(o, "kernel-width").value_or(options.kernel_width);
    options.ridge = o.get<double>("ridge");
    options.feature_selection = parse_feature_selection(o.get<std::string>("feature-selection"));
    options.scheme = o.get<bool>("compatible") ? LimeScheme::compatible : LimeScheme::stable;
    if (o.get<std::string>("hide") != "mean")
        options.hide = parse_baseline(o.get<std::string>("hide"));
    options.settle_top = o.get<int64_t>("settle-top");
    const LimeImage method(task.subject.model(), segments_of(task, image), options);
    return method.explain(task.input.batch, task.target, task.run);
}

std::vector<int64_t> background_labels(const Task& task, const Model& model, const Tensor& rows) {
    const ResolvedTarget top =
        resolve(task.target, model, Batch(rows.slice_rows(0, 1)), Scale::probability, task.run);
    const std::vector<double> scores =
        model.predict(Batch(rows), task.run).at(top.output).to_doubles();
    std::vector<int64_t> labels;
    for (int64_t row = 0; row < rows.rows(); ++row) {
        const auto begin = scores.begin() + row * top.classes;
        labels.push_back(std::max_element(begin, begin + top.classes) - begin);
    }
    return labels;
}

Explanation lime_table(const Task& task) {
    const data::Table* background = task.subject.background();
    if (!background)
        throw Error(ErrorKind::usage,
                    "lime on a table needs rows to compare with: give --background TRAIN.csv");
    const OptionValues& o = task.options;
    const data::TableModel model(task.subject.model(), task.input.schema);
    const Tensor rows = background->matrix();
    LimeTabularOptions options;
    options.num_samples = unless_zero<int64_t>(o, "num-samples").value_or(options.num_samples);
    options.num_features = unless_zero<int64_t>(o, "num-features").value_or(options.num_features);
    options.kernel_width = unless_zero<double>(o, "kernel-width");
    options.ridge = o.get<double>("ridge");
    options.feature_selection = parse_feature_selection(o.get<std::string>("feature-selection"));
    options.scheme = o.get<bool>("compatible") ? LimeScheme::compatible : LimeScheme::stable;
    options.discretizer = parse_discretizer(o.get<std::string>("discretizer"));
    if (options.discretizer == Discretizer::entropy)
        options.background_labels = background_labels(task, model, rows);
    options.sample_around_instance = o.get<bool>("sample-around-instance");
    options.settle_top = o.get<int64_t>("settle-top");
    const LimeTabular method(model, task.input.schema, rows, options);
    return method.explain(Batch(*task.input.row), task.target, task.run);
}

Explanation lime(const Task& task) {
    if (task.input.is_table()) return lime_table(task);
    if (const auto image = task.input.image()) return lime_image(task, *image);
    throw Error(ErrorKind::usage,
                "lime explains pictures and rows of tables; this input is neither");
}

Explanation occlusion(const Task& task) {
    OcclusionOptions options;
    if (task.input.is_table()) {
        const data::TableModel model(task.subject.model(), task.input.schema);
        options.schema = task.input.schema;
        return Occlusion(model, task.baseline, options)
            .explain(Batch(*task.input.row), task.target, task.run);
    }
    const auto image = task.input.image();
    if (!image)
        throw Error(ErrorKind::usage,
                    "occlusion explains pictures and rows of tables; this input is neither");
    options.window_height = options.window_width = task.options.get<int64_t>("window");
    options.stride_height = options.stride_width = task.options.get<int64_t>("stride");
    if (task.segments || task.options.get<std::string>("segmentation") != "none")
        options.segments = segments_of(task, *image);
    return Occlusion(task.subject.model(), task.baseline, options)
        .explain(task.input.batch, task.target, task.run);
}

std::vector<MethodSpec> make_methods() {
    const IntegratedGradientsOptions ig;
    return {
        {.name = "integrated-gradients",
         .summary =
             "gradients summed along the path from the baseline; adds up to f(x) - f(baseline)",
         .needs_gradient = true,
         .uses_baseline = true,
         .options = {{{"steps", ig.steps}, "gradient evaluations of a fixed rule; 0: adaptive"},
                     {{"rule", std::string("midpoint")},
                      "fixed rule: midpoint, gauss-legendre or trapezoid"},
                     {{"tolerance", ig.tolerance}, "largest relative attribution error"},
                     {{"max-steps", ig.max_steps}, "gradient evaluations at most, when adaptive"},
                     {{"exact", false}, "exact for small piecewise-linear networks"},
                     {{"max-pieces", ig.max_pieces}, "refuse exact above this many linear pieces"}},
         .explain = integrated_gradients},
        {.name = "saliency",
         .summary = "the gradient: what a small change of each feature would do",
         .needs_gradient = true,
         .uses_baseline = false,
         .options = {{{"absolute", true}, "magnitudes only"}},
         .explain = saliency},
        {.name = "input-x-gradient",
         .summary = "gradient times distance from the baseline: one step of integrated gradients",
         .needs_gradient = true,
         .uses_baseline = true,
         .options = {},
         .explain = input_x_gradient},
        {.name = "lime",
         .summary = "weights of a linear model fitted to the answers near the input",
         .needs_gradient = false,
         .uses_baseline = false,
         .options = {{{"num-samples", int64_t{0}},
                      "perturbed inputs; 0: 1000 for pictures, 5000 for tables"},
                     {{"num-features", int64_t{0}},
                      "features in the local model; 0: all superpixels, 10 columns"},
                     {{"kernel-width", 0.0},
                      "width of the neighbourhood; 0: lime's, 0.25 or 0.75 sqrt(columns)"},
                     {{"ridge", 1.0}, "ridge penalty of the local model"},
                     {{"feature-selection", std::string(name(FeatureSelection::automatic))},
                      "auto, none, forward-selection, highest-weights or lasso-path"},
                     {{"compatible", false}, "sample as the lime package does"},
                     {{"settle-top", int64_t{0}},
                      "stop early once this many leading features are settled; 0: never"},
                     {{"segmentation", std::string("quickshift")},
                      "pictures: quickshift, slic, felzenszwalb or grid, with options as in "
                      "slic:50 or grid:7x7"},
                     {{"hide", std::string("mean")},
                      "pictures: what stands for a missing superpixel; mean: its mean colour"},
                     {{"discretizer", std::string(name(Discretizer::quartile))},
                      "tables: quartile, decile, entropy or none"},
                     {{"sample-around-instance", false},
                      "tables, without discretizer: sample around the row"}},
         .explain = lime},
        {.name = "occlusion",
         .summary = "what the answer loses when a part of the input is covered",
         .needs_gradient = false,
         .uses_baseline = true,
         .options = {{{"window", int64_t{0}},
                      "pixels of the square window; 0: an eighth of the side"},
                     {{"stride", int64_t{0}}, "pixels between windows; 0: half the window"},
                     {{"segmentation", std::string("none")},
                      "cover superpixels instead: quickshift, slic, ..."}},
         .explain = occlusion},
    };
}

std::string_view type_name(const Option& option) {
    static constexpr std::string_view names[] = {"true or false", "a whole number", "a number",
                                                 "text"};
    return names[option.value.index()];
}

template <class T>
std::optional<T> parse_number(std::string_view text) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

}  // namespace

const std::vector<MethodSpec>& methods() {
    static const std::vector<MethodSpec> all = make_methods();
    return all;
}

const MethodSpec& find_method(std::string_view name) {
    std::string have;
    std::vector<std::string> names;
    for (const MethodSpec& method : methods()) {
        if (method.name == name) return method;
        have += (have.empty() ? "" : ", ") + method.name;
        names.push_back(method.name);
    }
    const std::string meant = did_you_mean(name, names);
    throw Error(ErrorKind::usage, "no method '" + printable(name) + "'" +
                                      (meant.empty() ? "; there are " + have : meant));
}

Option parse_option(const OptionSpec& spec, std::string_view text) {
    Option option = spec.option;
    const auto fail = [&] {
        throw Error(ErrorKind::usage, fmt::format("--{}: '{}' is not {}", option.name,
                                                  printable(text), type_name(option)));
    };
    if (std::holds_alternative<bool>(option.value)) {
        if (text != "true" && text != "false") fail();
        option.value = text == "true";
    } else if (std::holds_alternative<int64_t>(option.value)) {
        const auto value = parse_number<int64_t>(text);
        if (!value) fail();
        option.value = *value;
    } else if (std::holds_alternative<double>(option.value)) {
        const auto value = parse_number<double>(text);
        if (!value) fail();
        option.value = *value;
    } else {
        option.value = std::string(text);
    }
    return option;
}

OptionValues::OptionValues(const std::vector<OptionSpec>& specs, const std::vector<Option>& given,
                           std::string_view method) {
    for (const OptionSpec& spec : specs) values_.push_back(spec.option);
    for (const Option& option : given) {
        const auto own = std::ranges::find(values_, option.name, &Option::name);
        if (own == values_.end()) {
            std::string have;
            for (const OptionSpec& spec : specs)
                have += (have.empty() ? "" : ", ") + spec.option.name;
            throw Error(ErrorKind::usage,
                        fmt::format("{} has no option '{}'; it has: {}", method,
                                    printable(option.name), have.empty() ? "none" : have));
        }
        if (std::holds_alternative<double>(own->value) &&
            std::holds_alternative<int64_t>(option.value))
            own->value = static_cast<double>(std::get<int64_t>(option.value));
        else if (own->value.index() != option.value.index())
            throw Error(ErrorKind::usage, fmt::format("option '{}' of {} must be {}", option.name,
                                                      method, type_name(*own)));
        else
            own->value = option.value;
    }
}

template <class T>
const T& OptionValues::get(std::string_view name) const {
    return std::get<T>(std::ranges::find(values_, name, &Option::name)->value);
}
template const bool& OptionValues::get<bool>(std::string_view) const;
template const int64_t& OptionValues::get<int64_t>(std::string_view) const;
template const double& OptionValues::get<double>(std::string_view) const;
template const std::string& OptionValues::get<std::string>(std::string_view) const;

}  // namespace whence::recipe
