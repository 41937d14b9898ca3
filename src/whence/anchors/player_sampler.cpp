#include "whence/anchors/player_sampler.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "whence/anchors/bits.h"
#include "whence/core/rng.h"

namespace whence::anchors {
namespace {

constexpr uint32_t coin_stream = 0xA2C40003;

// Where a name stands for several players its number says which is meant.
std::string condition(const std::vector<std::string>& names, int32_t player) {
    if (names.empty()) return std::string(Rule::Condition::segment) + std::to_string(player);
    const std::string& name = names[static_cast<size_t>(player)];
    const bool alone = std::ranges::count(names, name) == 1;
    return "'" + name + "'" + (alone ? "" : " #" + std::to_string(player + 1)) +
           std::string(Rule::Condition::is_there);
}

}  // namespace

PlayerSampler::PlayerSampler(const Masker& masker, uint64_t seed)
    : masker_(masker), blocks_(words_for(masker.players())), seed_(seed) {}

uint64_t PlayerSampler::coins(int64_t index, int64_t block) const {
    return Rng(seed_, coin_stream, static_cast<uint64_t>(index * blocks_ + block)).next64();
}

void PlayerSampler::draw(std::span<const Draw> draws, Batch& rows, const Run& run) const {
    const int64_t players = masker_.players();
    std::vector<uint8_t> present(draws.size() * players);
    for (size_t row = 0; row < draws.size(); ++row) {
        uint8_t* out = present.data() + row * players;
        uint64_t bits = 0;
        for (int64_t p = 0; p < players; ++p, bits >>= 1) {
            if (p % 64 == 0) bits = coins(draws[row].index, p / 64);
            out[p] = bits & 1;
        }
        for (const int32_t p : draws[row].anchor) out[p] = 1;
    }
    masker_.apply({present.data(), static_cast<int64_t>(draws.size()), players}, 0, rows, run);
}

uint64_t PlayerSampler::kept(std::span<const int32_t>, int32_t predicate, int64_t word) const {
    uint64_t bits = 0;
    for (int64_t i = 0; i < 64; ++i)
        bits |= (coins(64 * word + i, predicate / 64) >> (predicate % 64) & 1) << i;
    return bits;
}

double PlayerSampler::coverage(std::span<const int32_t> anchor) const {
    return std::ldexp(1.0, -static_cast<int>(anchor.size()));
}

std::vector<Rule::Condition> PlayerSampler::conditions(std::span<const int32_t> anchor) const {
    std::vector<Rule::Condition> out;
    for (const int32_t p : anchor) out.push_back({p, condition(masker_.names(), p)});
    return out;
}

}  // namespace whence::anchors
