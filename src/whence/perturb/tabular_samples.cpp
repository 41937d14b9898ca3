#include "whence/perturb/tabular_samples.h"

#include <algorithm>
#include <cmath>
#include <limits>
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
constexpr double anywhere = std::numeric_limits<double>::infinity();

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
        Scratch scratch(row_.size(), space_.columns().size());
        const std::vector<double>& features = scratch.features;
        for (int64_t row = begin; row < end; ++row) {
            const int64_t index = first + row;
            const double weight = sample(index, scratch);
            store(scratch.values, row, out);
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

TabularSamples::Scratch::Scratch(size_t row, size_t count)
    : values(row),
      features(count),
      uniforms(count),
      columns(count),
      p(count),
      mean(count),
      deviation(count),
      low(count),
      high(count) {}

void TabularSamples::Scratch::wait(int64_t column, double share, double centre, double spread,
                                   double least, double most) {
    const size_t i = waiting++;
    columns[i] = column;
    p[i] = share;
    mean[i] = centre;
    deviation[i] = spread;
    low[i] = least;
    high[i] = most;
}

void TabularSamples::Scratch::place() {
    normal_quantiles({p.data(), waiting});
    for (size_t i = 0; i < waiting; ++i)
        values[columns[i]] = std::min(std::max(mean[i] + deviation[i] * p[i], low[i]), high[i]);
    waiting = 0;
}

TabularSamples::Piece TabularSamples::piece(const Column& column, int64_t level, double begin,
                                            double width) {
    Piece out{.level = level, .begin = begin, .width = width};
    const Level& normal = column.levels[level];
    if (normal.low == normal.high) {  // whatever is drawn is cut to that value
        out.share = 0.5;
        return out;
    }
    out.slope = normal.cdf_width / width;
    out.share = normal.cdf_low - out.slope * begin;
    return out;
}

int64_t TabularSamples::place_piece(size_t c, const std::vector<Piece>& pieces, double u,
                                    Scratch& scratch) const {
    const Column& column = space_.columns()[c];
    size_t at = 0;
    if (pieces.size() <= 16)  // no branch that nobody can foresee
        for (size_t i = 1; i < pieces.size(); ++i) at += u >= pieces[i].begin;
    else
        at = std::ranges::upper_bound(pieces.begin() + 1, pieces.end(), u, {}, &Piece::begin) -
             pieces.begin() - 1;
    const Piece& piece = pieces[at];
    if (column.parts.empty()) {
        const Level& level = column.levels[piece.level];
        scratch.wait(column.columns[0], Level::inside(piece.share + piece.slope * u), level.mean,
                     level.deviation, level.low, level.high);
    } else {
        column.place(piece.level, std::clamp((u - piece.begin) / piece.width, 0.0, below_one),
                     scratch.values);
    }
    return piece.level;
}

void TabularSamples::scale_numbers(Scratch& scratch) const {
    for (size_t c = 0; c < own_.size(); ++c) {
        const Column& column = space_.columns()[c];
        if (column.discrete()) continue;
        double& value = scratch.values[column.columns[0]];
        scratch.features[c] = value;
        value = column.mean + column.scale * value;
    }
}

StableTabularSamples::StableTabularSamples(const TabularSpace& space, std::string input_name,
                                           std::span<const double> row, bool around_row,
                                           const Kernel& kernel, uint64_t seed, int64_t samples,
                                           Sampling sampling)
    : TabularSamples(space, std::move(input_name), row, around_row, kernel), seed_(seed) {
    const double differs = weighted() ? 1 : std::exp(-1 / (2 * kernel.width * kernel.width));
    for (size_t c = 0; c < own_.size(); ++c) {
        pieces_.push_back(pieces_of(c, differs));
    }
    if (sampling != Sampling::gaussian) draw_strata(samples);
}

// The input's own level with p / (p + (1 - p) differs), p its frequency; the others as they are.
std::vector<TabularSamples::Piece> StableTabularSamples::pieces_of(size_t c, double differs) const {
    const Column& column = space_.columns()[c];
    if (!column.discrete()) return {};
    const double p = own_[c] < 0 ? 0 : column.levels[own_[c]].frequency;
    const double keep = p == 0 ? 0 : p / (p + (1 - p) * differs);
    std::vector<Piece> out;
    if (keep > 0) out.push_back(piece(column, own_[c], 0, keep));
    double begin = keep;
    for (int64_t level = 0; level < std::ssize(column.levels); ++level) {
        const double frequency = column.levels[level].frequency;
        if (level == own_[c] || frequency == 0) continue;
        const double width = frequency / (1 - p) * (1 - keep);
        out.push_back(piece(column, level, begin, width));
        begin += width;
    }
    return out;
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

void StableTabularSamples::draw_uniforms(int64_t pair, std::span<double> uniforms) const {
    Rng(seed_, jitter_stream, pair).open_uniforms(uniforms);
    if (strata_.empty()) return;
    const uint8_t* stratum =
        strata_.data() + pair / block_pairs * std::ssize(own_) * block_pairs + pair % block_pairs;
    for (double& u : uniforms) {
        u = ((*stratum & 63) + u) / (2 * block_pairs);
        if (*stratum >> 6) u = std::min(1 - u, below_one);
        stratum += block_pairs;
    }
}

double StableTabularSamples::sample(int64_t index, Scratch& scratch) const {
    const int64_t pair = index / 2;
    if (scratch.pair != pair) {
        draw_uniforms(pair, scratch.uniforms);
        scratch.pair = pair;
    }
    const bool factored = !weighted();
    const double square = kernel_.width * kernel_.width;
    const double spread = factored ? kernel_.width / std::sqrt(1 + square) : 1;
    for (size_t c = 0; c < own_.size(); ++c) {
        double u = scratch.uniforms[c];
        if (index % 2) u = std::min(1 - u, below_one);
        const Column& column = space_.columns()[c];
        if (column.discrete())
            scratch.features[c] = place_piece(c, pieces_[c], u, scratch) == own_[c];
        else
            scratch.wait(column.columns[0], u,
                         factored ? (centre_[c] * square + origin_[c]) / (1 + square) : centre_[c],
                         spread, -anywhere, anywhere);
    }
    scratch.place();
    scale_numbers(scratch);
    return factored ? 1 : kernel_.weight(scratch.features, origin_);
}

CompatibleTabularSamples::CompatibleTabularSamples(const TabularSpace& space,
                                                   std::string input_name,
                                                   std::span<const double> row, bool around_row,
                                                   const Kernel& kernel, uint64_t seed,
                                                   int64_t samples, Sampling sampling)
    : TabularSamples(space, std::move(input_name), row, around_row, kernel),
      seed_(seed),
      samples_(samples) {
    for (const Column& column : space.columns()) {
        std::vector<Piece> pieces;
        double begin = 0;
        for (int64_t level = 0; level < std::ssize(column.levels); ++level) {
            const double frequency = column.levels[level].frequency;
            if (frequency > 0) pieces.push_back(piece(column, level, begin, frequency));
            begin += frequency;
        }
        pieces_.push_back(std::move(pieces));
    }
    if (sampling != Sampling::latin_hypercube) return;
    order_.resize(own_.size());
    for (size_t c = 0; c < order_.size(); ++c) {
        if (space.columns()[c].discrete()) continue;
        order_[c].resize(samples);
        std::iota(order_[c].begin(), order_[c].end(), 0);
        Rng(seed, cube_stream, c).shuffle(order_[c]);
    }
}

double CompatibleTabularSamples::sample(int64_t index, Scratch& scratch) const {
    if (index == 0) {
        std::ranges::copy(row_, scratch.values.begin());
        std::ranges::copy(origin_, scratch.features.begin());
        return kernel_.weight(scratch.features, origin_);
    }
    Rng rng(seed_, plain_stream, index);
    for (size_t c = 0; c < own_.size(); ++c) {
        const Column& column = space_.columns()[c];
        if (column.discrete()) {
            scratch.features[c] =
                place_piece(c, pieces_[c], rng.open_uniform(), scratch) == own_[c];
        } else if (order_.empty()) {
            scratch.values[column.columns[0]] = centre_[c] + rng.normal();
        } else {
            scratch.wait(column.columns[0],
                         (order_[c][index] + rng.open_uniform()) / static_cast<double>(samples_),
                         centre_[c], 1, -anywhere, anywhere);
        }
    }
    scratch.place();
    scale_numbers(scratch);
    return kernel_.weight(scratch.features, origin_);
}

}  // namespace whence::perturb
