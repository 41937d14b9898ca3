#pragma once
// Unit vectors as bytes: a quarter of the memory to read, and a dot product whose error is known.
// Private to this folder.
//
// A vector x is turned (below), then written as x = scale * bytes + rest, |bytes| <= 127, and
// |rest| is kept. For two of them, by Cauchy and Schwarz,
//     |x.y - scale_x scale_y bytes_x.bytes_y| <= |scale_x bytes_x| |rest_y| + |rest_x| |y|,
// so that a scan of bytes can say for certain which vectors cannot be among the nearest.
//
// Turned: signs by lot, then the Walsh-Hadamard transform of blocks (the largest power of two that
// divides the width). It changes no dot product, and spreads the few large coordinates that
// embeddings of CLIP models have, which would leave too few of the 256 values to all others.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "whence/core/aligned.h"

namespace whence::store {

/// What stands behind the bytes of a code.
struct CodeTail {
    float scale;
    float error;  ///< |rest|, rounded up
    int32_t sum;  ///< of the bytes
    uint32_t unused;
    int64_t id;  ///< of the item
};

/// A vector made ready to be compared with many.
struct Query {
    std::vector<float> vector;     ///< of length 1
    AlignedVector<uint8_t> bytes;  ///< of its code, plus 128
    float scale, error;
};

class Codec {
  public:
    explicit Codec(int64_t width);

    [[nodiscard]] int64_t width() const { return width_; }
    /// Bytes multiplied: the width, filled up with zeros to a multiple of 64.
    [[nodiscard]] int64_t bytes() const { return bytes_; }
    /// Bytes of a whole code, which ends with its CodeTail.
    [[nodiscard]] int64_t stride() const { return bytes_ + 64; }

    void encode(std::span<const float> vector, int64_t id, std::byte* code) const;
    /// Whether two codes say the same vector, whosever it is.
    [[nodiscard]] bool same(const std::byte* a, const std::byte* b) const;
    [[nodiscard]] Query query(std::span<const float> vector) const;

  private:
    [[nodiscard]] std::vector<float> turned(std::span<const float> vector) const;
    int64_t width_, bytes_, block_;
    std::vector<float> signs_;
};

/// Codes of a column of vectors, borrowed.
struct Codes {
    const Codec* codec;
    const std::byte* first;

    [[nodiscard]] const std::byte* code(int64_t number) const {
        return first + number * codec->stride();
    }
    [[nodiscard]] const int8_t* row(int64_t number) const {
        return reinterpret_cast<const int8_t*>(code(number));
    }
    [[nodiscard]] const CodeTail& tail(int64_t number) const {
        return *reinterpret_cast<const CodeTail*>(row(number) + codec->bytes());
    }
};

}  // namespace whence::store
