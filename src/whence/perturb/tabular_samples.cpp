#include "whence/perturb/tabular_samples.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "whence/core/error.h"
#include "whence/core/parallel.h"

namespace whence::perturb {
namespace {

constexpr uint32_t jitter_stream = 0x11AE0004, strata_stream = 0x11AE0005,
                   plain_stream = 0x11AE0006, cube_stream = 0x11AE0007;
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
                               std::span<const double> row, bool around_row, Kernel kernel)
    : space_(space),
      kernel_(std::move(kernel)),
      row_(row.begin(), row.end()),
      input_name_(std::move(input_name)) {
    for (const Column& column : space_.columns()) {
        const double scaled = (row_[column.columns[0]] - column.mean) / column.scale;
        own_.push_back(column.discrete() ? column.level_of(row_) : -1);
        origin_.push_back(column.discrete() ? 1 : scaled);
        centre_.push_back(around_row ? scaled : 0);
        binary_ = binary_ && column.discrete();
    }
}

Design TabularSamples::blank(int64_t rows) const {
    Design design{.rows = rows, .columns = std::ssize(space_.columns())};
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
    // A user's function is called from one thread.
    const int64_t grain = kernel_.function ? std::max<int64_t>(1, rows.rows()) : rows_per_task;
    parallel_for(run, rows.rows(), grain, [&](int64_t begin, int64_t end) {
        std::vector<double> values(row_.size()), features(space_.columns().size());
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
                                           const Kernel& kernel, uint64_t seed, int64_t samples,
                                           Sampling sampling)
    : TabularSamples(space, std::move(input_name), row, around_row, kernel), seed_(seed) {
    const double differs =
        weighted() ? 1 : std::exp(-1 / (2 * kernel.width * kernel.width));
    for (size_t c = 0; c < own_.size(); ++c) {
        const double p = own_[c] < 0 ? 0 : space_.columns()[c].levels[own_[c]].frequency;
        keep_.push_back(p == 0 ? 0 : p / (p + (1 - p) * differs));
    }
    if (sampling != Sampling::gaussian) draw_strata(samples);
}

void StableTabularSamples::draw_strata(int64_t samples) {
    const int64_t pairs = (samples + 1) / 2, blocks = (pairs + block_pairs - 1) / block_pairs;
    const auto columns = static_cast<int64_t>(own_.size());
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

// Of the first of a pair; its twin has 1 less it.
double StableTabularSamples::quantile(int64_t pair, int64_t column, Rng& rng) const {
    if (strata_.empty()) return rng.open_uniform();
    const int64_t at = (pair / block_pairs * std::ssize(own_) + column) * block_pairs;
    const uint8_t stratum = strata_[at + pair % block_pairs];
    const double u = ((stratum & 63) + rng.open_uniform()) / (2 * block_pairs);
    return stratum >> 6 ? std::min(1 - u, below_one) : u;
}

double StableTabularSamples::sample(int64_t index, std::span<double> values,
                                    std::span<double> features) const {
    const int64_t pair = index / 2;
    const bool factored = !weighted();
    const double square = kernel_.width * kernel_.width;
    Rng rng(seed_, jitter_stream, pair);
    for (size_t c = 0; c < own_.size(); ++c) {
        double u = quantile(pair, static_cast<int64_t>(c), rng);
        if (index % 2) u = std::min(1 - u, below_one);
        const Column& column = space_.columns()[c];
        if (column.discrete()) {
            place_level(c, u, values, features[c]);
            continue;
        }
        features[c] = factored ? (centre_[c] * square + origin_[c]) / (1 + square) +
                                     kernel_.width / std::sqrt(1 + square) * normal_quantile(u)
                               : centre_[c] + normal_quantile(u);
        values[column.columns[0]] = column.mean + column.scale * features[c];
    }
    return factored ? 1 : kernel_.weight(features, origin_);
}

// What is left of u inside the level it chose is uniform again, and chooses the value in the level.
void StableTabularSamples::place_level(size_t c, double u, std::span<double> values,
                                       double& feature) const {
    const Column& column = space_.columns()[c];
    feature = u < keep_[c] ? 1 : 0;
    if (feature == 1) return column.place(own_[c], u / keep_[c], values);
    const std::vector<Level>& levels = column.levels;
    const double others = 1 - (own_[c] < 0 ? 0 : levels[own_[c]].frequency);
    double left = (u - keep_[c]) / (1 - keep_[c]) * others;
    int64_t chosen = -1;
    for (int64_t i = 0; i < std::ssize(levels); ++i) {
        if (i == own_[c] || levels[i].frequency == 0) continue;
        if (chosen >= 0) left -= levels[chosen].frequency;
        chosen = i;
        if (left < levels[chosen].frequency) break;
    }
    column.place(chosen, std::min(left / levels[chosen].frequency, below_one), values);
}

CompatibleTabularSamples::CompatibleTabularSamples(const TabularSpace& space,
                                                   std::string input_name,
                                                   std::span<const double> row, bool around_row,
                                                   const Kernel& kernel, uint64_t seed,
                                                   int64_t samples, Sampling sampling)
    : TabularSamples(space, std::move(input_name), row, around_row, kernel),
      seed_(seed),
      samples_(samples) {
    if (sampling != Sampling::latin_hypercube) return;
    order_.resize(own_.size());
    for (size_t c = 0; c < order_.size(); ++c) {
        if (space.columns()[c].discrete()) continue;
        order_[c].resize(samples);
        std::iota(order_[c].begin(), order_[c].end(), 0);
        Rng(seed, cube_stream, c).shuffle(order_[c]);
    }
}

double CompatibleTabularSamples::sample(int64_t index, std::span<double> values,
                                        std::span<double> features) const {
    if (index == 0) {
        std::ranges::copy(row_, values.begin());
        std::ranges::copy(origin_, features.begin());
        return kernel_.weight(features, origin_);
    }
    Rng rng(seed_, plain_stream, index);
    for (size_t c = 0; c < own_.size(); ++c) {
        const Column& column = space_.columns()[c];
        if (column.discrete()) {
            double left = rng.uniform();
            size_t level = 0;
            while (level + 1 < column.levels.size() && left >= column.levels[level].frequency)
                left -= column.levels[level++].frequency;
            while (column.levels[level].frequency == 0) --level;  // rounding left an empty last bin
            column.place(static_cast<int64_t>(level), rng.open_uniform(), values);
            features[c] = static_cast<int64_t>(level) == own_[c] ? 1 : 0;
        } else {
            const double deviation =
                order_.empty() ? rng.normal()
                               : normal_quantile((order_[c][index] + rng.open_uniform()) /
                                                 static_cast<double>(samples_));
            features[c] = centre_[c] + deviation;
            values[column.columns[0]] = column.mean + column.scale * features[c];
        }
    }
    return kernel_.weight(features, origin_);
}

}  // namespace whence::perturb
