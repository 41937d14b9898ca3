#pragma once
// A dense network as it is read from a graph. Private to this folder.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "whence/direct/parts.h"
#include "whence/mask/masked_scores.h"

namespace whence::direct {

enum class Function { none, relu, tanh, sigmoid, softmax };

/// function(in * weights + bias), weights [in][out].
struct Layer {
    int64_t in = 0, out = 0;
    std::vector<double> weights, bias;
    Function function = Function::none;
};

/// From the columns of `input` to the model's `output`, layer after layer.
[[nodiscard]] std::shared_ptr<const MaskedScorer> scorer_of(const MatrixInput& input, std::string output,
                                                            const std::vector<Layer>& layers);

}  // namespace whence::direct
