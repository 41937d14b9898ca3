#include "whence/mask/quickshift_noise.h"

#include <array>
#include <bit>
#include <cmath>
#include <numbers>

namespace whence::superpixel {
namespace {

// SeedSequence: a hash whose constant changes with each use, over a pool of four words.
class Hash {
  public:
    Hash(uint32_t constant, uint32_t multiplier) : constant_(constant), multiplier_(multiplier) {}
    uint32_t operator()(uint32_t value) {
        value ^= constant_;
        constant_ *= multiplier_;
        value *= constant_;
        return value ^ value >> 16;
    }

  private:
    uint32_t constant_, multiplier_;
};

using Pool = std::array<uint32_t, 4>;

Pool mix_seed(uint64_t seed) {
    Pool pool = {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32), 0, 0};
    Hash hash(0x43b0d7e5, 0x931e8875);
    for (uint32_t& word : pool) word = hash(word);
    for (size_t from = 0; from < pool.size(); ++from)
        for (size_t to = 0; to < pool.size(); ++to) {
            if (from == to) continue;
            const uint32_t mixed = 0xca01f9dd * pool[to] - 0x4973f715 * hash(pool[from]);
            pool[to] = mixed ^ mixed >> 16;
        }
    return pool;
}

// First the state, then the stream; of each the high half comes first.
std::array<__uint128_t, 2> seed_words(uint64_t seed) {
    const Pool pool = mix_seed(seed);
    Hash hash(0x8b51f9dd, 0x58f38ded);
    std::array<uint64_t, 4> words{};
    for (size_t i = 0; i < 8; ++i) {
        const uint64_t half = hash(pool[i % 4]);
        words[i / 2] |= i % 2 == 0 ? half : half << 32;
    }
    return {static_cast<__uint128_t>(words[0]) << 64 | words[1],
            static_cast<__uint128_t>(words[2]) << 64 | words[3]};
}

constexpr __uint128_t pcg_multiplier =
    static_cast<__uint128_t>(0x2360ED051FC65DA4) << 64 | 0x4385DF649FCCF645;

constexpr size_t layers = 256;
constexpr double tail_start = 3.6541528853610088;
constexpr double mantissa = 0x1p52;

// Layers of equal area under exp(-x^2 / 2), the widest last; layer 0 is the base with the tail.
struct Ziggurat {
    std::array<uint64_t, layers> inside{};  // draws below it need no look at the curve
    std::array<double, layers> width{}, height{};

    Ziggurat() {
        const auto curve = [](double x) { return std::exp(-0.5 * x * x); };
        const double area =
            tail_start * curve(tail_start) +
            std::sqrt(std::numbers::pi / 2) * std::erfc(tail_start / std::numbers::sqrt2);
        double x = tail_start;
        width[layers - 1] = x / mantissa;
        height[layers - 1] = curve(x);
        inside[0] = static_cast<uint64_t>(x * curve(x) / area * mantissa);
        width[0] = area / curve(x) / mantissa;
        height[0] = 1;
        for (size_t i = layers - 2; i > 0; --i) {
            const double next = std::sqrt(-2 * std::log(area / x + height[i + 1]));
            inside[i + 1] = static_cast<uint64_t>(next / x * mantissa);
            width[i] = next / mantissa;
            height[i] = curve(next);
            x = next;
        }
    }
};

}  // namespace

NumpyNormal::NumpyNormal(uint64_t seed) {
    const auto [state, stream] = seed_words(seed);
    increment_ = stream << 1 | 1;
    state_ = increment_ + state;  // one step from zero, then the state added
    state_ = state_ * pcg_multiplier + increment_;
}

uint64_t NumpyNormal::next64() {
    state_ = state_ * pcg_multiplier + increment_;
    const uint64_t folded = static_cast<uint64_t>(state_ >> 64) ^ static_cast<uint64_t>(state_);
    return std::rotr(folded, static_cast<int>(state_ >> 122));
}

double NumpyNormal::uniform() {
    return static_cast<double>(next64() >> 11) * 0x1p-53;
}

double NumpyNormal::tail(bool negative) {
    while (true) {
        const double x = -std::log1p(-uniform()) / tail_start;
        const double y = -std::log1p(-uniform());
        if (y + y > x * x) return negative ? -(tail_start + x) : tail_start + x;
    }
}

double NumpyNormal::operator()() {
    static const Ziggurat ziggurat;
    while (true) {
        const uint64_t bits = next64();
        const size_t layer = bits & 0xff;
        const bool negative = (bits >> 8 & 1) != 0;
        const uint64_t draw = bits >> 9 & 0xfffffffffffff;
        const double magnitude = static_cast<double>(draw) * ziggurat.width[layer];
        const double x = negative ? -magnitude : magnitude;
        if (draw < ziggurat.inside[layer]) return x;
        if (layer == 0) return tail((draw >> 8 & 1) != 0);
        const double below = ziggurat.height[layer], above = ziggurat.height[layer - 1];
        if ((above - below) * uniform() + below < std::exp(-0.5 * x * x)) return x;
    }
}

}  // namespace whence::superpixel
