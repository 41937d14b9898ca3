#pragma once
// The same network with other weights: layers drawn anew as if nobody had trained them.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "whence/graph/graph.h"

namespace whence::graph {

/// A node with weights that training sets, and those weights.
struct WeightedLayer {
    std::string name;  ///< the tensor it makes, its bias added
    std::string op;    ///< of its node
    std::vector<std::string> weights;  ///< constants, a bias among them
    double bound = 0;  ///< they are drawn uniformly from [-bound, bound]; 0: as said at randomise
};

/// Layers in the order in which they run, so the last is the top: Conv, ConvTranspose, Gemm, MatMul with a
/// constant (and the constant Add of a vector right after it), embeddings (Gather of a constant of numbers with a
/// fraction), LSTM, GRU and RNN. Normalisation layers are none: their scale, shift and statistics are kept. Nor are
/// weights inside bodies, of other operators, or not constant (quantised). Weights that two layers share
/// belong to the first of them.
[[nodiscard]] std::vector<WeightedLayer> weighted_layers(const Graph& graph);

/// The graph with the weights of `layers` drawn anew. Conv, ConvTranspose, Gemm and MatMul: weights and bias uniform in
/// +-1/sqrt(inputs of one of their neurons), which is PyTorch's reset_parameters (He et al. 2015 with a = sqrt 5).
/// Others: normal, of the mean and the standard deviation that the constant has. What a constant
/// becomes depends on the seed and its place in weighted_layers alone: one randomised layer more leaves the others as they are.
/// `layers`: numbers in weighted_layers. Throws Error(usage) for one that does not exist.
[[nodiscard]] Graph randomise(const Graph& graph, std::span<const int64_t> layers, uint64_t seed);

/// The same weights for networks that differ in which layers are drawn anew, each layer drawn once.
class RandomisedWeights {
 public:
    RandomisedWeights(const Graph& graph, uint64_t seed);
    [[nodiscard]] int64_t layers() const { return static_cast<int64_t>(trained_.size()); }
    /// The weights of all layers by name: those of `layers` drawn, the others as they were. Throws as randomise.
    [[nodiscard]] Constants with(std::span<const int64_t> layers) const;

 private:
    std::vector<Constants> trained_, drawn_;  // of each layer
};

}  // namespace whence::graph
