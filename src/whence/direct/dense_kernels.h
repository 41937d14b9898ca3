#pragma once
// The loops of a dense network, over rows of a width that is a multiple of `lanes`. Private to this
// folder.

#include <algorithm>
#include <span>

#include "whence/direct/lanes.h"

namespace whence::direct {

[[nodiscard]] constexpr int64_t padded(int64_t width) {
    return (width + lanes - 1) / lanes * lanes;
}

/// The tables of a first layer: what some players together give, for each set of them and each
/// output. They are cut into tiles of outputs, one after another, each of which stays in a core's
/// first cache: [tiles][groups][sums][tile].
struct Tables {
    static constexpr int64_t most_players = 5;
    int64_t groups, players, width;  ///< players of one group

    Tables(int64_t all_players, int64_t outputs)
        : groups(std::max<int64_t>(1, (all_players + most_players - 1) / most_players)),
          players((all_players + groups - 1) / groups) {
        width = tile_of(outputs) * ((outputs + tile_of(outputs) - 1) / tile_of(outputs));
    }
    [[nodiscard]] static constexpr int64_t tile_of(int64_t outputs) {
        return outputs <= lanes ? lanes : 2 * lanes;
    }
    [[nodiscard]] int64_t tile() const { return tile_of(width); }
    [[nodiscard]] int64_t sums() const { return int64_t{1} << players; }
    [[nodiscard]] int64_t size() const { return groups * sums() * width; }
    /// In the first tile.
    [[nodiscard]] int64_t entry(int64_t group, int64_t sum) const {
        return (group * sums() + sum) * tile();
    }
    [[nodiscard]] int64_t next_tile() const { return groups * sums() * tile(); }
};

/// to[o] += factor * from[o].
void add_multiple(double factor, const double* from, int64_t count, double* to);
/// How far from 0 base[o] and some of delta[p][o] can get together: base [width], delta
/// [players][width], scratch [2][width].
[[nodiscard]] double largest_sum(const double* base, const double* delta, int64_t players,
                                 int64_t width, double* scratch);
/// values = e^(factor * values), of which none may be beyond +-700; relative errors below 1e-9.
void exponentials(double factor, std::span<double> values);

/// Entry s of a group = first + sum of of_players[p] over the bits p of s, in that order: `first`
/// [width] (null: nothing), of_players [players][width], partial [sums][width] the same in double.
void fill_sums(const Tables& tables, int64_t group, const double* first, const double* of_players,
               double* partial, float* to);
/// The same with products in the place of sums.
void fill_products(const Tables& tables, int64_t group, const double* first,
                   const double* of_players, double* partial, float* to);
/// One entry alone, the same bits; partial [width].
void fill_sum(const Tables& tables, int64_t group, int64_t sum, const double* first,
              const double* of_players, double* partial, float* to);
void fill_product(const Tables& tables, int64_t group, int64_t sum, const double* first,
                  const double* of_players, double* partial, float* to);

/// out[r] = sum over groups g of the entry at index[r][g]; out is [rows][width].
void add_sums(const Tables& tables, const float* entries, const uint32_t* index, int64_t rows,
              float* out);

/// out[r] = bias + turned * (1 / (1 + product over groups of the entries at index[r][g])): turned
/// [outputs][width], out [rows][outputs], scratch [outputs][rows][lanes]. Products up to e^40.
void logistic_of_products(const Tables& tables, const float* entries, const uint32_t* index,
                          const float* turned, const float* bias, int64_t outputs, int64_t rows,
                          float* scratch, float* out);

/// out[r] = bias + in[r] * weights: in [rows][deep], weights [deep][width], bias [width].
void multiply(const float* in, const float* weights, const float* bias, int64_t deep, int64_t width,
              int64_t rows, float* out);

/// The same for few outputs: weights are turned, [outputs][deep], out is [rows][width].
void multiply_narrow(const float* in, const float* turned, const float* bias, int64_t deep,
                     int64_t outputs, int64_t width, int64_t rows, float* out);

// In place. Relative errors below 5e-7 (tanh, sigmoid; those of softmax grow with the range of its
// scores).
void relu(float* values, int64_t count);
void tanh(float* values, int64_t count);
void sigmoid(float* values, int64_t count);
/// Of the first `classes` of each row.
void softmax(float* values, int64_t classes, int64_t width, int64_t rows);

}  // namespace whence::direct
