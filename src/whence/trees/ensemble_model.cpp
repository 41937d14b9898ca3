#include "whence/trees/ensemble_model.h"

#include <algorithm>

#include "whence/core/error.h"

namespace whence::trees {
namespace {

bool is_logistic(const EnsembleParts& parts) {
    return parts.link == Link::logistic;
}
bool has_classes(const EnsembleParts& parts) {
    return is_logistic(parts) || parts.link == Link::softmax;
}
// One logistic output tells of two classes.
bool is_binary(const EnsembleParts& parts) {
    return is_logistic(parts) && parts.outputs == 1;
}

std::vector<TensorInfo> outputs_of(const EnsembleParts& parts) {
    const bool classes = has_classes(parts);
    std::vector<TensorInfo> out = {{.name = classes ? "probabilities" : "prediction",
                                    .type = ElementType::float64,
                                    .shape = {-1, is_binary(parts) ? 2 : parts.outputs},
                                    .scale = classes ? Scale::probability : Scale::raw}};
    if (parts.link != Link::identity)
        out.push_back(
            {.name = "margin", .type = ElementType::float64, .shape = {-1, parts.outputs}});
    return out;
}

Tensor predictions(const EnsembleParts& parts, std::vector<double> margins, int64_t rows) {
    if (!is_binary(parts)) {
        apply_link(parts.link, parts.outputs, margins);
        return Tensor::of<double>({rows, parts.outputs}, margins);
    }
    // The first class is the logistic function of -m: as exact as the second, and never 1 - p.
    Tensor both(ElementType::float64, {rows, 2});
    std::vector<double> first = margins;
    for (double& m : first) m = -m;
    apply_link(parts.link, 1, first);
    apply_link(parts.link, 1, margins);
    for (int64_t row = 0; row < rows; ++row) {
        both.as<double>()[2 * row] = first[row];
        both.as<double>()[2 * row + 1] = margins[row];
    }
    return both;
}

}  // namespace

EnsembleModel::EnsembleModel(Ensemble ensemble)
    : ensemble_(std::move(ensemble)),
      predictor_(ensemble_),
      inputs_{
          {.name = "features", .type = ElementType::float64, .shape = {-1, ensemble_.features()}}},
      outputs_(outputs_of(ensemble_.parts())) {}

Batch EnsembleModel::predict(const Batch& inputs, const Run& run) const {
    run.check();
    const Tensor& given = inputs.at(inputs_[0].name);
    const ElementType type = given.type();
    if (given.rank() != 2 || given.rows() < 1 || given.shape()[1] != ensemble_.features() ||
        (type != ElementType::float64 && type != ElementType::float32))
        throw Error(ErrorKind::input, "the ensemble reads rows of numbers " +
                                          to_string(inputs_[0].shape) + ", not " +
                                          std::string(name(type)) + " " + to_string(given.shape()));
    const int64_t rows = given.rows(), features = ensemble_.features();
    std::vector<double> margins =
        type == ElementType::float64
            ? predictor_.margins(
                  MatrixView<const double>{given.as<double>().data(), rows, features}, run)
            : predictor_.margins(MatrixView<const float>{given.as<float>().data(), rows, features},
                                 run);
    return answers(std::move(margins));
}

Batch EnsembleModel::answers(std::vector<double> margins) const {
    const EnsembleParts& parts = ensemble_.parts();
    const int64_t rows = std::ssize(margins) / parts.outputs;
    Batch out;
    out.add(outputs_[0].name, predictions(parts, margins, rows));
    if (outputs_.size() > 1)
        out.add(outputs_[1].name, Tensor::of<double>({rows, parts.outputs}, margins));
    return out;
}

std::vector<std::string> EnsembleModel::class_labels() const {
    const std::vector<std::string>& names = ensemble_.parts().output_names;
    const bool fits = static_cast<int64_t>(names.size()) == outputs_[0].shape[1];
    return has_classes(ensemble_.parts()) && fits ? names : std::vector<std::string>{};
}

}  // namespace whence::trees
