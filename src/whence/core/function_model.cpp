#include "whence/core/function_model.h"

#include "whence/core/error.h"

namespace whence {
namespace {

bool fits(const Shape& given, const Shape& wanted) {
    if (given.size() != wanted.size()) return false;
    for (size_t d = 1; d < wanted.size(); ++d)
        if (wanted[d] >= 0 && wanted[d] != given[d]) return false;
    return true;
}

const TensorInfo& checked(const TensorInfo& info) {
    if (info.type == ElementType::string)
        throw Error(ErrorKind::usage, "a function reads and returns numbers, not text");
    if (info.shape.empty())
        throw Error(ErrorKind::usage,
                    "the shape of '" + printable(info.name) + "' needs a first dimension, the batch");
    return info;
}

}  // namespace

FunctionModel::FunctionModel(TensorInfo input, TensorInfo output, Function function, Options options)
    : inputs_{checked(input)},
      outputs_{checked(output)},
      function_(std::move(function)),
      options_(options) {
    if (options_.preferred_batch < 1 || options_.concurrency < 1)
        throw Error(ErrorKind::usage, "a function is asked at least one row at a time, by one thread");
}

Batch FunctionModel::predict(const Batch& inputs, const Run& run) const {
    run.check();
    const Tensor& given = inputs.at(inputs_[0].name);
    if (!fits(given.shape(), inputs_[0].shape) || given.rows() < 1)
        throw Error(ErrorKind::input, "the function reads rows of shape " +
                                          to_string(inputs_[0].shape) + ", not " +
                                          to_string(given.shape()));
    Tensor answer = given.type() == inputs_[0].type ? function_(given, run)
                                                    : function_(given.cast(inputs_[0].type), run);
    if (answer.rank() == 1) answer = std::move(answer).reshaped({answer.size(), 1});
    if (answer.type() == ElementType::string || !fits(answer.shape(), outputs_[0].shape) ||
        answer.rows() != given.rows())
        throw Error(ErrorKind::model, "the function returned " + std::string(name(answer.type())) +
                                          " " + to_string(answer.shape()) + " for " +
                                          std::to_string(given.rows()) + " rows; it should be " +
                                          to_string(outputs_[0].shape));
    return Batch({{outputs_[0].name, answer.cast(outputs_[0].type)}});
}

}  // namespace whence
