#pragma once
// The loops of a dense network, over rows of a width that is a multiple of `lanes`. Private to this
// folder.

#include "whence/direct/lanes.h"

namespace whence::direct {

/// Players whose sums stand in one table.
constexpr int64_t group_players = 6, group_sums = int64_t{1} << group_players;

[[nodiscard]] constexpr int64_t padded(int64_t width) {
    return (width + lanes - 1) / lanes * lanes;
}

/// out[r] = sum over groups g of tables[g][index[r][g]]; tables are [groups][group_sums][width],
/// out is [rows][width].
void add_sums(const float* tables, const uint8_t* index, int64_t groups, int64_t width,
              int64_t rows, float* out);

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
