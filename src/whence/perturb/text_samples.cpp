#include "whence/perturb/text_samples.h"

#include <algorithm>
#include <numeric>

#include "whence/core/rng.h"
#include "whence/perturb/image_samples.h"

namespace whence::perturb {
namespace {

constexpr uint32_t removal_stream = 0x11AE0004;

}  // namespace

std::vector<double> kept_words_distribution(int64_t players, double width) {
    std::vector<double> out(players + 1);
    for (int64_t k = 0; k < players; ++k) out[k] = cosine_kernel(k, players, width);
    if (players == 1) return {0.5, 0.5};
    const double sum = std::accumulate(out.begin(), out.end(), 0.0);
    // A kernel too narrow for its numbers leaves the nearest texts: one word missing.
    if (!(sum > 0)) {
        out[players - 1] = 1;
        return out;
    }
    for (double& value : out) value /= sum;
    return out;
}

CompatibleTextSamples::CompatibleTextSamples(const Masker& masker, double width, uint64_t seed)
    : masker_(masker), width_(width), seed_(seed), origin_(masker.players(), 1.0) {}

Design CompatibleTextSamples::blank(int64_t rows) const {
    Design design{.rows = rows, .columns = masker_.players()};
    design.bits.resize(rows * design.columns);
    design.weights.resize(rows);
    return design;
}

void CompatibleTextSamples::draw(int64_t first, Design& design, Batch& rows, const Run& run) const {
    const int64_t players = masker_.players();
    std::vector<int32_t> order(players);
    for (int64_t row = first; row < first + rows.rows(); ++row) {
        uint8_t* bits = design.bits.data() + row * players;
        std::fill_n(bits, players, uint8_t{1});
        int64_t removed = 0;
        if (row > 0) {
            Rng rng(seed_, removal_stream, row);
            removed = 1 + static_cast<int64_t>(rng.below(players));
            std::iota(order.begin(), order.end(), 0);
            // The first `removed` of a random order.
            for (int64_t i = 0; i < removed; ++i) {
                std::swap(order[i], order[i + rng.below(players - i)]);
                bits[order[i]] = 0;
            }
        }
        design.weights[row] = cosine_kernel(players - removed, players, width_);
    }
    masker_.apply({design.bits.data(), design.rows, design.columns}, first, rows, run);
}

}  // namespace whence::perturb
