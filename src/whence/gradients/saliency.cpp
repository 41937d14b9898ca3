#include "whence/gradients/saliency.h"

#include <cmath>

#include "whence/gradients/inquiry.h"

namespace whence {

using namespace gradients;  // the helpers of this folder

Explanation Saliency::explain(const Batch& input, const Target& target, const Run& run) const {
    Inquiry inquiry("saliency", model_, input, target, {.input = options_.input}, run);
    std::vector<double> values = inquiry.gradient_at_input();
    if (options_.absolute)
        for (double& value : values) value = std::abs(value);
    return inquiry.finish(
        values,
        {.baseline = "a point infinitesimally near the input",
         .no_error_because = "a gradient explains what a small change of the input would do, not "
                             "the score itself"},
        {{"absolute", options_.absolute}});
}

}  // namespace whence
