#include "whence/gradients/line_path.h"

#include <algorithm>

namespace whence::gradients {
namespace {

constexpr const char* along = " along the path";

}  // namespace

LinePath::LinePath(Inquiry& inquiry, std::vector<double> baseline)
    : inquiry_(inquiry), from_(std::move(baseline)), direction_(inquiry.x()) {
    for (size_t i = 0; i < from_.size(); ++i) direction_[i] -= from_[i];
}

Place LinePath::place(std::span<const double> positions) const {
    return [this, positions](int64_t point, std::span<double> row) {
        const double position = positions[point];
        // The input itself is asked as it stands: x0 + (x - x0) may round to its neighbour.
        if (position == 1)
            std::ranges::copy(inquiry_.x(), row.begin());
        else
            for (size_t i = 0; i < row.size(); ++i) row[i] = from_[i] + position * direction_[i];
    };
}

std::vector<double> LinePath::values(std::span<const double> positions) {
    std::vector<double> values;
    inquiry_.ask({.points = std::ssize(positions),
                  .place = place(positions),
                  .gradient = false,
                  .where = along},
                 [&](const Answer& answer) { values.push_back(answer.value); });
    return values;
}

void LinePath::gradients(std::span<const double> positions, const PointSink& sink) {
    inquiry_.ask({.points = std::ssize(positions), .place = place(positions), .where = along},
                 [&](const Answer& answer) {
                     double slope = 0;
                     for (size_t i = 0; i < direction_.size(); ++i)
                         slope += answer.gradient[i] * direction_[i];
                     sink({positions[answer.point], answer.value, slope, answer.gradient});
                 });
}

}  // namespace whence::gradients
