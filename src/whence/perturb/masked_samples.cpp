#include "whence/perturb/masked_samples.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "whence/core/error.h"
#include "whence/core/rng.h"

namespace whence::perturb {
namespace {

constexpr uint32_t order_stream = 0x11AE0001, scramble_stream = 0x11AE0002,
                   coin_stream = 0x11AE0003, removal_stream = 0x11AE0004;

uint64_t reversed_bits(uint64_t x) {
    uint64_t out = 0;
    for (int bit = 0; bit < 64; ++bit, x >>= 1) out = out << 1 | (x & 1);
    return out;
}

void toss_coins(Rng rng, std::span<uint8_t> on) {
    uint32_t coins = 0;
    for (size_t j = 0; j < on.size(); ++j, coins >>= 1) {
        if (j % 32 == 0) coins = rng.next32();
        on[j] = coins & 1;
    }
}

// The first m of a random order go.
void remove_some(Rng rng, std::span<uint8_t> on, std::vector<int32_t>& order) {
    const auto players = static_cast<int64_t>(on.size());
    std::ranges::fill(on, uint8_t{1});
    order.resize(players);
    std::iota(order.begin(), order.end(), 0);
    const auto removed = 1 + static_cast<int64_t>(rng.below(players));
    for (int64_t i = 0; i < removed; ++i) {
        std::swap(order[i], order[i + rng.below(players - i)]);
        on[order[i]] = 0;
    }
}

}  // namespace

std::vector<double> kept_distribution(int64_t players, const Kernel& kernel, Removal removal) {
    if (removal == Removal::number && players == 1) return {0.5, 0.5};
    std::vector<double> logs(players + 1);
    double log_subsets = 0;  // of C(players, k)
    for (int64_t k = 0; k <= players; ++k) {
        if (k > 0 && removal == Removal::coins)
            log_subsets += std::log(static_cast<double>(players - k + 1) / static_cast<double>(k));
        logs[k] = log_subsets - kernel.exponent(k, players);
    }
    if (removal == Removal::number) logs[players] = -std::numeric_limits<double>::infinity();
    const double top = *std::ranges::max_element(logs);
    if (std::isinf(top))
        throw Error(ErrorKind::usage, "the kernel gives 0 to every sample: nothing is near the input");
    double sum = 0;
    for (double& value : logs) sum += value = std::exp(value - top);
    for (double& value : logs) value /= sum;
    return logs;
}

Design MaskedSamples::blank(int64_t rows) const {
    Design design{.rows = rows, .columns = players_};
    design.bits.resize(rows * players_);
    if (weighted()) design.weights.resize(rows);
    return design;
}

void MaskedSamples::draw(int64_t first, Design& design, Batch& rows, const Run& run) const {
    choose(first, first + rows.rows(), design);
    masker_.apply({design.bits.data(), design.rows, design.columns}, first, rows, run);
}

Design MaskedSamples::design(int64_t rows) const {
    Design design = blank(rows);
    choose(0, rows, design);
    return design;
}

StableMaskedSamples::StableMaskedSamples(const Masker& masker, const Kernel& kernel,
                                         Removal removal, uint64_t seed)
    : MaskedSamples(masker),
      seed_(seed),
      scramble_(Rng(seed, scramble_stream, 0).next64()),
      cumulative_(kept_distribution(masker.players(), kernel, removal)) {
    std::partial_sum(cumulative_.begin(), cumulative_.end(), cumulative_.begin());
}

int64_t StableMaskedSamples::kept(double u) const {
    const auto found = std::ranges::upper_bound(cumulative_, u);
    return std::min<int64_t>(found - cumulative_.begin(), players_);
}

// The first 2^m pairs fall one each into 2^m equal parts of [0, 1/2); each alone is uniform there.
double StableMaskedSamples::lower_quantile(int64_t pair) const {
    const uint64_t point = reversed_bits(pair) ^ scramble_;
    return static_cast<double>(point >> 11) * 0x1p-54;
}

void StableMaskedSamples::choose(int64_t first, int64_t end, Design& design) const {
    std::vector<int32_t> order(players_);
    for (int64_t pair = first / 2; 2 * pair < end; ++pair) {
        std::iota(order.begin(), order.end(), 0);
        Rng rng(seed_, order_stream, pair);
        rng.shuffle(order);
        const double lower = lower_quantile(pair);
        const int64_t swapped = rng.next32() & 1;
        for (const int64_t twin : {0, 1}) {
            const int64_t row = 2 * pair + twin;
            if (row < first || row >= end) continue;
            uint8_t* bits = design.bits.data() + row * players_;
            const int64_t on = kept(twin == swapped ? lower : 1 - lower);
            std::fill_n(bits, players_, uint8_t{0});
            for (int64_t i = 0; i < on; ++i) bits[order[twin ? players_ - 1 - i : i]] = 1;
        }
    }
}

void CompatibleMaskedSamples::choose(int64_t first, int64_t end, Design& design) const {
    std::vector<int32_t> order;
    for (int64_t row = first; row < end; ++row) {
        const std::span<uint8_t> on(design.bits.data() + row * players_, players_);
        if (row == 0)
            std::ranges::fill(on, uint8_t{1});
        else if (removal_ == Removal::coins)
            toss_coins(Rng(seed_, coin_stream, row), on);
        else
            remove_some(Rng(seed_, removal_stream, row), on, order);
        design.weights[row] =
            weights_[std::accumulate(on.begin(), on.end(), int64_t{0})];
    }
}

}  // namespace whence::perturb
