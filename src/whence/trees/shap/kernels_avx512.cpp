#define WHENCE_ISA avx512
#include "whence/trees/shap/kernels.inc"
