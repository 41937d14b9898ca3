#include "whence/gradients/line_path.h"

#include <algorithm>
#include <limits>

namespace whence::gradients {
namespace {

template <class T>
void place_rows(std::span<T> rows, std::span<const T> input, std::span<const double> from,
                std::span<const double> direction, std::span<const double> positions) {
    T* to = rows.data();
    for (const double position : positions) {
        // The input itself is asked as it stands: x0 + (x - x0) may round to its neighbour.
        if (position == 1)
            std::ranges::copy(input, to);
        else
            for (size_t i = 0; i < input.size(); ++i)
                to[i] = static_cast<T>(from[i] + position * direction[i]);
        to += input.size();
    }
}

template <class T>
double read_row(std::span<const T> row, std::span<const double> direction,
                std::vector<double>& out) {
    double slope = 0;
    for (size_t i = 0; i < row.size(); ++i) {
        out[i] = static_cast<double>(row[i]);
        slope += out[i] * direction[i];
    }
    return slope;
}

}  // namespace

LinePath::LinePath(const DifferentiableModel& model, const Batch& input,
                   const ExplainedInput& explained, const Tensor& baseline, OpenTarget& target,
                   const Run& run)
    : model_(model),
      input_(input),
      explained_(explained),
      target_(target),
      run_(run),
      from_(baseline.to_doubles()),
      direction_(explained.value->to_doubles()) {
    for (size_t i = 0; i < from_.size(); ++i) direction_[i] -= from_[i];
}

int64_t LinePath::preferred_batch() const {
    return std::max<int64_t>(1, model_.preferred_batch());
}

double LinePath::epsilon() const {
    return explained_.precision == ElementType::float64
               ? std::numeric_limits<double>::epsilon()
               : static_cast<double>(std::numeric_limits<float>::epsilon());
}

void LinePath::place(std::span<const double> positions) {
    const auto count = static_cast<int64_t>(positions.size());
    if (rows_.rows() != count) rows_ = input_.repeat_row(count);
    Tensor& rows = rows_[explained_.position].value;
    if (rows.type() == ElementType::float64)
        place_rows<double>(rows.as<double>(), explained_.value->as<double>(), from_, direction_,
                           positions);
    else
        place_rows<float>(rows.as<float>(), explained_.value->as<float>(), from_, direction_,
                          positions);
}

GradientResult LinePath::ask(std::span<const double> positions, bool with_gradient) {
    run_.check();
    place(positions);
    GradientRequest request = target_.request();
    if (with_gradient) request.gradients = {explained_.name};
    GradientResult result = model_.run(rows_, request, run_);
    if (evaluations_ + gradient_evaluations_ == 0) target_.settle(result);
    for (const double value : result.target) check_model_number(value, "output along the path");
    (with_gradient ? gradient_evaluations_ : evaluations_) += rows_.rows();
    const int64_t done = evaluations_ + gradient_evaluations_;
    run_.report("integrated-gradients", done, std::max(done, total_));
    return result;
}

std::vector<double> LinePath::values(std::span<const double> positions) {
    std::vector<double> values;
    const auto batch = static_cast<size_t>(preferred_batch());
    for (size_t first = 0; first < positions.size(); first += batch) {
        const auto part = positions.subspan(first, std::min(batch, positions.size() - first));
        const GradientResult result = ask(part, false);
        values.insert(values.end(), result.target.begin(), result.target.end());
    }
    return values;
}

void LinePath::gradients(std::span<const double> positions, const PointSink& sink) {
    const auto batch = static_cast<size_t>(preferred_batch());
    const size_t size = direction_.size();
    std::vector<double> gradient(size);
    for (size_t first = 0; first < positions.size(); first += batch) {
        const auto part = positions.subspan(first, std::min(batch, positions.size() - first));
        const GradientResult result = ask(part, true);
        const Tensor& rows = result.gradients.at(0);
        for (size_t row = 0; row < part.size(); ++row) {
            const double slope =
                rows.type() == ElementType::float64
                    ? read_row(rows.as<double>().subspan(row * size, size), direction_, gradient)
                    : read_row(rows.as<float>().subspan(row * size, size), direction_, gradient);
            // NaN and infinity survive every product and sum, so the slope tells of them all.
            check_model_number(slope, "gradient along the path");
            sink({part[row], result.target[row], slope, gradient});
        }
    }
}

}  // namespace whence::gradients
