#define WHENCE_ISA plain
#include "whence/trees/shap/kernels.inc"
