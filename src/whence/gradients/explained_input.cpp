#include "whence/gradients/explained_input.h"

#include <algorithm>
#include <cmath>

#include "whence/core/error.h"
#include "whence/core/version.h"

namespace whence::gradients {
namespace {

// Those that Tensor can also be converted to: a path needs points between two inputs.
bool is_continuous(ElementType type) {
    return type == ElementType::float32 || type == ElementType::float64;
}

std::string input_names(const DifferentiableModel& model) {
    std::string names;
    for (const TensorInfo& info : model.inputs())
        names += (names.empty() ? "" : ", ") + printable(info.name) + " (" +
                 std::string(whence::name(info.type)) + ")";
    return names;
}

const TensorInfo& find_info(const DifferentiableModel& model, const std::string& name) {
    for (const TensorInfo& info : model.inputs())
        if (name.empty() ? is_continuous(info.type) : info.name == name) return info;
    if (name.empty())
        throw Error(ErrorKind::unsupported,
                    "no input is of float32 or float64, so there is no gradient; the model has: " +
                        input_names(model));
    throw Error(ErrorKind::usage,
                "no input '" + printable(name) + "'; the model has: " + input_names(model));
}

size_t position_of(const Batch& input, const std::string& name) {
    const Tensor* value = &input.at(name);
    size_t position = 0;
    while (&input[position].value != value) ++position;
    return position;
}

template <class T>
void check_all(std::span<const T> values, const std::string& what) {
    const auto bad = std::ranges::find_if(values, [](T v) { return !std::isfinite(v); });
    if (bad == values.end()) return;
    throw Error(ErrorKind::input, what + " holds " + (std::isnan(*bad) ? "NaN" : "infinity") +
                                      " at position " + std::to_string(bad - values.begin()));
}

// Elements per row of an output, or -1 where the shape does not tell.
int64_t known_classes(const DifferentiableModel& model, const std::string& output) {
    for (const TensorInfo& info : model.outputs()) {
        if (output.empty() ? !is_continuous(info.type) : info.name != output) continue;
        int64_t classes = 1;
        for (size_t d = 1; d < info.shape.size(); ++d)
            classes = classes < 0 || info.shape[d] < 0 ? -1 : classes * info.shape[d];
        return classes;
    }
    return 1;  // resolve() says what is wrong
}

}  // namespace

void check_finite(const Tensor& values, const std::string& what) {
    if (values.type() == ElementType::float32) check_all(values.as<float>(), what);
    if (values.type() == ElementType::float64) check_all(values.as<double>(), what);
}

void check_model_number(double value, const char* what) {
    if (std::isfinite(value)) return;
    throw Error(ErrorKind::model, std::string("the model returned ") +
                                      (std::isnan(value) ? "NaN" : "infinity") + " as its " + what +
                                      "; such a prediction cannot be explained");
}

ExplainedInput choose_input(const DifferentiableModel& model, const Batch& input,
                            const std::string& name) {
    const TensorInfo& info = find_info(model, name);
    ExplainedInput chosen{.name = info.name, .held_constant = model.inputs().size() > 1};
    chosen.position = position_of(input, info.name);
    chosen.value = &input[chosen.position].value;
    const ElementType type = chosen.value->type();
    if (!is_continuous(type))
        throw Error(ErrorKind::unsupported, "input '" + printable(info.name) + "' holds " +
                                                std::string(whence::name(type)) +
                                                ", which has no gradient");
    if (chosen.value->rows() != 1 || chosen.value->size() == 0)
        throw Error(ErrorKind::input, "one row is explained at a time; input '" +
                                          printable(info.name) + "' has shape " +
                                          to_string(chosen.value->shape()));
    if (type == info.type) chosen.precision = type;
    check_finite(*chosen.value, "input '" + printable(info.name) + "'");
    return chosen;
}

OpenTarget::OpenTarget(const Target& target, const DifferentiableModel& model, const Batch& input,
                       const Run& run)
    : open_(!target.index) {
    Target wanted = target;
    if (known_classes(model, target.output) < 0) {
        evaluations_ = 1;  // resolve() asks the model
        open_ = false;
    } else if (open_) {
        wanted.index = 0;  // stands in until settle(), so that resolve() need not ask the model
    }
    resolved_ = resolve(wanted, model, input, Scale::logit, run);
}

GradientRequest OpenTarget::request() const {
    GradientRequest request = request_for(resolved_);
    if (open_) request.index.reset();
    return request;
}

void OpenTarget::settle(const GradientResult& first) {
    check_model_number(first.target.at(0), "output");
    resolved_.index = first.index.at(0);
    open_ = false;
}

Tensor attribution_tensor(std::span<const double> values, const Tensor& input) {
    Tensor out(input.type(), input.shape());
    if (input.type() == ElementType::float64)
        std::ranges::copy(values, out.as<double>().begin());
    else
        std::ranges::transform(values, out.as<float>().begin(),
                               [](double v) { return static_cast<float>(v); });
    return out;
}

void fill_common(Explanation& explanation, const char* method, const ExplainedInput& input,
                 const Run& run) {
    explanation.provenance.method = method;
    explanation.provenance.seed = run.seed;
    explanation.provenance.version = version();
    if (input.held_constant)
        explanation.diagnostics.notes.push_back("only input '" + printable(input.name) +
                                                "' is explained; the others are held constant");
}

}  // namespace whence::gradients
