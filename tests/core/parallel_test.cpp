#include "whence/core/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "core/support.h"

namespace whence {
namespace {

whence::Run with_threads(int threads) {
    whence::Run run;
    run.threads = threads;
    return run;
}

// Blocks of a sum of numbers that do not add up the same in another order.
std::vector<double> block_sums(int threads) {
    std::vector<double> sums(37);
    parallel_for(with_threads(threads), 3700 - 50, 100, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i)
            sums[begin / 100] += std::sin(static_cast<double>(i)) / 3;
    });
    return sums;
}

TEST(Parallel, CoversTheRangeOnce) {
    for (const int threads : {0, 1, 2, 8})
        for (const int64_t count : {0, 1, 7, 100, 1001})
            for (const int64_t grain : {0, 1, 3, 100, 5000}) {
                std::vector<std::atomic<int>> visits(static_cast<size_t>(count));
                parallel_for(with_threads(threads), count, grain, [&](int64_t begin, int64_t end) {
                    EXPECT_LT(begin, end);
                    EXPECT_LE(end - begin, std::max<int64_t>(1, grain));
                    for (int64_t i = begin; i < end; ++i) ++visits[i];
                });
                for (const auto& visit : visits) ASSERT_EQ(visit, 1);
            }
}

TEST(Parallel, HugeGrainDoesNotOverflow) {
    int64_t covered = 0;
    parallel_for(with_threads(2), 10, std::numeric_limits<int64_t>::max(),
                 [&](int64_t begin, int64_t end) { covered += end - begin; });
    EXPECT_EQ(covered, 10);
}

TEST(Parallel, SameBitsForAnyNumberOfThreads) {
    const std::vector<double> one = block_sums(1);
    for (const int threads : {2, 3, 8}) EXPECT_EQ(block_sums(threads), one) << threads;
}

TEST(Parallel, ExceptionsComeBack) {
    for (const int threads : {1, 8}) {
        std::atomic<int> done = 0;
        const auto work = [&](int64_t begin, int64_t) {
            if (begin == 13) throw Error(ErrorKind::model, "block 13");
            ++done;
        };
        const std::string line = testing::error_of(ErrorKind::model, [&] {
            return parallel_for(with_threads(threads), 1000, 1, work), 0;
        });
        EXPECT_EQ(line, "block 13");
        EXPECT_LT(done, 1000);
        EXPECT_THROW(parallel_for(with_threads(threads), 4, 1,
                                  [](int64_t, int64_t) { throw std::bad_alloc(); }),
                     std::bad_alloc);
    }
}

TEST(Parallel, StopEndsItBetweenBlocks) {
    for (const int threads : {1, 8}) {
        std::stop_source source;
        whence::Run run = with_threads(threads);
        run.stop = source.get_token();
        std::atomic<int> done = 0;
        testing::error_of(ErrorKind::interrupted, [&] {
            return parallel_for(run, 10000, 1,
                                [&](int64_t, int64_t) {
                                    if (++done == 10) source.request_stop();
                                }),
                   0;
        });
        EXPECT_LT(done, 1000);
    }
}

TEST(Parallel, DeadlineEndsIt) {
    whence::Run run = with_threads(2);
    run.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
    int done = 0;
    testing::error_of(ErrorKind::limit, [&] {
        return parallel_for(run, 10, 1, [&](int64_t, int64_t) { ++done; }), 0;
    });
    EXPECT_EQ(done, 0);
}

TEST(Parallel, Nests) {
    std::atomic<int64_t> sum = 0;
    parallel_for(with_threads(4), 20, 1, [&](int64_t, int64_t) {
        parallel_for(with_threads(4), 20, 3,
                     [&](int64_t begin, int64_t end) { sum += end - begin; });
    });
    EXPECT_EQ(sum, 400);
}

// TBB warns on stderr when more threads are asked for than there are cores; a library never prints.
TEST(Parallel, ManyThreadsPrintNothing) {
    ::testing::internal::CaptureStderr();
    ::testing::internal::CaptureStdout();
    std::atomic<int64_t> sum = 0;
    parallel_for(with_threads(500), 1000, 1, [&](int64_t begin, int64_t) { sum += begin; });
    EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
    EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
    EXPECT_EQ(sum, 999 * 500);
}

TEST(Parallel, ThreadCount) {
    EXPECT_EQ(thread_count(with_threads(3)), 3);
    EXPECT_GE(thread_count(with_threads(0)), 1);
    EXPECT_GE(thread_count(with_threads(-1)), 1);
}

TEST(Run, ChecksStopAndDeadline) {
    whence::Run run;
    run.check();
    run.deadline = std::chrono::steady_clock::now() + std::chrono::hours(1);
    run.check();
    run.deadline = std::chrono::steady_clock::now() - std::chrono::milliseconds(1);
    testing::expect_within(testing::error_of(ErrorKind::limit, [&] { return run.check(), 0; }),
                           "time limit");
    std::stop_source source;
    run.stop = source.get_token();
    source.request_stop();  // the user's wish comes first
    testing::expect_within(
        testing::error_of(ErrorKind::interrupted, [&] { return run.check(), 0; }), "stopped");
}

TEST(Run, ReportsOnlyToWhoListens) {
    whence::Run run;
    run.report("work", 1, 2);
    std::string heard;
    run.progress = [&](std::string_view what, int64_t done, int64_t total) {
        heard = std::string(what) + std::to_string(done) + "/" + std::to_string(total);
    };
    run.report("work ", 1, 2);
    EXPECT_EQ(heard, "work 1/2");
}

}  // namespace
}  // namespace whence
