#pragma once
// The networks that are trained, as ONNX graphs. Private to this folder.

#include <string>
#include <vector>

#include "whence/training/training.h"

namespace whence::training {

inline constexpr const char* pixels_input = "pixels";
inline constexpr const char* logits_tensor = "logits";
inline constexpr const char* probabilities_output = "probabilities";

/// The untrained network, every initializer of it a tensor of weights or biases.
[[nodiscard]] graph::Graph network(const data::LabelledImages& images, const Options& options, uint64_t seed);

}  // namespace whence::training
