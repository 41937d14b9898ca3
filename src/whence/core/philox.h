#pragma once
// One round of Philox4x32 (Salmon, Moraes, Dror, Shaw 2011, section 3.3). Private to core.

#include <cstdint>

namespace whence::philox {

inline constexpr int rounds = 10;
inline constexpr uint32_t multiplier_0 = 0xD2511F53, multiplier_1 = 0xCD9E8D57;
inline constexpr uint32_t weyl_0 = 0x9E3779B9, weyl_1 = 0xBB67AE85;

/// Mixes the four words of a block and moves the key on.
inline void round(uint32_t (&c)[4], uint32_t (&key)[2]) {
    const uint64_t p0 = static_cast<uint64_t>(multiplier_0) * c[0];
    const uint64_t p1 = static_cast<uint64_t>(multiplier_1) * c[2];
    const uint32_t c1 = c[1], c3 = c[3];
    c[0] = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ key[0];
    c[1] = static_cast<uint32_t>(p1);
    c[2] = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ key[1];
    c[3] = static_cast<uint32_t>(p0);
    key[0] += weyl_0;
    key[1] += weyl_1;
}

/// Blocks first, first + 1, ... of a stream, `count` at once: word w of block i in c[w][i]. For loops that
/// become vectors, if their length is not so short and fixed that they are unrolled before.
template <int most>
inline __attribute__((always_inline)) void blocks(uint32_t first, const uint32_t* rest,
                                                  const uint32_t* key, int count,
                                                  uint32_t (&c)[4][most]) {
    for (int i = 0; i < count; ++i) {
        c[0][i] = first + static_cast<uint32_t>(i);
        for (int w = 1; w < 4; ++w) c[w][i] = rest[w - 1];
    }
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < rounds; ++round) {
        for (int i = 0; i < count; ++i) {
            // Halves of a product each on their own: compilers know vector instructions for both.
            const auto high = [](uint32_t a, uint32_t b) {
                return static_cast<uint32_t>(static_cast<uint64_t>(a) * b >> 32);
            };
            const uint32_t a = c[0][i], b = c[2][i];
            c[0][i] = high(multiplier_1, b) ^ c[1][i] ^ k0;
            c[1][i] = multiplier_1 * b;
            c[2][i] = high(multiplier_0, a) ^ c[3][i] ^ k1;
            c[3][i] = multiplier_0 * a;
        }
        k0 += weyl_0;
        k1 += weyl_1;
    }
}

}  // namespace whence::philox
