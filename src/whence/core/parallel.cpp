#include "whence/core/parallel.h"

#include <oneapi/tbb/info.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace whence {
namespace {

using Block = std::function<void(int64_t)>;

#ifdef __SANITIZE_THREAD__

// ThreadSanitizer cannot see how TBB's own library synchronises: it would report every task, or, told not
// to, none of our races either. Plain threads run the same blocks.
void spread(int threads, int64_t blocks, const Block& block) {
    std::atomic<int64_t> next = 0;
    std::mutex mutex;
    std::exception_ptr first;
    const auto work = [&] {
        try {
            for (int64_t i = next++; i < blocks; i = next++) block(i);
        } catch (...) {
            next = blocks;
            const std::lock_guard lock(mutex);
            if (!first) first = std::current_exception();
        }
    };
    {
        std::vector<std::jthread> others;
        for (int i = 1; i < threads; ++i) others.emplace_back(work);
        work();
    }
    if (first) std::rethrow_exception(first);
}

#else

void spread(int threads, int64_t blocks, const Block& block) {
    oneapi::tbb::task_arena arena(threads);
    arena.execute([&] { oneapi::tbb::parallel_for(int64_t{0}, blocks, block); });
}

#endif

}  // namespace

int thread_count(const Run& run) {
    return run.threads > 0 ? run.threads
                           : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

void parallel_for(const Run& run, int64_t count, int64_t grain,
                  const std::function<void(int64_t, int64_t)>& work) {
    grain = std::max<int64_t>(1, grain);
    const int64_t blocks = count / grain + (count % grain > 0);
    const auto block = [&](int64_t i) {
        run.check();
        const int64_t begin = i * grain;
        work(begin, begin + std::min(grain, count - begin));
    };
    // Asked for more threads than there are cores, TBB would warn on stderr and not start them.
    const int cores = oneapi::tbb::info::default_concurrency();
    const int threads = static_cast<int>(std::min<int64_t>({thread_count(run), cores, blocks}));
    if (threads <= 1) {
        for (int64_t i = 0; i < blocks; ++i) block(i);
        return;
    }
    spread(threads, blocks, block);
}

}  // namespace whence
