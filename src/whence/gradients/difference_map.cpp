#include "whence/gradients/difference_map.h"

#include "whence/gradients/explained_input.h"
#include "whence/gradients/input_x_gradient.h"

namespace whence {

using namespace gradients;  // the helpers of this folder

namespace {

// [1, K, H, W] to [1, 1, H, W].
Tensor sum_channels(const Tensor& values) {
    if (values.rank() < 4) return values;
    Shape shape = values.shape();
    const std::vector<double> all = values.to_doubles();
    const size_t channels = shape[1], pixels = all.size() / channels;
    std::vector<double> map(pixels, 0.0);
    for (size_t k = 0; k < channels; ++k)
        for (size_t p = 0; p < pixels; ++p) map[p] += all[k * pixels + p];
    shape[1] = 1;
    return attribution_tensor(map, Tensor(values.type(), shape));
}

}  // namespace

Explanation DifferenceMap::explain(const Batch& input, const Target& target, const Run& run) const {
    const InputXGradient products(model_, {options_.baseline, options_.input});
    Explanation explanation = products.explain(input, target, run);
    explanation.attribution.values = sum_channels(explanation.attribution.values);
    explanation.provenance.method = "difference-map";
    return explanation;
}

}  // namespace whence
