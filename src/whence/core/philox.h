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

}  // namespace whence::philox
