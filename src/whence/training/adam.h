#pragma once
// One step of Adam. Private to this folder.

#include <cstdint>
#include <span>
#include <vector>

namespace whence::training {

/// Kingma, Ba 2015, "Adam: a method for stochastic optimization", algorithm 1, for one tensor of
/// weights; beta 0.9 and 0.999, epsilon 1e-8, as in PyTorch. One pass over memory.
class Adam {
  public:
    Adam(int64_t weights, double learning_rate) : rate_(learning_rate), mean_(weights), square_(weights) {}
    /// Moves the weights against their gradient.
    void step(std::span<float> weights, std::span<const float> gradient);

  private:
    double rate_;
    int64_t steps_ = 0;
    std::vector<float> mean_, square_;  ///< moving averages of the gradient and of its square
};

}  // namespace whence::training
