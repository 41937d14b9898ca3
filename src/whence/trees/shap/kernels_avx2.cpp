#define WHENCE_ISA avx2
#include "whence/trees/shap/kernels.inc"
