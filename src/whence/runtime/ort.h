#pragma once
// ONNX Runtime's C++ interface, and the environment every session lives in.

#include <onnxruntime_cxx_api.h>

namespace whence::runtime {

[[nodiscard]] Ort::Env& environment();

}  // namespace whence::runtime
