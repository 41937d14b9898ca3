#include "whence/perturb/tabular_samples.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "whence/core/error.h"
#include "whence/core/parallel.h"
#include "whence/core/rng.h"

namespace whence::perturb {
namespace {

constexpr uint32_t jitter_stream = 0x11AE0004, strata_stream = 0x11AE0005,
                   plain_stream = 0x11AE0006;
// Pairs of one Latin hypercube; the two of a pair share its 128 strata.
constexpr int64_t block_pairs = 64;
constexpr int64_t rows_per_task = 128;
// The largest double below 1: where 1 - u is rounded up to 1.
constexpr double below_one = 1 - 0x1p-53;

void store(std::span<const double> values, int64_t row, Tensor& out) {
    if (out.type() == ElementType::float64)
        std::ranges::copy(values, out.as<double>().begin() + row * out.row_size());
    else
        std::ranges::transform(values, out.as<float>().begin() + row * out.row_size(),
                               [](double v) { return static_cast<float>(v); });
}

}  // namespace

TabularSamples::TabularSamples(const TabularSpace& space, std::string input_name,
                               std::span<const double> row, bool around_row)
    : space_(space), row_(row.begin(), row.end()), input_name_(std::move(input_name)) {
    for (size_t c = 0; c < row_.size(); ++c) {
        const Column& column = space.columns()[c];
        const double scaled = (row_[c] - column.mean) / column.scale;
        own_.push_back(column.discrete() ? column.level_of(row_[c]) : -1);
        origin_.push_back(column.discrete() ? 1 : scaled);
        centre_.push_back(around_row ? scaled : 0);
        binary_ = binary_ && column.discrete();
    }
}

Design TabularSamples::blank(int64_t rows) const {
    Design design{.rows = rows, .columns = static_cast<int64_t>(row_.size())};
    if (binary_)
        design.bits.resize(rows * design.columns);
    else
        design.values.resize(rows * design.columns);
    if (weighted()) design.weights.resize(rows);
    return design;
}

void TabularSamples::draw(int64_t first, Design& design, Batch& rows, const Run& run) const {
    const Tensor* explained = &rows.at(input_name_);
    Tensor& out =
        std::ranges::find_if(rows.tensors(), [&](auto& t) { return &t.value == explained; })->value;
    parallel_for(run, rows.rows(), rows_per_task, [&](int64_t begin, int64_t end) {
        std::vector<double> values(row_.size()), features(row_.size());
        for (int64_t row = begin; row < end; ++row) {
            const int64_t index = first + row;
            const double weight = sample(index, values, features);
            store(values, row, out);
            if (weighted()) design.weights[index] = weight;
            const int64_t at = index * design.columns;
            if (binary_)
                std::ranges::transform(features, design.bits.begin() + at,
                                       [](double f) { return static_cast<uint8_t>(f); });
            else
                std::ranges::copy(features, design.values.begin() + at);
        }
    });
}

StableTabularSamples::StableTabularSamples(const TabularSpace& space, std::string input_name,
                                           std::span<const double> row, bool around_row,
                                           double width, uint64_t seed, int64_t samples)
    : TabularSamples(space, std::move(input_name), row, around_row), width_(width), seed_(seed) {
    const double differs = std::exp(-1 / (2 * width * width));
    for (size_t c = 0; c < row_.size(); ++c) {
        const double p = own_[c] < 0 ? 0 : space_.columns()[c].levels[own_[c]].frequency;
        keep_.push_back(p == 0 ? 0 : p / (p + (1 - p) * differs));
    }
    draw_strata(samples);
}

void StableTabularSamples::draw_strata(int64_t samples) {
    const int64_t pairs = (samples + 1) / 2, blocks = (pairs + block_pairs - 1) / block_pairs;
    const auto columns = static_cast<int64_t>(row_.size());
    strata_.resize(blocks * columns * block_pairs);
    std::vector<int32_t> order(block_pairs);
    for (int64_t i = 0; i < blocks * columns; ++i) {
        Rng rng(seed_, strata_stream, i);
        std::iota(order.begin(), order.end(), 0);
        rng.shuffle(order);
        uint64_t coins = rng.next64();
        for (int64_t pair = 0; pair < block_pairs; ++pair, coins >>= 1)
            strata_[i * block_pairs + pair] = static_cast<uint8_t>(order[pair] | (coins & 1) << 6);
    }
}

double StableTabularSamples::sample(int64_t index, std::span<double> values,
                                    std::span<double> features) const {
    const int64_t pair = index / 2, columns = static_cast<int64_t>(row_.size());
    Rng rng(seed_, jitter_stream, pair);
    for (int64_t c = 0; c < columns; ++c) {
        const uint8_t stratum =
            strata_[(pair / block_pairs * columns + c) * block_pairs + pair % block_pairs];
        double u = ((stratum & 63) + rng.open_uniform()) / (2 * block_pairs);
        if ((stratum >> 6) != index % 2) u = std::min(1 - u, below_one);
        const Column& column = space_.columns()[c];
        if (column.discrete()) {
            place_level(c, u, values[c], features[c]);
            continue;
        }
        const double square = width_ * width_;
        features[c] = (centre_[c] * square + origin_[c]) / (1 + square) +
                      width_ / std::sqrt(1 + square) * normal_quantile(u);
        values[c] = column.mean + column.scale * features[c];
    }
    return 1;
}

// What is left of u inside the level it chose is uniform again, and chooses the value in the level.
void StableTabularSamples::place_level(size_t c, double u, double& value, double& feature) const {
    const std::vector<Level>& levels = space_.columns()[c].levels;
    feature = u < keep_[c] ? 1 : 0;
    if (feature == 1) {
        value = levels[own_[c]].quantile(u / keep_[c]);
        return;
    }
    const double others = 1 - (own_[c] < 0 ? 0 : levels[own_[c]].frequency);
    double left = (u - keep_[c]) / (1 - keep_[c]) * others;
    const Level* chosen = nullptr;
    for (size_t i = 0; i < levels.size(); ++i) {
        if (static_cast<int64_t>(i) == own_[c] || levels[i].frequency == 0) continue;
        if (chosen) left -= chosen->frequency;
        chosen = &levels[i];
        if (left < chosen->frequency) break;
    }
    value = chosen->quantile(std::min(left / chosen->frequency, below_one));
}

CompatibleTabularSamples::CompatibleTabularSamples(const TabularSpace& space,
                                                   std::string input_name,
                                                   std::span<const double> row, bool around_row,
                                                   double width, uint64_t seed)
    : TabularSamples(space, std::move(input_name), row, around_row), width_(width), seed_(seed) {}

double CompatibleTabularSamples::sample(int64_t index, std::span<double> values,
                                        std::span<double> features) const {
    if (index == 0) {
        std::ranges::copy(row_, values.begin());
        std::ranges::copy(origin_, features.begin());
        return 1;
    }
    Rng rng(seed_, plain_stream, index);
    double square = 0;
    for (size_t c = 0; c < row_.size(); ++c) {
        const Column& column = space_.columns()[c];
        if (column.discrete()) {
            double left = rng.uniform();
            size_t level = 0;
            while (level + 1 < column.levels.size() && left >= column.levels[level].frequency)
                left -= column.levels[level++].frequency;
            while (column.levels[level].frequency == 0) --level;  // rounding left an empty last bin
            values[c] = column.levels[level].quantile(rng.open_uniform());
            features[c] = static_cast<int64_t>(level) == own_[c] ? 1 : 0;
        } else {
            features[c] = centre_[c] + rng.normal();
            values[c] = column.mean + column.scale * features[c];
        }
        square += (features[c] - origin_[c]) * (features[c] - origin_[c]);
    }
    return std::exp(-square / (2 * width_ * width_));
}

}  // namespace whence::perturb
