#include "whence/core/parallel.h"

#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <thread>

namespace whence {

int thread_count(const Run& run) {
    return run.threads > 0 ? run.threads
                           : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

void parallel_for(const Run& run, int64_t count, int64_t grain,
                  const std::function<void(int64_t, int64_t)>& work) {
    grain = std::max<int64_t>(1, grain);
    const int64_t blocks = (count + grain - 1) / grain;
    const auto block = [&](int64_t i) {
        run.check();
        work(i * grain, std::min(count, (i + 1) * grain));
    };
    const int threads = static_cast<int>(std::min<int64_t>(thread_count(run), blocks));
    if (threads <= 1) {
        for (int64_t i = 0; i < blocks; ++i) block(i);
        return;
    }
    oneapi::tbb::task_arena arena(threads);
    arena.execute([&] { oneapi::tbb::parallel_for(int64_t{0}, blocks, block); });
}

}  // namespace whence
