#include "whence/gradients/input_x_gradient.h"

#include "whence/gradients/inquiry.h"

namespace whence {

using namespace gradients;  // the helpers of this folder

Explanation InputXGradient::explain(const Batch& input, const Target& target,
                                    const Run& run) const {
    Inquiry inquiry("input-x-gradient", model_, input, target, {.input = options_.input}, run);
    const std::vector<double> baseline = inquiry.baseline(options_.baseline);
    inquiry.expect(2);
    std::vector<double> values = inquiry.gradient_at_input();
    for (size_t i = 0; i < values.size(); ++i) values[i] *= inquiry.x()[i] - baseline[i];
    return inquiry.finish(values,
                          {.baseline = describe(options_.baseline),
                           .baseline_value = inquiry.value_at(baseline, " at the baseline")},
                          {{"baseline", describe(options_.baseline)}});
}

}  // namespace whence
