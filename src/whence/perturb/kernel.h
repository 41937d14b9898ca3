#pragma once
// How much a sample counts: lime's kernel of its distance to the input.

#include <cstdint>
#include <span>

#include "whence/perturb/lime.h"

namespace whence::perturb {

/// exp(-d^2 / (2 width^2)), or a function of d and width; d the distance in interpretable features.
struct Kernel {
    Distance distance = Distance::euclidean;
    double width = 1;
    double unit = 1;  ///< what distances are multiplied by: texts count in hundredths
    KernelFunction function;

    /// -log of the weight: d^2 / (2 width^2), or infinite where a function gives 0. Throws Error(usage)
    /// for what no weight can be.
    [[nodiscard]] double exponent(std::span<const double> sample,
                                  std::span<const double> input) const;
    /// The same for players of which `on` out of `players` are on in the sample, and all in the
    /// input.
    [[nodiscard]] double exponent(int64_t on, int64_t players) const;
    [[nodiscard]] double weight(std::span<const double> sample,
                                std::span<const double> input) const;
    [[nodiscard]] double weight(int64_t on, int64_t players) const;
};

}  // namespace whence::perturb
