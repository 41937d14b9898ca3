#pragma once
// TensorProto to Tensor and back.

#include <filesystem>
#include <optional>

#include "whence/core/tensor.h"
#include "whence_onnx.pb.h"

namespace whence::graph {

/// Element type for an ONNX data type number; none for those Whence does not read.
[[nodiscard]] std::optional<ElementType> element_type(int32_t data_type);
[[nodiscard]] int32_t data_type(ElementType type);

/// none: an element type we only carry through. Throws Error(model) if the data do not fit the
/// shape, or external data lie outside `folder` or are of a type we only carry through.
[[nodiscard]] std::optional<Tensor> read_tensor(const onnx::TensorProto& proto,
                                                const std::filesystem::path& folder);
[[nodiscard]] onnx::TensorProto write_tensor(const Tensor& tensor, const std::string& name);
/// Name, type and shape; the elements are external data.
[[nodiscard]] onnx::TensorProto write_description(const Tensor& tensor, const std::string& name);

}  // namespace whence::graph
