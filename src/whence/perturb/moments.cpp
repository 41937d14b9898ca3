#include "whence/perturb/moments.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace whence::perturb {
namespace {

// Rows that are centred and multiplied at once: small enough for the second-level cache.
constexpr int64_t block_rows = 128;

using RowMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

void target_moments(const Design& design, std::span<const double> targets, Moments& m) {
    const auto rows = static_cast<int64_t>(targets.size());
    double sum = 0;  // about the first target, so that the mean of equal targets is exact
    for (int64_t row = 0; row < rows; ++row) {
        m.weight += design.weight(row);
        sum += design.weight(row) * (targets[row] - targets[0]);
    }
    m.target_mean = targets[0] + sum / m.weight;
    for (int64_t row = 0; row < rows; ++row) {
        const double difference = targets[row] - m.target_mean;
        m.target_square += design.weight(row) * difference * difference;
    }
}

// Column by column, one bit for each row.
std::vector<uint64_t> packed(const Design& design, int64_t rows, int64_t words) {
    std::vector<uint64_t> columns(design.columns * words, 0);
    for (int64_t row = 0; row < rows; ++row) {
        const uint8_t* bits = design.bits.data() + row * design.columns;
        for (int64_t column = 0; column < design.columns; ++column)
            columns[column * words + row / 64] |= uint64_t{bits[column]} << (row % 64);
    }
    return columns;
}

void count_bits(const Design& design, std::span<const double> targets, Moments& m) {
    const auto rows = static_cast<int64_t>(targets.size());
    const int64_t words = (rows + 63) / 64;
    const std::vector<uint64_t> columns = packed(design, rows, words);
    const auto both = [&](int64_t i, int64_t j) {
        const uint64_t* a = columns.data() + i * words;
        const uint64_t* b = columns.data() + j * words;
        int64_t count = 0;
        for (int64_t word = 0; word < words; ++word) count += std::popcount(a[word] & b[word]);
        return static_cast<double>(count);
    };
    for (int64_t i = 0; i < design.columns; ++i) m.mean[i] = both(i, i) / m.weight;
    for (int64_t i = 0; i < design.columns; ++i)
        for (int64_t j = 0; j <= i; ++j)
            m.gram(i, j) = m.gram(j, i) = both(i, j) - m.weight * m.mean[i] * m.mean[j];
    double rest =
        0;  // of the targets about their mean: rounding only, but a constant feature must get 0
    for (int64_t row = 0; row < rows; ++row) {
        const uint8_t* bits = design.bits.data() + row * design.columns;
        const double difference = targets[row] - m.target_mean;
        rest += difference;
        for (int64_t column = 0; column < design.columns; ++column)
            m.cross[column] += bits[column] * difference;
    }
    m.cross -= rest * m.mean;
}

void sum_blocks(const Design& design, std::span<const double> targets, Moments& m) {
    const auto rows = static_cast<int64_t>(targets.size());
    for (int64_t row = 0; row < rows; ++row)
        for (int64_t column = 0; column < design.columns; ++column)
            m.mean[column] += design.weight(row) * design.at(row, column);
    m.mean /= m.weight;
    RowMatrix block(block_rows, design.columns);
    for (int64_t first = 0; first < rows; first += block_rows) {
        const int64_t count = std::min(block_rows, rows - first);
        for (int64_t i = 0; i < count; ++i) {
            const double root = std::sqrt(design.weight(first + i));
            const double difference = root * (targets[first + i] - m.target_mean);
            for (int64_t column = 0; column < design.columns; ++column) {
                block(i, column) = root * (design.at(first + i, column) - m.mean[column]);
                m.cross[column] += block(i, column) * difference;
            }
        }
        m.gram.selfadjointView<Eigen::Lower>().rankUpdate(block.topRows(count).transpose());
    }
    m.gram.triangularView<Eigen::StrictlyUpper>() = m.gram.transpose();
}

}  // namespace

Moments moments(const Design& design, std::span<const double> targets) {
    const Eigen::Index d = design.columns;
    Moments m{.mean = Eigen::VectorXd::Zero(d),
              .gram = Eigen::MatrixXd::Zero(d, d),
              .cross = Eigen::VectorXd::Zero(d)};
    target_moments(design, targets, m);
    if (design.binary() && design.weights.empty())
        count_bits(design, targets, m);
    else
        sum_blocks(design, targets, m);
    return m;
}

Eigen::MatrixXd clustered_scores(const Design& design, const Moments& moments,
                                 std::span<const double> residuals,
                                 std::span<const int32_t> features, int64_t size) {
    const auto rows = static_cast<int64_t>(residuals.size());
    const auto k = static_cast<Eigen::Index>(features.size());
    Eigen::MatrixXd scores = Eigen::MatrixXd::Zero(k, (rows + size - 1) / size);
    for (int64_t row = 0; row < rows; ++row) {
        const double factor = design.weight(row) * residuals[row];
        for (Eigen::Index j = 0; j < k; ++j)
            scores(j, row / size) +=
                factor * (design.at(row, features[j]) - moments.mean[features[j]]);
    }
    return scores;
}

}  // namespace whence::perturb
