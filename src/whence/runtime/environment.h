#pragma once
// What all models of a process share: one pool of threads and one limit of memory.

#include <cstdint>

namespace whence {

struct RuntimeOptions {
    int threads = 0;      ///< of the pool that models share; 0: one per core
    uint64_t memory = 0;  ///< bytes that model runs may use; 0: 80 % of the machine's memory
};

/// Call before the first model is loaded; later calls throw Error(usage). Never needed for defaults.
void configure_runtime(const RuntimeOptions& options);

/// Threads of the shared pool.
[[nodiscard]] int runtime_threads();

/// Version of the ONNX Runtime library in use, e.g. "1.30.0".
[[nodiscard]] const char* runtime_version();

}  // namespace whence
