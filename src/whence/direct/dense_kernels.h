#pragma once
// The loops of a dense network, over rows of a width that is a multiple of `lanes`. Private to this
// folder.

#include <span>

#include "whence/direct/lanes.h"

namespace whence::direct {

/// Players whose sums stand in one table.
constexpr int64_t group_players = 5, group_sums = int64_t{1} << group_players;

[[nodiscard]] constexpr int64_t padded(int64_t width) {
    return (width + lanes - 1) / lanes * lanes;
}

/// Of a first layer: tables are cut into tiles of so many outputs, one after another, each of which
/// stays in a core's first cache: [tiles][groups][group_sums][tile].
[[nodiscard]] constexpr int64_t tile_of(int64_t width) {
    return width <= lanes ? lanes : 2 * lanes;
}
[[nodiscard]] constexpr int64_t tiled(int64_t width) {
    return (width + tile_of(width) - 1) / tile_of(width) * tile_of(width);
}

/// to[o] += factor * from[o].
void add_multiple(double factor, const double* from, int64_t count, double* to);
/// How far from 0 base[o] and some of delta[p][o] can get together: base [width], delta
/// [players][width], scratch [2][width].
[[nodiscard]] double largest_sum(const double* base, const double* delta, int64_t players,
                                 int64_t width, double* scratch);
/// values = e^(factor * values), of which none may be beyond +-700; relative errors below 1e-9.
void exponentials(double factor, std::span<double> values);

/// Entry s of table `group` = first + sum of of_players[p] over the bits p of s, in that order: `first`
/// [width] (null: nothing), of_players [group_players][width], partial [group_sums][width] the same
/// in double.
void fill_sums(const double* first, const double* of_players, int64_t width, double* partial,
               int64_t group, int64_t groups, float* tables);
/// The same with products in the place of sums.
void fill_products(const double* first, const double* of_players, int64_t width, double* partial,
                   int64_t group, int64_t groups, float* tables);

/// out[r] = sum over groups g of the entry that stands at index[r][g] in each tile of the tables; out
/// is [rows][width].
void add_sums(const float* tables, const uint32_t* index, int64_t groups, int64_t width,
              int64_t rows, float* out);

/// out[r] = bias + turned * (1 / (1 + product over groups of the entries at index[r][g])): turned
/// [outputs][width], out [rows][outputs], scratch [outputs][rows][lanes]. Products up to e^40.
void logistic_of_products(const float* tables, const uint32_t* index, int64_t groups, int64_t width,
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
