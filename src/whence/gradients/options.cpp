#include "whence/gradients/options.h"

#include <fmt/format.h>

#include "whence/core/error.h"

namespace whence::gradients {
namespace {

constexpr int64_t most = 1'000'000;

}  // namespace

void require_count(const char* method, const char* option, int64_t value, int64_t least) {
    if (value >= least && value <= most) return;
    throw Error(ErrorKind::usage, fmt::format("{}: {} must be from {} to {}, not {}", method,
                                              option, least, most, value));
}

void require_range(const char* method, const char* option, double value, double low, double high) {
    if (value >= low && value <= high) return;
    throw Error(ErrorKind::usage, fmt::format("{}: {} must be from {} to {}, not {}", method,
                                              option, low, high, value));
}

}  // namespace whence::gradients
