#include "whence/perturb/image_samples.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "whence/core/rng.h"

namespace whence::perturb {
namespace {

constexpr uint32_t order_stream = 0x11AE0001, scramble_stream = 0x11AE0002,
                   coin_stream = 0x11AE0003;

double kernel_exponent(int64_t on, int64_t players, double width) {
    const double distance = 1 - std::sqrt(static_cast<double>(on) / static_cast<double>(players));
    return distance * distance / (2 * width * width);
}

uint64_t reversed_bits(uint64_t x) {
    uint64_t out = 0;
    for (int bit = 0; bit < 64; ++bit, x >>= 1) out = out << 1 | (x & 1);
    return out;
}

void mask_rows(const Masker& masker, int64_t first, const Design& design, Batch& rows,
               const Run& run) {
    masker.apply({design.bits.data(), design.rows, design.columns}, first, rows, run);
}

}  // namespace

double cosine_kernel(int64_t on, int64_t players, double width) {
    return std::exp(-kernel_exponent(on, players, width));
}

std::vector<double> kept_distribution(int64_t players, double width) {
    std::vector<double> logs(players + 1);
    double log_subsets = 0;  // of C(players, k)
    for (int64_t k = 0; k <= players; ++k) {
        if (k > 0)
            log_subsets += std::log(static_cast<double>(players - k + 1) / static_cast<double>(k));
        logs[k] = log_subsets - kernel_exponent(k, players, width);
    }
    const double top = *std::ranges::max_element(logs);
    double sum = 0;
    for (double& value : logs) sum += value = std::exp(value - top);
    for (double& value : logs) value /= sum;
    return logs;
}

StableImageSamples::StableImageSamples(const Masker& masker, const std::vector<double>& kept,
                                       uint64_t seed)
    : masker_(masker),
      seed_(seed),
      scramble_(Rng(seed, scramble_stream, 0).next64()),
      cumulative_(kept),
      origin_(masker.players(), 1.0) {
    std::partial_sum(cumulative_.begin(), cumulative_.end(), cumulative_.begin());
}

Design StableImageSamples::blank(int64_t rows) const {
    Design design{.rows = rows, .columns = masker_.players()};
    design.bits.resize(rows * design.columns);
    return design;
}

int64_t StableImageSamples::kept(double u) const {
    const auto found = std::ranges::upper_bound(cumulative_, u);
    return std::min<int64_t>(found - cumulative_.begin(), masker_.players());
}

// The first 2^m pairs fall one each into 2^m equal parts of [0, 1/2); each alone is uniform there.
double StableImageSamples::lower_quantile(int64_t pair) const {
    const uint64_t point = reversed_bits(pair) ^ scramble_;
    return static_cast<double>(point >> 11) * 0x1p-54;
}

void StableImageSamples::draw(int64_t first, Design& design, Batch& rows, const Run& run) const {
    const int64_t players = masker_.players(), end = first + rows.rows();
    std::vector<int32_t> order(players);
    for (int64_t pair = first / 2; 2 * pair < end; ++pair) {
        std::iota(order.begin(), order.end(), 0);
        Rng rng(seed_, order_stream, pair);
        rng.shuffle(order);
        const double lower = lower_quantile(pair);
        const int64_t swapped = rng.next32() & 1;
        for (const int64_t twin : {0, 1}) {
            const int64_t row = 2 * pair + twin;
            if (row < first || row >= end) continue;
            uint8_t* bits = design.bits.data() + row * players;
            const int64_t on = kept(twin == swapped ? lower : 1 - lower);
            std::fill_n(bits, players, uint8_t{0});
            for (int64_t i = 0; i < on; ++i) bits[order[twin ? players - 1 - i : i]] = 1;
        }
    }
    mask_rows(masker_, first, design, rows, run);
}

CompatibleImageSamples::CompatibleImageSamples(const Masker& masker, double width, uint64_t seed)
    : masker_(masker), width_(width), seed_(seed), origin_(masker.players(), 1.0) {}

Design CompatibleImageSamples::blank(int64_t rows) const {
    Design design{.rows = rows, .columns = masker_.players()};
    design.bits.resize(rows * design.columns);
    design.weights.resize(rows);
    return design;
}

void CompatibleImageSamples::draw(int64_t first, Design& design, Batch& rows,
                                  const Run& run) const {
    const int64_t players = masker_.players();
    for (int64_t row = first; row < first + rows.rows(); ++row) {
        uint8_t* bits = design.bits.data() + row * players;
        Rng rng(seed_, coin_stream, row);
        uint32_t coins = 0;
        for (int64_t j = 0; j < players; ++j, coins >>= 1) {
            if (j % 32 == 0) coins = rng.next32();
            bits[j] = row == 0 ? 1 : coins & 1;
        }
        design.weights[row] =
            cosine_kernel(std::accumulate(bits, bits + players, int64_t{0}), players, width_);
    }
    mask_rows(masker_, first, design, rows, run);
}

}  // namespace whence::perturb
