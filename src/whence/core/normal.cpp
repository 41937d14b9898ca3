// Normal numbers, one by one and many at once: the same numbers.
#include <bit>
#include <cmath>
#include <numbers>
#include <utility>

#include "whence/core/philox.h"
#include "whence/core/rng.h"
#include "whence/core/vector_clones.h"

namespace whence {
namespace {

#define WHENCE_INTO_LOOPS inline __attribute__((always_inline))

// An integer below 2^52 as a double, without a conversion that few vector units have.
WHENCE_INTO_LOOPS double small(uint64_t integer) {
    return std::bit_cast<double>(integer | std::bit_cast<uint64_t>(0x1p52)) - 0x1p52;
}

// u in (0, 1). u = m 2^e with m from sqrt(1/2) to sqrt(2); log m = 2 artanh((m - 1) / (m + 1)).
WHENCE_INTO_LOOPS double log_of(double u) {
    constexpr uint64_t bias = 1023, root_half = 0x3FE6A09E667F3BCD;
    const auto bits = std::bit_cast<uint64_t>(u);
    const uint64_t exponent = (bits - root_half + (bias << 52)) >> 52;
    const auto m = std::bit_cast<double>(bits - ((exponent - bias) << 52));
    const double s = (m - 1) / (m + 1), z = s * s;
    double series = 1.0 / 21;
    for (int k = 19; k >= 1; k -= 2) series = series * z + 1.0 / k;
    return 2 * s * series + (small(exponent) - static_cast<double>(bias)) * std::numbers::ln2;
}

struct Pair {
    double cosine, sine;
};

// Of 2 pi v, v in [0, 1): the nearest quarter turn, and Taylor's series for what is left of it.
WHENCE_INTO_LOOPS Pair turn(double v) {
    const double quarters = (4 * v + 0x1.8p52) - 0x1.8p52;
    const double a = 2 * std::numbers::pi * (v - quarters * 0.25), z = a * a;
    double sine = 1, cosine = 1;
    for (int k = 16; k >= 2; k -= 2) {
        sine = 1 - sine * (z * (1 / (k * (k + 1.0))));
        cosine = 1 - cosine * (z * (1 / (k * (k - 1.0))));
    }
    sine *= a;
    const bool swapped = quarters == 1 || quarters == 3;
    const double c = swapped ? sine : cosine, s = swapped ? cosine : sine;
    return {quarters == 1 || quarters == 2 ? -c : c, quarters == 2 || quarters == 3 ? -s : s};
}

WHENCE_INTO_LOOPS Pair box_muller(uint64_t first, uint64_t second) {
    const double u = (small(first >> 12) + 0.5) * 0x1p-52, v = small(second >> 12) * 0x1p-52;
    const double radius = std::sqrt(-2 * log_of(u));
    const auto [cosine, sine] = turn(v);
    return {radius * cosine, radius * sine};
}

constexpr int lanes = 32;  // pairs made together

// Blocks first, first + 1, ... of a stream, one pair of numbers each.
WHENCE_VECTOR_CLONES
void pairs_of(uint32_t first, const uint32_t* rest, const uint32_t* key, double* out) {
    uint64_t c[4][lanes];  // words of 32 bits, in 64 for the products
    for (int i = 0; i < lanes; ++i) {
        c[0][i] = static_cast<uint32_t>(first + static_cast<uint32_t>(i));
        for (int w = 1; w < 4; ++w) c[w][i] = rest[w - 1];
    }
    constexpr uint64_t word = 0xFFFFFFFF;
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < philox::rounds; ++round) {
        for (int i = 0; i < lanes; ++i) {
            const uint64_t p0 = philox::multiplier_0 * c[0][i], p1 = philox::multiplier_1 * c[2][i];
            c[0][i] = (p1 >> 32) ^ c[1][i] ^ k0;
            c[1][i] = p1 & word;
            c[2][i] = (p0 >> 32) ^ c[3][i] ^ k1;
            c[3][i] = p0 & word;
        }
        k0 += philox::weyl_0;
        k1 += philox::weyl_1;
    }
    for (int i = 0; i < lanes; ++i) {
        const Pair pair = box_muller(c[0][i] << 32 | c[1][i], c[2][i] << 32 | c[3][i]);
        out[2 * i] = pair.cosine;
        out[2 * i + 1] = pair.sine;
    }
}

}  // namespace

double Rng::normal() {
    if (std::exchange(has_spare_, false)) return spare_;
    const uint64_t first = next64(), second = next64();
    const Pair pair = box_muller(first, second);
    spare_ = pair.sine;
    has_spare_ = true;
    return pair.cosine;
}

void Rng::normals(std::span<double> values) {
    size_t done = 0;
    if (!has_spare_ && used_ == 4)  // a pair takes a whole block from here on
        for (; done + 2 * lanes <= values.size(); done += 2 * lanes) {
            pairs_of(counter_[0], counter_ + 1, key_, values.data() + done);
            counter_[0] += lanes;
        }
    for (; done < values.size(); ++done) values[done] = normal();
}

}  // namespace whence
