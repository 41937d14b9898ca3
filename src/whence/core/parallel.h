#pragma once
// Work spread over cores. Blocks are cut by `grain` alone, so results do not depend on the threads.

#include <cstdint>
#include <functional>

#include "whence/core/run.h"

namespace whence {

/// Calls work(begin, end) for blocks of at most `grain` that cover [0, count), on up to run.threads
/// threads (0: one per core). The first exception thrown by a block is rethrown here; a stop request
/// ends it between blocks with Error(interrupted).
void parallel_for(const Run& run, int64_t count, int64_t grain,
                  const std::function<void(int64_t begin, int64_t end)>& work);

/// Threads that run.threads stands for.
[[nodiscard]] int thread_count(const Run& run);

}  // namespace whence
