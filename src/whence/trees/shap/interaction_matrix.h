#pragma once
// From what kernels of interactions add up to matrices.

#include <cstdint>

#include "whence/trees/shap/interactions.h"
#include "whence/trees/shap/path_compiler.h"

namespace whence::trees {

/// Trees whose sums are added up in one matrix. Many features: one, for the pairs of its own are
/// few.
inline int32_t trees_of_a_matrix(const Ensemble& ensemble) {
    return ensemble.features() <= 16 ? 32 : 1;
}

/// A pair takes half of its index `sum` at (f, e) and half at (e, f), from the rest of both values;
/// the value of f goes to (f, f).
template <class Scalar>
void add_to_matrix(const PathChunk<Scalar>& chunk, int64_t f, int64_t e, double sum, int64_t row,
                   TreeInteractionValues& to) {
    const auto at = [&](int64_t i, int64_t j) -> double& {
        return to.values[((row * to.features + chunk.slots[i]) * to.features + chunk.slots[j]) *
                             to.outputs +
                         chunk.output];
    };
    if (f == e) {
        at(f, f) += sum;
        return;
    }
    at(f, e) += sum / 2;
    at(e, f) += sum / 2;
    at(f, f) -= sum / 2;
    at(e, e) -= sum / 2;
}

/// The same for `count` rows from `first` on, from sums [slots, slots, stride].
template <class Scalar, class Sum>
void add_matrices(const PathChunk<Scalar>& chunk, const Sum* sums, int64_t stride, int64_t first,
                  int64_t count, TreeInteractionValues& to) {
    const auto slots = static_cast<int64_t>(chunk.slots.size());
    for (int64_t i = 0; i < count; ++i)
        for (int64_t f = 0; f < slots; ++f)
            for (int64_t e = 0; e < slots; ++e)
                add_to_matrix(chunk, f, e, static_cast<double>(sums[(f * slots + e) * stride + i]),
                              first + i, to);
}

}  // namespace whence::trees
