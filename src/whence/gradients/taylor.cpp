#include "whence/gradients/taylor.h"

#include <algorithm>
#include <cmath>

#include "whence/core/error.h"
#include "whence/gradients/line_path.h"

namespace whence {

using namespace gradients;  // the helpers of this folder

namespace {

struct Choice {
    TaylorOptions::About about;
    std::string_view name;
    double position;  ///< on the line from the baseline to the input
};
constexpr Choice choices[] = {{TaylorOptions::About::input, "input", 1},
                              {TaylorOptions::About::baseline, "baseline", 0},
                              {TaylorOptions::About::midpoint, "midpoint", 0.5}};

const Choice& choice_of(TaylorOptions::About about) {
    return *std::ranges::find(choices, about, &Choice::about);
}

// H d = the derivative of the gradient along the line. The step balances the truncation, h^2,
// against the rounding of gradients, epsilon / h.
void add_second_order(LinePath& path, double position, std::vector<double>& gradient) {
    const double step = std::cbrt(path.epsilon());
    const double sides[] = {position + step, position - step};
    path.gradients(sides, [&](const PathPoint& point) {
        const double sign = point.position > position ? 1 : -1;
        const double factor = (0.5 - position) * sign / (2 * step);
        for (size_t i = 0; i < gradient.size(); ++i) gradient[i] += factor * point.gradient[i];
    });
}

}  // namespace

TaylorOptions::About TaylorOptions::parse_about(std::string_view text) {
    for (const Choice& choice : choices)
        if (choice.name == text) return choice.about;
    throw Error(ErrorKind::usage,
                "no expansion about '" + printable(text) + "'; choose input, baseline or midpoint");
}

Taylor::Taylor(const DifferentiableModel& model, Options options)
    : model_(model), options_(std::move(options)) {
    if (options_.order != 1 && options_.order != 2)
        throw Error(ErrorKind::usage,
                    "taylor: order must be 1 or 2, not " + std::to_string(options_.order));
}

Explanation Taylor::explain(const Batch& input, const Target& target, const Run& run) const {
    const Choice& about = choice_of(options_.about);
    Inquiry inquiry("taylor", model_, input, target, {.input = options_.input}, run);
    const std::vector<double> baseline = inquiry.baseline(options_.baseline);
    LinePath path(inquiry, baseline);
    if (about.position != 1) (void)inquiry.value();  // the target is settled at the input

    std::vector<double> values;
    path.gradients({&about.position, 1}, [&](const PathPoint& point) {
        values.assign(point.gradient.begin(), point.gradient.end());
    });
    if (options_.order == 2 && about.position != 0.5)
        add_second_order(path, about.position, values);
    for (size_t i = 0; i < values.size(); ++i) values[i] *= path.direction()[i];
    return inquiry.finish(values,
                          {.baseline = describe(options_.baseline),
                           .baseline_value = inquiry.value_at(baseline, " at the baseline")},
                          {{"baseline", describe(options_.baseline)},
                           {"about", std::string(about.name)},
                           {"order", options_.order}});
}

}  // namespace whence
