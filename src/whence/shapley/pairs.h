#pragma once
// Pairs of a coalition and its complement, drawn without replacement within each size.

#include <cstdint>
#include <span>
#include <vector>

namespace whence::shapley {

/// All pairs whose smaller half has this many players.
struct Stratum {
    int64_t size = 0;    ///< of the smaller half
    double pairs = 0;    ///< how many there are
    int64_t planned = 0; ///< how many of them are to be drawn
    [[nodiscard]] bool whole() const { return static_cast<double>(planned) >= pairs; }
};

/// What is drawn, in the order in which it is asked: whenever one stops, each size has had nearly
/// its share.
struct Plan {
    std::vector<Stratum> strata;
    std::vector<int32_t> stratum;  ///< of each pair
    int64_t words = 0;             ///< of 64 players
    std::vector<uint64_t> bits;    ///< [pairs][words]: players of the half that is asked first
    [[nodiscard]] int64_t size() const { return static_cast<int64_t>(stratum.size()); }
    [[nodiscard]] const uint64_t* row(int64_t pair) const { return bits.data() + pair * words; }
    [[nodiscard]] bool has(int64_t pair, int64_t player) const {
        return row(pair)[player / 64] >> (player % 64) & 1;
    }
};

/// At most `pairs` pairs of `players` (at least 2). The same for the same seed.
[[nodiscard]] Plan plan_pairs(int64_t players, int64_t pairs, uint64_t seed);

/// How many pairs there are in all: 2^(players - 1) - 1.
[[nodiscard]] double all_pairs(int64_t players);

}  // namespace whence::shapley
