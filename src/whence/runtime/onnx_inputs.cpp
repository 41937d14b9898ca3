// What callers give a model, checked before anything runs: inputs, references, classes.

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "whence/core/error.h"
#include "whence/runtime/gradient_graph.h"
#include "whence/runtime/onnx_state.h"

namespace whence {

using runtime::is_float;

// ONNX Runtime takes a negative index for one from the end, and the gradient's seed does not.
void OnnxModel::State::check_classes(const GradientRequest& request) const {
    const auto output = std::ranges::find(outputs, request.output, &TensorInfo::name);
    const bool known = output != outputs.end() && !output->shape.empty() &&
                       std::none_of(output->shape.begin() + 1, output->shape.end(), [](int64_t length) { return length < 0; });
    const int64_t classes = known ? element_count(std::span(output->shape).subspan(1)) : std::numeric_limits<int64_t>::max();
    for (const int64_t index : {request.index.value_or(0), request.minus.value_or(0)})
        if (index < 0 || index >= classes)
            throw Error(ErrorKind::usage, fmt::format("class {} does not exist in output '{}'", index, printable(request.output)) +
                                              (known ? fmt::format(", which has {} (numbered from 0)", classes) : ""));
}

std::vector<const Tensor*> OnnxModel::State::checked(const Batch& batch, std::vector<Tensor>& converted) const {
    if (batch.empty() || batch.rows() < 1) throw Error(ErrorKind::input, "the input has no rows");
    std::vector<const Tensor*> tensors;
    converted.reserve(inputs.size());  // pointers into it stay valid
    for (const TensorInfo& info : inputs) {
        const Tensor& given = batch.at(info.name);
        const bool fits = given.rank() == static_cast<int64_t>(info.shape.size()) || info.shape.empty();
        bool lengths = fits;
        for (size_t d = 1; fits && d < info.shape.size(); ++d)
            lengths = lengths && (info.shape[d] < 0 || info.shape[d] == given.shape()[d]);
        if (!lengths) {
            Shape wanted = info.shape;
            if (!wanted.empty()) wanted[0] = -1;
            throw Error(ErrorKind::input, fmt::format("input '{}' has shape {}; the model reads {}", printable(info.name),
                                                      to_string(given.shape()), to_string(wanted)));
        }
        if (given.type() != info.type && !(is_float(given.type()) && is_float(info.type)))
            throw Error(ErrorKind::input, fmt::format("input '{}' holds {}; the model reads {}", printable(info.name),
                                                      name(given.type()), name(info.type)));
        if (given.type() != info.type) converted.push_back(given.cast(info.type));
        tensors.push_back(given.type() == info.type ? &given : &converted.back());
    }
    return tensors;
}

std::vector<const Tensor*> OnnxModel::State::references(const GradientRequest& request,
                                                        const std::vector<const Tensor*>& tensors,
                                                        std::vector<Tensor>& converted, Batch& repeated) const {
    if (!request.reference) throw Error(ErrorKind::usage, "DeepLIFT needs a reference to compare with");
    const int64_t rows = tensors.at(0)->rows();
    if (request.reference->rows() != 1 && request.reference->rows() != rows)
        throw Error(ErrorKind::input, fmt::format("the reference has {} rows; one is needed, or one for each of {}",
                                                  request.reference->rows(), rows));
    repeated = request.reference->rows() == rows ? *request.reference : request.reference->repeat_row(rows);
    const std::vector<std::string> compared = runtime::compared_inputs(graph);
    // What is not compared is the row's own: a reference that says otherwise would be ignored.
    for (size_t i = 0; i < inputs.size(); ++i) {
        if (std::ranges::find(compared, inputs[i].name) != compared.end()) continue;
        const Tensor* given = repeated.find(inputs[i].name);
        if (given && !(*given == *tensors[i]))
            throw Error(ErrorKind::input,
                        fmt::format("the reference differs in input '{}', which holds {}: only numbers with a fraction "
                                    "can be compared; explain a layer instead, such as the embedding",
                                    printable(inputs[i].name), name(inputs[i].type)));
        if (!given) repeated.add(inputs[i].name, *tensors[i]);
    }
    std::vector<const Tensor*> all = checked(repeated, converted), references;
    for (size_t i = 0; i < inputs.size(); ++i)
        if (std::ranges::find(compared, inputs[i].name) != compared.end()) references.push_back(all[i]);
    return references;
}

}  // namespace whence
