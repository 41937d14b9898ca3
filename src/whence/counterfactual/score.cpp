#include "whence/counterfactual/score.h"

#include <algorithm>
#include <map>

#include "whence/core/error.h"

namespace whence::counterfactual {
namespace {

constexpr double difference = 0.01;  // MAD
constexpr size_t most_cells = size_t{1} << 22;

// Which rows have which class.
std::map<int64_t, std::vector<size_t>> grouped(const std::vector<int64_t>& classes) {
    std::map<int64_t, std::vector<size_t>> out;
    for (size_t i = 0; i < classes.size(); ++i) out[classes[i]].push_back(i);
    return out;
}

Batch selected(const Batch& rows, const std::vector<size_t>& which) {
    if (static_cast<int64_t>(which.size()) == rows.rows()) return rows;
    const Tensor& all = rows[0].value;
    const auto width = static_cast<size_t>(all.row_size());
    Shape shape = all.shape();
    shape[0] = static_cast<int64_t>(which.size());
    Tensor out(ElementType::float64, std::move(shape));
    for (size_t i = 0; i < which.size(); ++i)
        std::ranges::copy(all.as<double>().subspan(which[i] * width, width),
                          out.as<double>().begin() + static_cast<int64_t>(i * width));
    Batch batch;
    batch.add(rows[0].name, std::move(out));
    return batch;
}

}  // namespace

Score::Score(const Model& model, const DifferentiableModel* differentiable, const Oracle& oracle,
             std::vector<size_t> moving, const Run& run)
    : model_(model),
      differentiable_(differentiable),
      oracle_(oracle),
      moving_(std::move(moving)),
      run_(run) {}

std::vector<Score::Point> Score::at(const std::vector<State>& states) {
    return differentiable_ ? by_gradient(states) : by_differences(states);
}

// The target for a class: the probability of it; the target itself where a range is wanted.
ResolvedTarget Score::target_for(int64_t index) const {
    const ResolvedTarget& own = oracle_.judge().target();
    if (index < 0) return own;
    Target target{.output = own.output,
                  .index = own.classes == 1 ? 0 : index,
                  .minus = std::nullopt,
                  .scale = Scale::probability};
    Batch row;
    row.add(oracle_.input_name(), oracle_.row(oracle_.input()));
    return resolve(target, model_, row, Scale::probability, run_);
}

// An output of one probability is that of class 1.
bool Score::turned(int64_t index) const {
    return index == 0 && oracle_.judge().target().classes == 1;
}

std::vector<int64_t> Score::classes_at(const Batch& outputs) const {
    const Judge& judge = oracle_.judge();
    const auto rows = static_cast<size_t>(outputs.rows());
    if (judge.wanted().range) return std::vector<int64_t>(rows, -1);
    if (judge.wanted().index) return std::vector<int64_t>(rows, *judge.wanted().index);
    if (judge.target().classes == 1) return std::vector<int64_t>(rows, 1 - judge.original().answer);
    const std::vector<double> scores = outputs.at(judge.target().output).to_doubles();
    const int64_t classes = judge.target().classes, here = judge.original().answer;
    std::vector<int64_t> out(rows);
    for (size_t row = 0; row < rows; ++row) {
        out[row] = here == 0 ? 1 : 0;
        const auto score = [&](int64_t c) {
            return scores[row * static_cast<size_t>(classes) + static_cast<size_t>(c)];
        };
        for (int64_t c = 0; c < classes; ++c)
            if (c != here && score(c) > score(out[row])) out[row] = c;
    }
    return out;
}

Batch Score::rows(const std::vector<State>& states) const {
    const Tensor first = oracle_.row(oracle_.input());
    const auto width = static_cast<size_t>(first.size());
    Shape shape = first.shape();
    shape[0] = static_cast<int64_t>(states.size());
    Tensor out(ElementType::float64, std::move(shape));
    for (size_t i = 0; i < states.size(); ++i)
        std::ranges::copy(oracle_.row(states[i]).as<double>(),
                          out.as<double>().begin() + static_cast<int64_t>(i * width));
    Batch batch;
    batch.add(oracle_.input_name(), std::move(out));
    return batch;
}

Batch Score::predict(const Batch& batch) {
    run_.check();
    evaluations_ += batch.rows();
    return model_.predict(batch, run_);
}

std::vector<double> Score::values(const Batch& outputs, const std::vector<int64_t>& classes) const {
    std::vector<double> out(classes.size());
    for (const auto& [index, which] : grouped(classes)) {
        const std::vector<double> all = target_values(target_for(index), outputs);
        for (const size_t i : which) out[i] = turned(index) ? 1 - all[i] : all[i];
    }
    return out;
}

std::vector<Score::Point> Score::by_gradient(const std::vector<State>& states) {
    const Batch batch = rows(states);
    const Batch outputs = predict(batch);
    const std::vector<int64_t> classes = classes_at(outputs);
    const std::vector<double> at = values(outputs, classes);
    std::vector<Point> points(states.size());
    const TensorInfo& input = differentiable_->inputs().at(0);
    for (const auto& [index, which] : grouped(classes)) {
        Batch part;
        part.add(input.name, selected(batch, which)[0].value.cast(input.type));
        GradientRequest request = request_for(target_for(index));
        request.gradients = {input.name};
        const GradientResult result = differentiable_->run(part, request, run_);
        gradient_evaluations_ += part.rows();
        const std::vector<double> gradients = result.gradients.at(0).to_doubles();
        const size_t width = gradients.size() / which.size();
        for (size_t i = 0; i < which.size(); ++i) {
            Point& point = points[which[i]];
            point.value = at[which[i]];
            for (const size_t f : moving_) {
                const FeatureInfo& feature = oracle_.features()[f];
                const double slope = gradients[i * width + static_cast<size_t>(feature.columns[0])];
                point.gradient.push_back((turned(index) ? -slope : slope) * feature.scale);
            }
        }
    }
    return points;
}

std::vector<Score::Point> Score::by_differences(const std::vector<State>& states) {
    const Batch outputs = predict(rows(states));
    const std::vector<int64_t> classes = classes_at(outputs);
    const std::vector<double> at = values(outputs, classes);
    std::vector<Point> points(states.size());
    const size_t at_once = std::clamp<size_t>(most_cells / states[0].size(), 1, 4096) / 2 + 1;
    for (size_t i = 0; i < states.size(); ++i) {
        points[i].value = at[i];
        for (size_t first = 0; first < moving_.size(); first += at_once) {
            const size_t count = std::min(at_once, moving_.size() - first);
            std::vector<State> pairs(2 * count, states[i]);
            for (size_t k = 0; k < count; ++k) {
                const size_t f = moving_[first + k];
                const double step = difference * oracle_.features()[f].scale;
                pairs[2 * k][f] += step;
                pairs[2 * k + 1][f] -= step;
            }
            const std::vector<double> sides =
                values(predict(rows(pairs)), std::vector<int64_t>(pairs.size(), classes[i]));
            for (size_t k = 0; k < count; ++k)
                points[i].gradient.push_back((sides[2 * k] - sides[2 * k + 1]) / (2 * difference));
        }
    }
    return points;
}

}  // namespace whence::counterfactual
