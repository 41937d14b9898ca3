#include "whence/experiment/study.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <fstream>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "whence/core/error.h"
#include "whence/core/parallel.h"
#include "whence/experiment/ledger.h"
#include "whence/experiment/unit.h"

namespace whence::experiment {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto glance = std::chrono::milliseconds(100);

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

// The rows that should stand in the ledger, taken one after another from what stands there, then
// written.
class Rows {
  public:
    explicit Rows(Ledger& ledger) : ledger_(ledger) {}

    [[nodiscard]] int64_t left() const { return std::ssize(ledger_.rows()) - next_; }
    void skip(int64_t rows) { next_ += rows; }
    // Those already there must be the same.
    void add(std::span<const std::string> rows) {
        const auto known = static_cast<size_t>(std::clamp<int64_t>(left(), 0, std::ssize(rows)));
        for (size_t i = 0; i < known; ++i)
            if (ledger_.rows()[next_ + static_cast<int64_t>(i)] != rows[i])
                throw Error(ErrorKind::input,
                            fmt::format("row {} of the ledger is not what comes out here: it was "
                                        "made by another machine or build, and is not continued",
                                        next_ + static_cast<int64_t>(i) + 2));
        ledger_.add(rows.subspan(known));
        next_ += std::ssize(rows);
    }

  private:
    Ledger& ledger_;
    int64_t next_ = 0;
};

// Trainings done by threads of their own; results are waited for in order.
class Pool {
  public:
    Pool(const Spec& spec, const std::vector<Unit>& units, size_t first,
         const std::vector<LoadedSet>& sets, const Run& run)
        : spec_(spec),
          units_(units),
          sets_(sets),
          next_(first),
          run_(run),
          forward_(run.stop, Stop{stop_}) {
        run_.stop = stop_.get_token();
        run_.threads = 1;
        run_.progress = nullptr;
        run_.early = nullptr;
        const auto wanted = std::min<size_t>(thread_count(run), units.size() - first);
        for (size_t i = 0; i < wanted; ++i) threads_.emplace_back([this] { work(); });
    }
    ~Pool() { stop_.request_stop(); }  // the threads are joined after that
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    /// The result of unit `i`, or none if it takes longer than a glance. Rethrows what went wrong.
    std::optional<UnitResult> wait_for(size_t i) {
        std::unique_lock lock(mutex_);
        arrived_.wait_for(lock, glance, [&] { return done_.contains(i) || failure_; });
        if (const auto found = done_.find(i); found != done_.end()) {
            UnitResult out = std::move(found->second);
            done_.erase(found);
            return out;
        }
        if (failure_) std::rethrow_exception(failure_);
        return std::nullopt;
    }

  private:
    struct Stop {
        std::stop_source& source;
        void operator()() const { source.request_stop(); }
    };

    void work() {
        while (!run_.stop.stop_requested()) {
            const size_t i = next_.fetch_add(1);
            if (i >= units_.size()) return;
            try {
                UnitResult result = run_unit(spec_, units_[i], sets_[units_[i].data_set], run_);
                const std::lock_guard lock(mutex_);
                done_.emplace(i, std::move(result));
            } catch (...) {
                const std::lock_guard lock(mutex_);
                if (!failure_) failure_ = std::current_exception();
                stop_.request_stop();
            }
            arrived_.notify_all();
        }
    }

    const Spec& spec_;
    const std::vector<Unit>& units_;
    const std::vector<LoadedSet>& sets_;
    std::atomic<size_t> next_;
    std::stop_source stop_;
    Run run_;
    std::stop_callback<Stop> forward_;
    std::mutex mutex_;
    std::condition_variable arrived_;
    std::map<size_t, UnitResult> done_;
    std::exception_ptr failure_;
    std::vector<std::jthread> threads_;
};

// Of no weight: what it cannot write is not missed.
void note_seconds(const std::filesystem::path& ledger, size_t unit, const UnitResult& result) {
    std::ofstream file(ledger.string() + ".seconds", std::ios::app);
    file << nlohmann::ordered_json{{"training", unit},
                                   {"training-seconds", result.training},
                                   {"explaining-seconds", result.explaining},
                                   {"measuring-seconds", result.measuring}}
                .dump()
         << "\n";
}

}  // namespace

std::vector<Unit> units_of(const Spec& spec) {
    std::vector<Unit> out;
    for (int64_t set = 0; set < std::ssize(spec.data_sets); ++set)
        for (int64_t architecture = 0; architecture < std::ssize(spec.architectures);
             ++architecture)
            for (int64_t iteration = 0; iteration < spec.iterations; ++iteration)
                for (int64_t fold = 0; fold < spec.folds; ++fold)
                    out.push_back({set, architecture, iteration, fold});
    return out;
}

Outcome run_study(const Spec& spec, const std::filesystem::path& data,
                  const std::filesystem::path& path, const Run& run) {
    const Clock::time_point start = Clock::now();
    std::vector<LoadedSet> sets;
    std::vector<std::string> fingerprints;
    for (const DataSetSpec& set : spec.data_sets) {
        run.check();
        sets.push_back(load(spec, set, data));
        fingerprints.push_back(sets.back().fingerprint);
    }
    Ledger ledger(path, header(spec, fingerprints));
    Rows rows(ledger);
    for (size_t i = 0; i < sets.size(); ++i) {
        const std::string row = to_json(describe(spec, spec.data_sets[i], sets[i], run));
        rows.add(std::span(&row, 1));
    }
    const std::vector<Unit> units = units_of(spec);
    size_t next = 0;
    while (next < units.size()) {
        const int64_t count = row_count(spec, units[next], sets[units[next].data_set]);
        if (rows.left() < count) break;
        rows.skip(count);
        ++next;
    }
    Outcome out{.units = std::ssize(units), .found = static_cast<int64_t>(next)};
    if (next < units.size()) {
        Pool pool(spec, units, next, sets, run);
        while (next < units.size()) {
            run.report("trainings", static_cast<int64_t>(next), out.units);
            run.check();
            const std::optional<UnitResult> result = pool.wait_for(next);
            if (!result) continue;
            rows.add(result->rows);
            note_seconds(path, next, *result);
            out.training += result->training;
            out.explaining += result->explaining;
            out.measuring += result->measuring;
            ++next;
        }
        run.report("trainings", out.units, out.units);
    }
    out.seconds = seconds_since(start);
    return out;
}

}  // namespace whence::experiment
