#include "limits.h"

#include <sys/resource.h>
#include <unistd.h>

#include <charconv>
#include <cmath>
#include <string>

#include "whence/core/error.h"

namespace whence::cli {
namespace {

struct Unit {
    std::string_view name;
    double bytes;
};
constexpr Unit units[] = {
    {"", 1}, {"K", 1024.0}, {"M", 1024.0 * 1024}, {"G", 1073741824.0}, {"T", 1099511627776.0}};
// Code, thread stacks and the files that were read.
constexpr uint64_t own_memory = uint64_t{256} << 20;
constexpr double least = 16.0 * 1024 * 1024;

double machine_memory() {
    return static_cast<double>(::sysconf(_SC_PHYS_PAGES)) *
           static_cast<double>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

uint64_t parse_memory(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    std::string_view unit = text.substr(static_cast<size_t>(end - text.data()));
    double factor = unit == "%" ? machine_memory() / 100 : 0;
    if (unit.ends_with("B")) unit.remove_suffix(1);
    if (unit.ends_with("i")) unit.remove_suffix(1);
    for (const Unit& row : units)
        if (unit == row.name) factor = row.bytes;
    if (error != std::errc() || factor == 0 || !(value * factor >= least) || value * factor > 1e15)
        throw Error(ErrorKind::usage,
                    "--memory: '" + printable(text) +
                        "' is no amount of memory of at least 16M; examples: 4G, 500M, 60%");
    return static_cast<uint64_t>(value * factor);
}

void limit_process_memory([[maybe_unused]] uint64_t bytes) {
#if !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)  // their shadow memory is larger
    rlimit limit{};
    if (::getrlimit(RLIMIT_DATA, &limit) != 0) return;
    limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, bytes + own_memory);
    static_cast<void>(::setrlimit(RLIMIT_DATA, &limit));
#endif
}

}  // namespace whence::cli
