#pragma once
#include "whence/graph/passes/expansion.h"

namespace whence::graph {

/// Recurrent layers written out, step by step; the number of steps must be known.
std::vector<std::string> lstm(const Expansion& e);
std::vector<std::string> gru(const Expansion& e);
std::vector<std::string> rnn(const Expansion& e);

}  // namespace whence::graph
