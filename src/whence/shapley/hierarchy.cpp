#include "whence/shapley/hierarchy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "whence/core/error.h"

namespace whence {
namespace {

// Joins `members` (in order) under one node and returns it. `cut` says where the first part ends and
// may reorder them.
template <class Cut>
int32_t join(std::span<int32_t> members, const Cut& cut, int64_t players, Hierarchy& tree) {
    if (members.size() == 1) return members[0];
    const size_t middle = cut(members);
    const int32_t left = join(members.first(middle), cut, players, tree);
    const int32_t right = join(members.subspan(middle), cut, players, tree);
    tree.merges.push_back({left, right});
    return static_cast<int32_t>(players + static_cast<int64_t>(tree.merges.size()) - 1);
}

template <class Cut>
Hierarchy from_top(int64_t players, const Cut& cut) {
    Hierarchy tree;
    std::vector<int32_t> members(players);
    std::iota(members.begin(), members.end(), 0);
    if (players > 1) join(members, cut, players, tree);
    return tree;
}

// 1 - |r| of all pairs, row-major.
std::vector<double> correlation_distances(std::span<const double> rows, int64_t columns,
                                          const Run& run) {
    const int64_t count = columns == 0 ? 0 : static_cast<int64_t>(rows.size()) / columns;
    std::vector<double> scaled(rows.size());  // column by column, of length 1 about the mean
    for (int64_t c = 0; c < columns; ++c) {
        double* column = scaled.data() + c * count;
        double mean = 0, square = 0;
        for (int64_t r = 0; r < count; ++r) mean += rows[r * columns + c];
        mean /= static_cast<double>(std::max<int64_t>(1, count));
        for (int64_t r = 0; r < count; ++r) {
            column[r] = rows[r * columns + c] - mean;
            square += column[r] * column[r];
        }
        const double length = std::sqrt(square);
        for (int64_t r = 0; r < count; ++r) column[r] = length > 0 ? column[r] / length : 0;
    }
    std::vector<double> distances(columns * columns, 0.0);
    for (int64_t a = 0; a < columns; ++a) {
        run.check();
        for (int64_t b = 0; b < a; ++b)
            distances[a * columns + b] = distances[b * columns + a] =
                1 - std::min(1.0, std::abs(std::inner_product(
                                      scaled.data() + a * count, scaled.data() + (a + 1) * count,
                                      scaled.data() + b * count, 0.0)));
    }
    return distances;
}

}  // namespace

void check(const Hierarchy& hierarchy, int64_t players) {
    const auto merges = static_cast<int64_t>(hierarchy.merges.size());
    if (merges != std::max<int64_t>(0, players - 1))
        throw Error(ErrorKind::input, fmt::format("a hierarchy of {} players has {} merges, not {}",
                                                  players, std::max<int64_t>(0, players - 1), merges));
    std::vector<bool> joined(players + merges, false);
    for (int64_t k = 0; k < merges; ++k)
        for (const int32_t node : hierarchy.merges[k]) {
            if (node < 0 || node >= players + k || joined[node])
                throw Error(ErrorKind::input,
                            fmt::format("merge {} of the hierarchy joins node {}, which {}", k, node,
                                        node < 0 || node >= players + k ? "is not made yet"
                                                                        : "was joined before"));
            joined[node] = true;
        }
}

Hierarchy balanced_hierarchy(int64_t players) {
    return from_top(players, [](std::span<int32_t> members) { return (members.size() + 1) / 2; });
}

Hierarchy joined_hierarchy(std::span<const Hierarchy> trees, std::span<const int64_t> players) {
    const int64_t all = std::accumulate(players.begin(), players.end(), int64_t{0});
    Hierarchy out;
    int64_t before = 0;
    int32_t root = -1;
    const auto next = [&] { return static_cast<int32_t>(all + std::ssize(out.merges)); };
    for (size_t i = 0; i < trees.size(); ++i) {
        const int64_t own = players[i], made = next();
        for (const auto& [left, right] : trees[i].merges) {
            const auto moved = [&](int32_t node) {
                return static_cast<int32_t>(node < own ? before + node : made + node - own);
            };
            out.merges.push_back({moved(left), moved(right)});
        }
        const int32_t top = trees[i].merges.empty() ? static_cast<int32_t>(before) : next() - 1;
        before += own;
        if (root >= 0) {
            const int32_t joined = next();
            out.merges.push_back({root, top});
            root = joined;
        } else {
            root = top;
        }
    }
    return out;
}

Hierarchy gap_hierarchy(std::span<const uint8_t> gaps) {
    const auto players = static_cast<int64_t>(gaps.size()) + 1;
    return from_top(players, [&](std::span<int32_t> members) {
        const auto last = static_cast<int64_t>(members.size()) - 1;
        int64_t best = 0;
        const auto off_middle = [&](int64_t i) { return std::abs(2 * (i + 1) - last - 1); };
        for (int64_t i = 1; i < last; ++i) {
            const uint8_t gap = gaps[members[i]], widest = gaps[members[best]];
            if (gap > widest || (gap == widest && off_middle(i) <= off_middle(best))) best = i;
        }
        return static_cast<size_t>(best) + 1;
    });
}

Hierarchy bisecting_hierarchy(std::span<const double> positions) {
    return from_top(static_cast<int64_t>(positions.size() / 2), [&](std::span<int32_t> members) {
        double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
        for (const int32_t j : members)
            for (int axis = 0; axis < 2; ++axis) {
                low[axis] = std::min(low[axis], positions[2 * j + axis]);
                high[axis] = std::max(high[axis], positions[2 * j + axis]);
            }
        const int axis = high[1] - low[1] > high[0] - low[0] ? 1 : 0;
        std::ranges::stable_sort(members, {}, [&](int32_t j) { return positions[2 * j + axis]; });
        // At the middle of the side, not of the players: parts stay compact.
        const double middle = (low[axis] + high[axis]) / 2;
        const auto end = std::ranges::find_if(
            members, [&](int32_t j) { return positions[2 * j + axis] > middle; });
        const auto first = static_cast<size_t>(end - members.begin());
        return first == members.size() ? (members.size() + 1) / 2 : first;
    });
}

std::vector<double> segment_centres(const Tensor& segments) {
    const std::span<const int32_t> labels = segments.as<int32_t>();
    const int64_t width = segments.shape()[1];
    const int64_t players = labels.empty() ? 0 : *std::ranges::max_element(labels) + 1;
    std::vector<double> centres(2 * players), counts(players);
    for (size_t p = 0; p < labels.size(); ++p) {
        centres[2 * labels[p]] += static_cast<double>(static_cast<int64_t>(p) / width);
        centres[2 * labels[p] + 1] += static_cast<double>(static_cast<int64_t>(p) % width);
        ++counts[labels[p]];
    }
    for (int64_t j = 0; j < 2 * players; ++j) centres[j] /= counts[j / 2];
    return centres;
}

Hierarchy correlation_hierarchy(std::span<const double> rows, int64_t columns, const Run& run) {
    constexpr int64_t most = 4096;
    if (columns > most)
        throw Error(ErrorKind::limit,
                    fmt::format("{} columns are too many to cluster by correlation; it takes {}",
                                columns, most));
    std::vector<double> distances = correlation_distances(rows, columns, run);
    // The nearest two clusters are joined, time after time; a cluster lives at its first column.
    std::vector<int32_t> node(columns);
    std::iota(node.begin(), node.end(), 0);
    std::vector<int64_t> alive(columns), nearest(columns);
    std::iota(alive.begin(), alive.end(), int64_t{0});
    const auto find_nearest = [&](int64_t a) {
        int64_t best = -1;
        for (const int64_t b : alive)
            if (b != a && (best < 0 || distances[a * columns + b] < distances[a * columns + best]))
                best = b;
        return best;
    };
    for (const int64_t a : alive) nearest[a] = find_nearest(a);
    Hierarchy tree;
    while (alive.size() > 1) {
        run.check();
        const int64_t a = *std::ranges::min_element(
            alive, {}, [&](int64_t i) { return distances[i * columns + nearest[i]]; });
        const int64_t b = nearest[a], keep = std::min(a, b), drop = std::max(a, b);
        tree.merges.push_back({node[keep], node[drop]});
        node[keep] = static_cast<int32_t>(columns + static_cast<int64_t>(tree.merges.size()) - 1);
        std::erase(alive, drop);
        for (const int64_t other : alive)
            distances[keep * columns + other] = distances[other * columns + keep] =
                std::max(distances[keep * columns + other], distances[drop * columns + other]);
        if (alive.size() < 2) break;
        for (const int64_t i : alive)
            if (i == keep || nearest[i] == keep || nearest[i] == drop) nearest[i] = find_nearest(i);
    }
    return tree;
}

}  // namespace whence
