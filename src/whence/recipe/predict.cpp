#include "whence/recipe/predict.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "whence/core/error.h"
#include "whence/data/table_model.h"

namespace whence::recipe {
namespace {

const TensorInfo& explained_output(const Model& model, const std::string& name) {
    for (const TensorInfo& output : model.outputs()) {
        const bool numbers = output.type == ElementType::float32 ||
                             output.type == ElementType::float64 ||
                             output.type == ElementType::float16;
        if (name.empty() ? numbers : output.name == name) return output;
    }
    if (name.empty()) throw Error(ErrorKind::unsupported, "no output holds floating-point numbers");
    std::string have;
    for (const TensorInfo& output : model.outputs())
        have += (have.empty() ? "" : ", ") + printable(output.name, 60);
    throw Error(ErrorKind::usage, "no output '" + printable(name) + "'; the model has: " + have);
}

// One score for each class: a row of numbers, not a map or a sequence.
bool over_classes(const Tensor& output) {
    return output.rank() >= 2 && output.shape()[1] == output.row_size() && output.row_size() > 1;
}

}  // namespace

Batch predict(const Subject& subject, const Input& input, const Run& run) {
    if (!input.is_table()) return subject.model().predict(input.batch, run);
    return data::TableModel(subject.model(), input.schema).predict(Batch(*input.row), run);
}

Scores scores_of(const Subject& subject, const Batch& outputs, const std::string& output) {
    const TensorInfo& info = explained_output(subject.model(), output);
    const Tensor& tensor = outputs.at(info.name);
    Scores scores{.output = info.name, .values = tensor.to_doubles()};
    scores.classes = info.scale != Scale::raw || over_classes(tensor);
    scores.softmax = scores.classes && info.scale == Scale::raw;
    if (scores.classes)
        scores.values = convert_scores(scores.values, info.scale, Scale::probability);
    return scores;
}

std::vector<NamedScore> largest(const Subject& subject, const Scores& scores, int64_t top) {
    std::vector<int64_t> order(scores.values.size());
    std::iota(order.begin(), order.end(), 0);
    const auto key = [&](int64_t i) {
        return std::isnan(scores.values[i]) ? -HUGE_VAL : scores.values[i];
    };
    std::ranges::stable_sort(order, std::greater<>{}, key);
    std::vector<NamedScore> out;
    for (const int64_t i : order) {
        if (static_cast<int64_t>(out.size()) == top) break;
        out.push_back({subject.label(i), scores.values[i], i});
    }
    return out;
}

}  // namespace whence::recipe
