#include "whence/trees/shap/kernels.h"

namespace whence::trees {

#define WHENCE_DECLARE_KERNELS(isa)              \
    namespace isa {                              \
    extern const Kernels<float> float_kernels;   \
    extern const Kernels<double> double_kernels; \
    }
WHENCE_DECLARE_KERNELS(plain)
#ifdef WHENCE_X86_KERNELS
WHENCE_DECLARE_KERNELS(avx2)
WHENCE_DECLARE_KERNELS(avx512)
#endif

template <>
const Kernels<float>& kernels(Isa isa) {
#ifdef WHENCE_X86_KERNELS
    if (isa == Isa::avx512) return avx512::float_kernels;
    if (isa == Isa::avx2) return avx2::float_kernels;
#endif
    return plain::float_kernels;
}

template <>
const Kernels<double>& kernels(Isa isa) {
#ifdef WHENCE_X86_KERNELS
    if (isa == Isa::avx512) return avx512::double_kernels;
    if (isa == Isa::avx2) return avx2::double_kernels;
#endif
    return plain::double_kernels;
}

}  // namespace whence::trees
