#pragma once
// A binary tree over the players: who is joined with whom first.

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "whence/core/run.h"
#include "whence/core/tensor.h"

namespace whence {

/// Nodes 0 to M - 1 are the players; merge k joins two nodes into node M + k, as in SciPy's linkage.
/// The last merge is the root: M - 1 merges for M players, none for one.
struct Hierarchy {
    std::vector<std::array<int32_t, 2>> merges;
};

/// Throws Error(input) unless the merges make one tree of all players.
void check(const Hierarchy& hierarchy, int64_t players);

/// Neighbours joined, halves of halves: for words in a row.
[[nodiscard]] Hierarchy balanced_hierarchy(int64_t players);

/// Players in a row, as words in a text: gaps[i] is how strongly something parts player i from
/// i + 1. Each part is cut at its widest gap, of several at the one nearest its middle; where all
/// are the same it is the balanced one. There is one player more than there are gaps.
[[nodiscard]] Hierarchy gap_hierarchy(std::span<const uint8_t> gaps);

/// Each part cut at the middle across its longer side: for superpixels and pixels by their centres
/// (`positions`: [players, 2] row and column). As shap cuts images.
[[nodiscard]] Hierarchy bisecting_hierarchy(std::span<const double> positions);

/// The trees of several groups of players, each group numbered after those before it, under one
/// root: the groups are joined one after the other. `players` of each, at least 1.
[[nodiscard]] Hierarchy joined_hierarchy(std::span<const Hierarchy> trees,
                                         std::span<const int64_t> players);

/// The centre of each segment 0, 1, ... of `segments` (int32 [height, width]): row and column.
[[nodiscard]] std::vector<double> segment_centres(const Tensor& segments);

/// Complete linkage of the columns of `rows` (row-major, finite) at distance 1 - |correlation|, so
/// that what moves together is joined first; columns of one value are at distance 1 of all. Cost:
/// rows x columns^2 + columns^3 at worst; Error(limit) above 4096 columns.
[[nodiscard]] Hierarchy correlation_hierarchy(std::span<const double> rows, int64_t columns,
                                              const Run& run);

}  // namespace whence
