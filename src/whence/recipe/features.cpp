#include "whence/recipe/features.h"

#include "whence/core/error.h"
#include "whence/recipe/recipe.h"

namespace whence::recipe {

const Batch& differentiable_input(const Task& task) {
    if (task.input.batch.empty())
        throw Error(ErrorKind::unsupported,
                    "this model reads one input for each column, or text: it has no gradient; use "
                    "lime or occlusion");
    return task.input.batch;
}

namespace {

// One row, or all rows of a set.
Tensor rows_of(const Baseline& baseline, const Tensor& input, const Run& run) {
    const auto* set = std::get_if<baseline::Data>(&baseline);
    if (!set || set->values.size() <= input.size() || set->values.size() % input.size() != 0)
        return baseline_values(baseline, input, run);
    Shape shape = input.shape();
    shape[0] = set->values.size() / input.size();
    return set->values.reshaped(shape).cast(input.type());
}

}  // namespace

Features::Features(const Task& task)
    : task_(task), input_(differentiable_input(task)), baseline_(task.baseline) {
    if (task.layer.empty()) return;
    parts_ = task.subject.onnx().split(task.layer);
    const auto features = [&](const Batch& input) {
        return parts_.below->predict(input, task.run)[0].value;
    };
    Batch above;
    above.add(task.layer, features(input_));
    for (size_t i = 1; i < parts_.above->inputs().size(); ++i) {
        const std::string& name = parts_.above->inputs()[i].name;
        above.add(name, input_.at(name));
    }
    if (task.features_baseline) {
        const std::string name = describe(task.baseline);
        baseline_ = baseline::Data{baseline_values(task.baseline, above[0].value, task.run),
                                   name.starts_with(features_prefix) ? name : std::string(features_prefix) + name};
    } else {
        const Tensor rows = rows_of(task.baseline, input_[0].value, task.run);
        Batch compared = input_.repeat_row(rows.rows());
        compared[0].value = rows;
        baseline_ = baseline::Data{features(compared), describe(task.baseline)};
    }
    input_ = std::move(above);
}

const DifferentiableModel& Features::model() const {
    return parts_.above ? *parts_.above : static_cast<const DifferentiableModel&>(task_.subject.onnx());
}

Tensor Features::background() const { return rows_of(baseline_, input_[0].value, task_.run); }

Explanation Features::name(Explanation explanation) const {
    explanation.attribution.layer = task_.layer;
    return explanation;
}

}  // namespace whence::recipe
