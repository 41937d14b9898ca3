#pragma once
// A batch cut into parts that run on their own.

#include <cstdint>
#include <functional>
#include <vector>

#include "whence/core/run.h"
#include "whence/core/tensor.h"

namespace whence::runtime {

/// Outputs of `rows` rows of the inputs.
using RunPart = std::function<std::vector<Tensor>(const std::vector<const Tensor*>& inputs, int64_t rows)>;

/// Cuts the inputs into parts of the given sizes (which add up to their rows), runs them on up to
/// `threads` threads, and puts the outputs back together. Sizes never depend on the threads, so
/// results do not either.
[[nodiscard]] std::vector<Tensor> run_parts(const std::vector<const Tensor*>& inputs,
                                            const std::vector<int64_t>& sizes, int threads,
                                            const Run& run, const RunPart& run_part);

/// Whole parts of `size`, then single rows: two sizes serve every number of rows.
[[nodiscard]] std::vector<int64_t> whole_parts_and_singles(int64_t rows, int64_t size);

}  // namespace whence::runtime
