#include "whence/core/batch.h"

#include "whence/core/error.h"

namespace whence {

Batch::Batch(std::vector<NamedTensor> tensors) {
    for (NamedTensor& tensor : tensors) add(std::move(tensor.name), std::move(tensor.value));
}

void Batch::add(std::string name, Tensor value) {
    if (!tensors_.empty() && value.rows() != rows())
        throw Error(ErrorKind::input, "input '" + printable(name) + "' has " +
                                          std::to_string(value.rows()) + " rows, '" +
                                          printable(tensors_[0].name) + "' has " +
                                          std::to_string(rows()));
    tensors_.push_back({std::move(name), std::move(value)});
}

const Tensor* Batch::find(std::string_view name) const {
    for (const NamedTensor& tensor : tensors_)
        if (tensor.name == name || (tensors_.size() == 1 && tensor.name.empty()))
            return &tensor.value;
    return nullptr;
}

const Tensor& Batch::at(std::string_view name) const {
    if (const Tensor* tensor = find(name)) return *tensor;
    std::string have;
    for (const NamedTensor& tensor : tensors_)
        have += (have.empty() ? "'" : ", '") + printable(tensor.name) + "'";
    throw Error(ErrorKind::input, "no tensor named '" + printable(name) + "'; there " +
                                      (have.empty() ? "is nothing" : "is " + have));
}

Batch Batch::slice_rows(int64_t first, int64_t count) const {
    Batch out;
    for (const NamedTensor& tensor : tensors_)
        out.add(tensor.name, tensor.value.slice_rows(first, count));
    return out;
}

Batch Batch::repeat_row(int64_t count) const {
    Batch out;
    for (const NamedTensor& tensor : tensors_) out.add(tensor.name, tensor.value.repeat_row(count));
    return out;
}

}  // namespace whence
