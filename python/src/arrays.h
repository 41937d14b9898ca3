#pragma once
// NumPy arrays and tensors, into each other.

#include <nanobind/nanobind.h>

#include <cstdint>
#include <span>
#include <string>

#include "whence/core/tensor.h"

namespace whence::python {

namespace nb = nanobind;

/// A copy of anything NumPy makes an array of: arrays of any layout, lists, tensors of PyTorch, data
/// frames. Text becomes a string tensor. Throws Error(input) beginning with `what` for the rest.
[[nodiscard]] Tensor to_tensor(nb::handle object, const char* what);

/// An array that owns the tensor. Text becomes an array of str.
[[nodiscard]] nb::object to_numpy(Tensor tensor);

/// A read-only array of somebody else's numbers, which `owner` keeps alive.
[[nodiscard]] nb::object view(const void* data, ElementType type, std::span<const int64_t> shape, nb::handle owner);

/// The dtype that holds such elements (str for text).
[[nodiscard]] nb::object numpy_dtype(ElementType type);

}  // namespace whence::python
