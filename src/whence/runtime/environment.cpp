#include "whence/runtime/environment.h"

#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <thread>

#include "whence/core/error.h"
#include "whence/runtime/ort.h"

namespace whence {
namespace {

std::mutex mutex;
RuntimeOptions chosen;
bool started = false;

uint64_t machine_memory() {
    return static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

// ONNX Runtime writes its log to stderr; a library never prints. Errors come back as exceptions.
void silent(void*, OrtLoggingLevel, const char*, const char*, const char*, const char*) {}

Ort::Env start(const RuntimeOptions& options) {
    Ort::ThreadingOptions threads;
    threads.SetGlobalIntraOpNumThreads(options.threads);
    threads.SetGlobalInterOpNumThreads(1);
    Ort::Env env(threads, silent, nullptr, ORT_LOGGING_LEVEL_FATAL, "whence");
    // One arena for all sessions: it refuses what exceeds the limit instead of exhausting the machine.
    const Ort::ArenaCfg arena(options.memory, -1, -1, -1);
    env.CreateAndRegisterAllocator(Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault), arena);
    return env;
}

}  // namespace

void configure_runtime(const RuntimeOptions& options) {
    const std::lock_guard lock(mutex);
    if (started) throw Error(ErrorKind::usage, "threads and memory must be set before the first model is loaded");
    chosen = options;
}

namespace runtime {

Ort::Env& environment() {
    static Ort::Env env = [] {
        const std::lock_guard lock(mutex);
        started = true;
        if (chosen.threads <= 0) chosen.threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
        if (chosen.memory == 0) chosen.memory = machine_memory() / 5 * 4;
        return start(chosen);
    }();
    return env;
}

}  // namespace runtime

int runtime_threads() {
    (void)runtime::environment();
    return chosen.threads;
}

const char* runtime_version() { return OrtGetApiBase()->GetVersionString(); }

}  // namespace whence
