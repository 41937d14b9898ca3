#pragma once
// The vectors of one kind as searches see them. Private to this folder.

#include <cstdint>
#include <span>
#include <vector>

#include "whence/store/codec.h"

namespace whence::store {

/// A vector found: its number (slot) and how near it is (cosine).
struct Hit {
    uint32_t slot;
    float score;
    bool operator==(const Hit&) const = default;
};

/// The nearer first; of equals the one that came into the store first.
[[nodiscard]] inline bool before(const Hit& a, const Hit& b) {
    return a.score > b.score || (a.score == b.score && a.slot < b.slot);
}

/// Borrowed: unit vectors, row by row, and their codes.
struct Rows {
    const float* vectors = nullptr;
    Codes codes{};
    int64_t count = 0;
    std::span<const uint64_t> removed;  ///< a bit for each row; none for rows past its end

    [[nodiscard]] const float* vector(int64_t row) const {
        return vectors + row * codes.codec->width();
    }
    [[nodiscard]] bool gone(int64_t row) const {
        const auto word = static_cast<size_t>(row / 64);
        return word < removed.size() && (removed[word] >> (row % 64) & 1);
    }
};

}  // namespace whence::store
