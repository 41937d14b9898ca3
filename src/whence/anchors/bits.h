#pragma once
// One bit for each sample, 64 samples in a word.

#include <algorithm>
#include <cstdint>
#include <vector>

namespace whence::anchors {

using Bits = std::vector<uint64_t>;

[[nodiscard]] inline int64_t words_for(int64_t bits) {
    return (bits + 63) / 64;
}

/// The bits of word `word` that stand for samples [begin, end).
[[nodiscard]] inline uint64_t mask_of(int64_t word, int64_t begin, int64_t end) {
    const int64_t low = std::max<int64_t>(0, begin - 64 * word),
                  high = std::min<int64_t>(64, end - 64 * word);
    if (low >= high) return 0;
    const uint64_t below_high = high == 64 ? ~uint64_t{0} : (uint64_t{1} << high) - 1;
    return below_high & (~uint64_t{0} << low);
}

}  // namespace whence::anchors
