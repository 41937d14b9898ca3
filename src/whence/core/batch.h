#pragma once
// Named tensors that share their first dimension: what goes into a model and what comes out.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "whence/core/tensor.h"

namespace whence {

struct NamedTensor {
    std::string name;
    Tensor value;
};

class Batch {
 public:
    Batch() = default;
    /// One unnamed tensor: for a model with one input the name may stay empty.
    Batch(Tensor tensor) { add("", std::move(tensor)); }  // NOLINT: one-input models stay one line
    explicit Batch(std::vector<NamedTensor> tensors);

    /// Throws Error(input) if the number of rows differs from the tensors already there.
    void add(std::string name, Tensor value);

    [[nodiscard]] int64_t rows() const { return tensors_.empty() ? 0 : tensors_[0].value.rows(); }
    [[nodiscard]] size_t size() const { return tensors_.size(); }
    [[nodiscard]] bool empty() const { return tensors_.empty(); }
    [[nodiscard]] const std::vector<NamedTensor>& tensors() const { return tensors_; }
    [[nodiscard]] std::vector<NamedTensor>& tensors() { return tensors_; }
    [[nodiscard]] const NamedTensor& operator[](size_t i) const { return tensors_[i]; }
    [[nodiscard]] NamedTensor& operator[](size_t i) { return tensors_[i]; }

    /// The tensor of that name; an only, unnamed tensor answers to every name.
    /// find returns nullptr, at throws Error(input) naming what is there.
    [[nodiscard]] const Tensor* find(std::string_view name) const;
    [[nodiscard]] const Tensor& at(std::string_view name) const;

    [[nodiscard]] Batch slice_rows(int64_t first, int64_t count) const;
    /// The one row repeated. Needs rows() == 1.
    [[nodiscard]] Batch repeat_row(int64_t count) const;

 private:
    std::vector<NamedTensor> tensors_;
};

}  // namespace whence
