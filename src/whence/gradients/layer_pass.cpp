#include "whence/gradients/layer_pass.h"

#include <algorithm>

#include "whence/core/error.h"
#include "whence/gradients/explained_input.h"

namespace whence::gradients {
namespace {

void check_row(const Batch& input) {
    if (input.rows() != 1)
        throw Error(ErrorKind::input, "one row is explained at a time; the input has " +
                                          std::to_string(input.rows()));
    for (const NamedTensor& tensor : input.tensors())
        check_finite(tensor.value, "input '" + printable(tensor.name) + "'");
}

void check_numbers(const std::vector<Tensor>& tensors, const std::vector<std::string>& layers,
                   const char* what) {
    for (size_t i = 0; i < tensors.size(); ++i)
        for (const double value : tensors[i].to_doubles())
            check_model_number(value,
                               (std::string(what) + " '" + printable(layers[i]) + "'").c_str());
}

}  // namespace

LayerPass pass_through(const DifferentiableModel& model, const Batch& input, const Target& target,
                       const std::vector<std::string>& layers, With with, const Run& run) {
    const bool backward = with == With::values_and_gradients;
    return pass_through(
        model, input, target,
        Wanted{.values = layers, .gradients = backward ? layers : std::vector<std::string>{}}, run);
}

LayerPass pass_through(const DifferentiableModel& model, const Batch& input, const Target& target,
                       const Wanted& wanted, const Run& run) {
    run.check();
    check_row(input);
    OpenTarget open(target, model, input, run);
    GradientRequest request = open.request();
    request.values = wanted.values;
    request.gradients = wanted.gradients;
    GradientResult result = model.run(input, request, run);
    open.settle(result);
    check_numbers(result.values, wanted.values, "features at");
    check_numbers(result.gradients, wanted.gradients, "gradient at");
    const bool backward = !wanted.gradients.empty();
    return {.target = open.resolved(),
            .value = result.target.at(0),
            .values = std::move(result.values),
            .gradients = std::move(result.gradients),
            .evaluations = open.evaluations() + (backward ? 0 : 1),
            .gradient_evaluations = backward ? 1 : 0};
}

std::vector<double> forward_targets(const DifferentiableModel& model, const ResolvedTarget& target,
                                    const Batch& input, int64_t count, const FillRows& fill,
                                    std::string_view what, const Run& run) {
    std::vector<double> values;
    values.reserve(static_cast<size_t>(count));
    const int64_t per_batch = std::min(count, std::max<int64_t>(1, model.preferred_batch()));
    Batch batch = input.repeat_row(per_batch);
    for (int64_t first = 0; first < count; first += per_batch) {
        run.check();
        if (count - first < per_batch) batch = input.repeat_row(count - first);
        fill(first, batch);
        for (const double value : model.run(batch, request_for(target), run).target) {
            check_model_number(value, "output");
            values.push_back(value);
        }
        run.report(what, first + batch.rows(), count);
    }
    return values;
}

AboveLayer::AboveLayer(const DifferentiableModel& model, const std::string& layer,
                       const Batch& input, const Tensor& features)
    : above_(model.split(layer).above) {
    input_.add(layer, features);
    for (size_t i = 1; i < above_->inputs().size(); ++i) {
        const std::string& name = above_->inputs()[i].name;
        input_.add(name, input.at(name));
    }
}

}  // namespace whence::gradients
