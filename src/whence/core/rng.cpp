#include "whence/core/rng.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "whence/core/philox.h"
#include "whence/core/vector_clones.h"

namespace whence {
Rng::Rng(uint64_t seed, uint32_t stream, uint64_t index)
    : key_{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)},
      counter_{0, stream, static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32)} {}

void Rng::refill() {
    uint32_t k[2] = {key_[0], key_[1]};
    std::ranges::copy(counter_, block_);
    for (int round = 0; round < philox::rounds; ++round) philox::round(block_, k);
    ++counter_[0];
    used_ = 0;
}

uint32_t Rng::next32() {
    if (used_ == 4) refill();
    return block_[used_++];
}

uint64_t Rng::next64() {
    const uint64_t high = next32();
    return high << 32 | next32();
}

double Rng::uniform() { return static_cast<double>(next64() >> 11) * 0x1p-53; }

namespace {
// In (0, 1).
double open_unit(uint64_t word) { return (static_cast<double>(word >> 12) + 0.5) * 0x1p-52; }
}  // namespace

double Rng::open_uniform() { return open_unit(next64()); }

uint64_t Rng::below(uint64_t n) {
    // Lemire's multiply-shift; the rejected part is smaller than n / 2^64.
    __uint128_t product = static_cast<__uint128_t>(next64()) * n;
    if (static_cast<uint64_t>(product) < n) {
        const uint64_t threshold = -n % n;
        while (static_cast<uint64_t>(product) < threshold)
            product = static_cast<__uint128_t>(next64()) * n;
    }
    return static_cast<uint64_t>(product >> 64);
}

// As with below(i), but for one number in 2^57 the words are drawn together.
void Rng::shuffle(std::span<int32_t> values) {
    uint64_t words[64];
    size_t have = 0, at = 0;
    for (size_t i = values.size(); i > 1;) {
        if (at == have) {
            at = 0;
            have = std::min(i - 1, std::size(words));
            next64s({words, have});
        }
        const auto product = static_cast<__uint128_t>(words[at++]) * i;
        if (static_cast<uint64_t>(product) < i && static_cast<uint64_t>(product) < -i % i) continue;
        --i;
        std::swap(values[i], values[static_cast<size_t>(product >> 64)]);
    }
}

namespace {

constexpr int lanes = 32;  // blocks made together at most, two words of 64 bits each

WHENCE_VECTOR_CLONES
void words_of(uint32_t first, const uint32_t* rest, const uint32_t* key, int blocks,
              uint64_t* out) {
    uint32_t c[4][lanes];
    philox::blocks(first, rest, key, blocks, c);
    for (int i = 0; i < blocks; ++i) {
        out[2 * i] = uint64_t{c[0][i]} << 32 | c[1][i];
        out[2 * i + 1] = uint64_t{c[2][i]} << 32 | c[3][i];
    }
}

}  // namespace

void Rng::next64s(std::span<uint64_t> words) {
    size_t done = 0;
    while (used_ == 4 && words.size() - done >= 4) {
        const size_t blocks = std::min<size_t>(lanes, (words.size() - done) / 2);
        uint64_t made[2 * lanes];
        words_of(counter_[0], counter_ + 1, key_, static_cast<int>(blocks + 15) / 16 * 16, made);
        std::copy_n(made, 2 * blocks, words.begin() + static_cast<std::ptrdiff_t>(done));
        counter_[0] += static_cast<uint32_t>(blocks);
        done += 2 * blocks;
    }
    for (; done < words.size(); ++done) words[done] = next64();
}

void Rng::open_uniforms(std::span<double> values) {
    uint64_t words[64];
    for (size_t first = 0; first < values.size(); first += std::size(words)) {
        const size_t count = std::min(std::size(words), values.size() - first);
        next64s({words, count});
        for (size_t i = 0; i < count; ++i) values[first + i] = open_unit(words[i]);
    }
}


}  // namespace whence
