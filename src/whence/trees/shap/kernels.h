#pragma once
// The kernels of one processor.

#include <cstdint>

#include "whence/trees/shap/isa.h"
#include "whence/trees/shap/path_program.h"

namespace whence::trees {

template <class Scalar>
struct Kernels {
    int lanes;  ///< rows of a vector
    void (*walk_path)(const PathTree<Scalar>&, const Block<Scalar>&);
};

template <class Scalar>
[[nodiscard]] const Kernels<Scalar>& kernels(Isa isa);

}  // namespace whence::trees
