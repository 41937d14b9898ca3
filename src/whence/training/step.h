#pragma once
// One step of training: forward and backward in one run of one graph. Private to this folder.

#include <memory>
#include <vector>

#include "whence/runtime/session.h"
#include "whence/training/adam.h"
#include "whence/training/training.h"

namespace whence::training {

/// The training graph of a network: its weights, the constants of its graph, become inputs, and the gradients
/// with respect to them outputs.
///
/// Inputs: pixels; "targets" [N, C], 1 for a row's class and 0 elsewhere; "share", by which each row's
/// loss counts (1 / N for the mean); the weights by name. Outputs: log probabilities [N, C], then the
/// gradient of the summed cross-entropy times share with respect to each tensor of weights, by name.
[[nodiscard]] graph::Graph training_graph(const graph::Graph& network, const Run& run);

/// A network whose weights move.
class Trainee {
  public:
    Trainee(const graph::Graph& network, const Options& options, const Run& run);

    /// One step of Adam on the mean loss of the pictures of these numbers. Returns the sum of their losses
    /// before the step.
    double step(const data::LabelledImages& images, std::span<const int64_t> numbers, const Run& run);
    /// The network with the weights as they are now.
    [[nodiscard]] graph::Graph network() const;

  private:
    struct Weights {
        std::string name;
        Tensor values, gradient;
        Adam adam;
    };

    /// What one step reads and writes beside the weights: all of one number of pictures.
    struct Buffers {
        Tensor pixels, targets, log_probabilities;
    };
    Buffers& buffers_for(const data::LabelledImages& images, int64_t pictures);

    graph::Graph network_;
    std::unique_ptr<runtime::Session> session_;
    std::vector<Weights> weights_;
    std::vector<Buffers> buffers_;  ///< of whole batches, and of the last one
};

}  // namespace whence::training
