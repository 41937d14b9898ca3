#pragma once
// Dot products: of bytes for the first look, of floats for the answer. Private to this folder.
//
// Those of bytes are sums of integers, those of floats are added in one order: every processor and
// any number of threads gives the same bits.

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace whence::store {

/// Loops over rows of bytes that lie `stride` apart; `bytes` is a multiple of 64. The query's bytes
/// are unsigned, 128 more than they mean, because that is what processors multiply: the caller
/// subtracts 128 times the sum of the row.
struct ByteKernels {
    std::string_view name;
    /// out[i] = sum over j of query[j] * row i[j], for rows that follow one another.
    void (*rows)(const uint8_t* query, const int8_t* rows, int64_t bytes, int64_t stride,
                 int64_t count, int32_t* out);
    /// The same for rows anywhere: those of `numbers`.
    void (*some)(const uint8_t* query, const int8_t* rows, int64_t bytes, int64_t stride,
                 const uint32_t* numbers, int64_t count, int32_t* out);
};

/// What this machine has, the quickest last.
[[nodiscard]] const std::vector<ByteKernels>& byte_kernels();

/// to[i] = from[i] + 128: the bytes of a code as those of a query.
void shift(const int8_t* from, int64_t bytes, uint8_t* to);

/// a . b in float: 64 sums side by side, then halves of them added up, then the rest one by one.
[[nodiscard]] float dot(const float* a, const float* b, int64_t width);

}  // namespace whence::store
