#pragma once
// How much a sample counts: lime's kernel of its distance to the input.

#include <cstdint>
#include <span>

#include "whence/perturb/lime.h"

namespace whence::perturb {

/// exp(-d^2 / (2 width^2)), d the distance in interpretable features.
struct Kernel {
    Distance distance = Distance::euclidean;
    double width = 1;

    /// d^2 / (2 width^2).
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
