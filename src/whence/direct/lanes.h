#pragma once
// Sixteen numbers at once: one register, two or four, as the processor has them. Private to this
// folder.
//
// Loops of fixed length over arrays would be unrolled into single numbers before compilers make
// vectors of them.

#include <cstdint>

namespace whence::direct {

constexpr int64_t lanes = 16;

/// Anywhere in memory, as floats are.
typedef float Floats __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t Ints __attribute__((vector_size(64)));

inline const Floats& floats_at(const float* values) {
    return *reinterpret_cast<const Floats*>(values);
}
inline Floats& floats_at(float* values) {
    return *reinterpret_cast<Floats*>(values);
}

}  // namespace whence::direct
