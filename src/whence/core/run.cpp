#include "whence/core/run.h"

#include "whence/core/error.h"
#include "whence/core/version.h"

namespace whence {

std::string_view version() { return WHENCE_VERSION; }

void Run::check() const {
    if (stop.stop_requested()) throw Error(ErrorKind::interrupted, "stopped before it was finished");
    if (deadline != std::chrono::steady_clock::time_point::max() &&
        std::chrono::steady_clock::now() > deadline)
        throw Error(ErrorKind::limit, "the time limit was reached before it was finished");
}

}  // namespace whence
