#include "whence/trees/shap/isa.h"

#include <algorithm>
#include <string>
#include <vector>

#include "whence/core/error.h"

namespace whence::trees {
namespace {

std::vector<Isa> detect() {
    std::vector<Isa> found{Isa::plain};
#ifdef WHENCE_X86_KERNELS
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found.push_back(Isa::avx2);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw"))
        found.push_back(Isa::avx512);
#endif
    return found;
}

}  // namespace

std::span<const Isa> available_isas() {
    static const std::vector<Isa> found = detect();
    return found;
}

Isa resolve(Isa wanted) {
    const std::span<const Isa> found = available_isas();
    if (wanted == Isa::best) return found.back();
    if (std::ranges::find(found, wanted) == found.end())
        throw Error(ErrorKind::unsupported, "this machine has no " + std::string(name(wanted)) +
                                                ": choose another isa, or best");
    return wanted;
}

std::string_view name(Isa isa) {
    switch (isa) {
        case Isa::best:
            return "best";
        case Isa::plain:
            return "plain";
        case Isa::avx2:
            return "avx2";
        case Isa::avx512:
            return "avx512";
    }
    return "?";
}

}  // namespace whence::trees
