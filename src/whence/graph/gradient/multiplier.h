#pragma once
// DeepLIFT, rescale rule (Shrikumar, Greenside, Kundaje 2017, "Learning Important Features Through
// Propagating Activation Differences", section 3.5.1): a multiplier m stands in for the slope, so
// that the sum of m (x - x0) over the inputs of an operator is y - y0 exactly, and by the chain
// rule (equation 3) so for the whole network. Products, which the paper leaves open, are split at
// the midpoint: ab - a0 b0 = (a - a0)(b + b0)/2 + (b - b0)(a + a0)/2.

#include <functional>

#include "whence/graph/gradient/rules.h"

namespace whence::graph {

/// numerator / (x - x0) where x and x0 differ by more than rounding, else `otherwise`.
[[nodiscard]] std::string quotient(Backward& n, const std::string& numerator, const std::string& x,
                                   const std::string& x0, const std::string& otherwise);

/// The node as its rule is to see it: a product of inputs that both differ from the reference gets
/// what lies half way between (also for layers past which something flows).
[[nodiscard]] Node half_way(Builder& b, const SweepNotes& notes, const Node& node);

/// Makes the slope that an elementwise rule gave a multiplier.
void rescale(Backward& n);

/// How an operator that picks the largest (or smallest) of some elements hands d to the ones
/// picked.
using Route =
    std::function<std::string(const std::string& x, const std::string& y, const std::string& d)>;

/// Gives the gradient of an operator that picks. Multipliers: with c the larger of y and y0, c - y0
/// is routed to what is picked in x, y - c to what is picked in x0; that element differs by at
/// least as much, so every multiplier is between 0 and 1 times d (for windows that do not overlap).
void give_picked(Backward& n, bool largest, const Route& route);

}  // namespace whence::graph
