#pragma once
// The coalitions that shap 0.5x asks about, and how much each counts (shap/explainers/_kernel.py).

#include <cstdint>
#include <vector>

namespace whence::shapley {

struct KernelSamples {
    std::vector<std::vector<uint8_t>> masks;  ///< one byte for each player
    std::vector<double> weights;
    bool whole = false;  ///< all coalitions but nobody and everybody

    void add(const std::vector<uint8_t>& mask, double weight) {
        masks.push_back(mask);
        weights.push_back(weight);
    }
};

/// `wanted` coalitions, 0: 2 M + 2048 for M players; no more than there are.
[[nodiscard]] int64_t compatible_budget(int64_t players, int64_t wanted);

/// They depend on the number of players (2 or more), the budget and the seed alone: all games of
/// one size can share them.
[[nodiscard]] KernelSamples compatible_samples(int64_t players, int64_t budget, uint64_t seed);

}  // namespace whence::shapley
