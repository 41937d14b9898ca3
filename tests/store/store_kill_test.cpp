// Processes: killed while they write, reading while another writes.

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <thread>

#include "store/vectors.h"
#include "whence/core/error.h"
#include "whence/store/writer.h"

namespace whence::store {
namespace {

using testing::clip;
using testing::clustered;
using testing::Folder;

const Run alone{.threads = 1};  // children of fork have no other threads

// The vector of an entry in its `version`-th state: anybody can make it again.
std::vector<float> vector_of(int64_t number, int64_t version) {
    return clustered(1, 16, static_cast<uint64_t>(number * 1000 + version));
}

Entry entry_of(int64_t number, int64_t version) {
    return {.path = "p" + std::to_string(number), .hash = std::to_string(version)};
}

struct Report {
    int64_t number, version;  ///< version -1: removed
};

void tell(int pipe, const std::vector<Report>& reports) {
    const size_t size = reports.size() * sizeof(Report);
    if (::write(pipe, reports.data(), size) != static_cast<ssize_t>(size)) ::_exit(3);
}

// Puts, replaces, removes, compacts, makes graphs, and reports what was done after it was done.
[[noreturn]] void write_for_ever(const std::filesystem::path& folder, int64_t round, int pipe) {
    try {
        Writer writer(folder, clip, {.graph_from = 200});
        for (int64_t step = 0;; ++step) {
            std::vector<Entry> entries;
            std::vector<float> vectors;
            std::vector<Report> reports;
            for (int64_t i = 0; i < 20; ++i) {
                const int64_t number = (step * 13 + i) % 500, version = round * 10000 + step;
                entries.push_back(entry_of(number, version));
                const auto vector = vector_of(number, version);
                vectors.insert(vectors.end(), vector.begin(), vector.end());
                reports.push_back({number, version});
            }
            writer.put(Kind::image, entries, vectors, alone);
            tell(pipe, reports);
            if (step % 3 == 1) {
                const int64_t number = (step * 29) % 500;
                if (const auto item = writer.find(Kind::image, entry_of(number, 0).path)) {
                    writer.remove(std::vector<int64_t>{item->id});
                    tell(pipe, {{number, -1}});
                }
            }
            if (step % 7 == 3) writer.finish(alone);
            if (step % 11 == 5) writer.compact(alone);
        }
    } catch (const std::exception& error) {
        std::fprintf(stderr, "the writer failed: %s\n", error.what());
        ::_exit(2);
    }
}

TEST(StoreKill, NothingThatWasReportedIsLost) {
    const Folder folder;
    std::map<int64_t, int64_t> told;  // number: version
    Rng rng(1, 1, 1);
    int64_t reports_read = 0;
    for (int64_t round = 0; round < 40; ++round) {
        int pipe[2];
        ASSERT_EQ(::pipe(pipe), 0);
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            ::close(pipe[0]);
            write_for_ever(folder / "s", round, pipe[1]);
        }
        ::close(pipe[1]);
        // Some calls are waited for, however slow the machine is; the kill comes somewhere in what
        // follows.
        Report report{};
        const auto read_one = [&] {
            if (::read(pipe[0], &report, sizeof report) != sizeof report) return false;
            told[report.number] = report.version;
            ++reports_read;
            return true;
        };
        for (uint64_t wait = 20 * rng.below(8); wait > 0; --wait) ASSERT_TRUE(read_one());
        std::this_thread::sleep_for(std::chrono::microseconds(rng.below(15'000)));
        ::kill(child, SIGKILL);
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself";
        // What of one call was under way may be there as well: of the entries of the step after the
        // last report the newer version is right, too.
        while (read_one()) {
        }
        ::close(pipe[0]);
        if (!std::filesystem::exists(folder / "s/store.db") || told.empty()) continue;
        Store store(folder / "s");
        std::map<int64_t, int64_t> there;
        store.each(Kind::image, [&](const Item& item) {
            there[std::stoll(item.path.substr(1))] = std::stoll(item.hash);
        });
        int64_t unreported = 0;
        for (int64_t number = 0; number < 500; ++number) {
            const auto was = told.find(number);
            const int64_t expected = was == told.end() ? -1 : was->second;
            const int64_t found = there.contains(number) ? there[number] : -1;
            if (found == expected) continue;
            ++unreported;
            EXPECT_TRUE(found == -1 || found > expected) << "p" << number << " went back";
            told[number] = found;
        }
        EXPECT_LE(unreported, 20) << "of one call at most";
        EXPECT_TRUE(unreported == 0 || unreported == 1 || unreported == 20)
            << "whole or not at all";
        for (const auto& [number, version] : there) {
            const auto found =
                store.search(vector_of(number, version), {.k = 1, .exact = true}, alone);
            ASSERT_EQ(found.size(), 1u);
            ASSERT_EQ(found.front().item.path, entry_of(number, 0).path);
            ASSERT_GT(found.front().score, 0.999999);
            // By the graph, where there is one.
            ASSERT_FALSE(
                store.search(vector_of(number, version), {.k = 3, .effort = 3}, alone).empty());
        }
    }
    EXPECT_GT(reports_read, 1000) << "the writers were killed before they wrote";
    EXPECT_NO_THROW(Writer(folder / "s", clip).compact(alone));
}

// Searches until the writer is done; everything found must be whole and in order.
[[noreturn]] void read_until(const std::filesystem::path& folder, int pipe) {
    try {
        Store store(folder);
        char byte = 0;
        int64_t searches = 0;
        while (::read(pipe, &byte, 1) < 0 || searches < 10) {
            const auto query = clustered(1, 16, static_cast<uint64_t>(++searches));
            const auto found = store.search(
                query, {.k = 30, .exact = searches % 2 == 0, .embeddings = true}, alone);
            if (!std::ranges::is_sorted(found, std::greater(), &Found::score)) ::_exit(4);
            for (const Found& one : found) {
                const auto vector =
                    vector_of(std::stoll(one.item.path.substr(1)), std::stoll(one.item.hash));
                for (size_t j = 0; j < vector.size(); ++j)
                    if (std::abs(vector[j] - one.embedding[j]) > 1e-6f) ::_exit(5);
            }
        }
        ::_exit(0);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "a reader failed: %s\n", error.what());
        ::_exit(2);
    }
}

TEST(StoreReaders, SeeWholeStatesWhileAnotherProcessWrites) {
    const Folder folder;
    { const Writer writer(folder / "s", clip); }
    int pipe[2];
    ASSERT_EQ(::pipe2(pipe, O_NONBLOCK), 0);
    std::vector<pid_t> readers;
    for (int i = 0; i < 2; ++i) {
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            ::close(pipe[1]);
            read_until(folder / "s", pipe[0]);
        }
        readers.push_back(child);
    }
    ::close(pipe[0]);
    int unused[2];
    ASSERT_EQ(::pipe(unused), 0);
    const pid_t writer = ::fork();
    ASSERT_GE(writer, 0);
    if (writer == 0) {
        ::close(pipe[1]);
        write_for_ever(folder / "s", 1, unused[1]);
    }
    ::close(unused[1]);
    Report report{};
    for (int i = 0; i < 1200 && ::read(unused[0], &report, sizeof report) == sizeof report; ++i) {
    }
    ::kill(writer, SIGKILL);
    ::waitpid(writer, nullptr, 0);
    ::close(unused[0]);
    ::close(pipe[1]);  // readers read the end of it
    for (const pid_t reader : readers) {
        int status = 0;
        ::waitpid(reader, &status, 0);
        EXPECT_TRUE(WIFEXITED(status));
        EXPECT_EQ(WEXITSTATUS(status), 0);
    }
}

}  // namespace
}  // namespace whence::store
