#include "whence/recipe/compile.h"

#include <algorithm>

#include "whence/compile/compile.h"
#include "whence/core/error.h"
#include "whence/graph/io.h"

namespace whence::recipe {
namespace {

// What the baseline is made for: an input of the right shape whose content nothing may depend on.
Input blank_input(const Subject& subject) {
    for (const TensorInfo& info : subject.onnx().inputs()) {
        if (info.type != ElementType::float32 && info.type != ElementType::float64) continue;
        Shape shape = info.shape;
        for (size_t d = 1; d < shape.size(); ++d)
            if (shape[d] < 0)
                throw Error(ErrorKind::unsupported,
                            "input '" + printable(info.name) +
                                "' has no fixed size, so no baseline can be stored in the file");
        if (!shape.empty()) shape[0] = 1;
        Input input;
        input.batch = Batch(Tensor(info.type, shape));
        if (subject.background()) {
            input.schema = subject.background()->schema;
            input.row = Tensor(ElementType::float64, shape);
        }
        return input;
    }
    throw Error(ErrorKind::unsupported, "no input is of float32 or float64, so there is no gradient");
}

void set_baseline(const Subject& subject, const Recipe& recipe, CompileOptions& options, const Run& run) {
    const Input blank = blank_input(subject);
    const Tensor& like = blank.batch[0].value;
    const Baseline baseline = recipe.baseline_values ? baseline::Data{*recipe.baseline_values, "array"}
                                                     : baseline_for(recipe.baseline, subject, blank);
    if (std::holds_alternative<baseline::Mean>(baseline) || std::holds_alternative<baseline::Blur>(baseline) ||
        std::holds_alternative<baseline::Gaussian>(baseline))
        throw Error(ErrorKind::usage, "baseline '" + describe(baseline) +
                                          "' depends on the input and cannot be stored in a file; "
                                          "choose zeros, model-zeros, value:V or a file");
    options.baseline = baseline_values(baseline, like, run);
    options.baseline_name = describe(baseline);
}

template <class T>
void read(const std::vector<Option>& options, const char* name, T& to) {
    const auto found = std::ranges::find(options, name, &Option::name);
    if (found == options.end()) return;
    if (const auto* value = std::get_if<T>(&found->value)) {
        to = *value;
        return;
    }
    if constexpr (std::is_same_v<T, double>)
        if (const auto* whole = std::get_if<int64_t>(&found->value)) {
            to = static_cast<double>(*whole);
            return;
        }
    throw Error(ErrorKind::usage, "option '" + std::string(name) + "' of a compiled explanation has the wrong type");
}

void check_options(const std::vector<Option>& given) {
    static const std::vector<std::string> known = {"steps", "rule", "samples", "noise", "absolute"};
    for (const Option& option : given)
        if (std::ranges::find(known, option.name) == known.end())
            throw Error(ErrorKind::usage,
                        "a compiled explanation has no option '" + printable(option.name) + "'");
}

// What has no gradient that begins at the file's own input.
void check_input(const Subject& subject) {
    if (subject.text_encoder())
        throw Error(ErrorKind::unsupported,
                    "a model of texts cannot be compiled: its gradient begins at the embeddings of "
                    "tokens, which are made outside of the file; use whence explain");
    if (!subject.parts().empty())
        throw Error(
            ErrorKind::unsupported,
            "a model of several inputs cannot be compiled: no gradient method explains them "
            "together");
}

}  // namespace

std::string compile_model(const Subject& subject, const Recipe& recipe, const Run& run) {
    check_input(subject);
    check_options(recipe.options);
    CompileOptions options;
    options.method = recipe.method;
    options.layer = recipe.layer;
    options.seed = recipe.seed;
    options.target = Target::parse(recipe.target, subject.classes());
    options.target.scale = recipe.scale;
    read(recipe.options, "steps", options.steps);
    read(recipe.options, "samples", options.samples);
    read(recipe.options, "noise", options.noise);
    read(recipe.options, "absolute", options.absolute);
    std::string rule(gradients::name(options.rule));
    read(recipe.options, "rule", rule);
    options.rule = gradients::parse_rule(rule);
    if (options.steps == 0)
        throw Error(ErrorKind::usage, "a compiled explanation needs a fixed number of steps");
    if (options.method == "input-x-gradient" || options.method == "integrated-gradients")
        set_baseline(subject, recipe, options, run);
    return graph::serialize(compile_explanation(subject.onnx(), options, run));
}

}  // namespace whence::recipe
