// Compiled by ctest, never run: a method gets the capability it needs or does not compile.

#include "whence/gradients/input_x_gradient.h"
#include "whence/gradients/integrated_gradients.h"
#include "whence/gradients/saliency.h"

#ifdef BLACK_BOX
using Given = whence::Model;
#else
using Given = whence::DifferentiableModel;
#endif

whence::METHOD method(const Given& model) { return whence::METHOD(model); }
