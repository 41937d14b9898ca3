#include "whence/gradients/relu_rules.h"

#include "whence/core/error.h"
#include "whence/gradients/inquiry.h"

namespace whence {

using namespace gradients;  // the helpers of this folder

ReluRules::ReluRules(const DifferentiableModel& model, Options options)
    : model_(model), options_(std::move(options)) {
    if (options_.rules != Rules::guided && options_.rules != Rules::deconvolution)
        throw Error(ErrorKind::usage, "rules at a ReLU are guided or deconvolution");
}

Explanation ReluRules::explain(const Batch& input, const Target& target, const Run& run) const {
    const bool guided = options_.rules == Rules::guided;
    Inquiry inquiry(guided ? "guided-backprop" : "deconvolution", model_, input, target,
                    {.input = options_.input}, run);
    return inquiry.finish(
        inquiry.gradient_at_input(options_.rules),
        {.baseline = "none",
         .no_error_because = "negative influence is thrown away at every ReLU, so the values are "
                             "the gradient of no function and add up to nothing"},
        {});
}

}  // namespace whence
