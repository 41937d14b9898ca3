#include "whence/training/adam.h"

#include <cmath>

#include "whence/core/vector_clones.h"

namespace whence::training {
namespace {

constexpr double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;

struct Rates {
    float step;    ///< alpha / (1 - beta1^t)
    float spread;  ///< sqrt(1 - beta2^t)
};

// The bias corrections are taken out of the loop, as in the last lines of the paper's section 2.
WHENCE_VECTOR_CLONES void update(float* __restrict weights, const float* __restrict gradient, float* __restrict mean,
                                 float* __restrict square, int64_t count, Rates rates) {
    constexpr auto old1 = static_cast<float>(beta1), new1 = static_cast<float>(1 - beta1);
    constexpr auto old2 = static_cast<float>(beta2), new2 = static_cast<float>(1 - beta2);
    constexpr auto least = static_cast<float>(epsilon);
    for (int64_t i = 0; i < count; ++i) {
        mean[i] = old1 * mean[i] + new1 * gradient[i];
        square[i] = old2 * square[i] + new2 * gradient[i] * gradient[i];
        weights[i] -= rates.step * mean[i] / (std::sqrt(square[i]) / rates.spread + least);
    }
}

}  // namespace

void Adam::step(std::span<float> weights, std::span<const float> gradient) {
    ++steps_;
    const auto t = static_cast<double>(steps_);
    const Rates rates{.step = static_cast<float>(rate_ / (1 - std::pow(beta1, t))),
                      .spread = static_cast<float>(std::sqrt(1 - std::pow(beta2, t)))};
    update(weights.data(), gradient.data(), mean_.data(), square_.data(), static_cast<int64_t>(weights.size()), rates);
}

}  // namespace whence::training
