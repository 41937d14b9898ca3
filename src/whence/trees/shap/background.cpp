#include "whence/trees/shap/background.h"

#include <cmath>
#include <string>
#include <utility>

#include "whence/core/error.h"

namespace whence::trees {
namespace {

constexpr int64_t most_ordered_bytes = int64_t{1} << 25;  // of backgrounds in the order of leaves

}  // namespace

void require_background(const Ensemble& ensemble, MatrixView<const double> background) {
    if (background.rows < 1) throw Error(ErrorKind::input, "the background has no rows");
    if (background.columns != ensemble.features())
        throw Error(ErrorKind::input, "the background has " + std::to_string(background.columns) +
                                          " columns, the ensemble was trained on " +
                                          std::to_string(ensemble.features()));
}

std::vector<double> normalised(std::span<const double> weights, int64_t rows) {
    if (weights.empty()) return std::vector<double>(rows, 1 / static_cast<double>(rows));
    if (static_cast<int64_t>(weights.size()) != rows)
        throw Error(ErrorKind::input, std::to_string(weights.size()) + " weights for " +
                                          std::to_string(rows) + " background rows");
    double sum = 0;
    for (const double w : weights) {
        if (!(w >= 0) || !std::isfinite(w))
            throw Error(ErrorKind::input, "a weight of the background is negative or not finite");
        sum += w;
    }
    if (!(sum > 0) || !std::isfinite(sum))
        throw Error(ErrorKind::input,
                    "the weights of the background add up to " + std::to_string(sum));
    std::vector<double> to(weights.begin(), weights.end());
    for (double& w : to) w /= sum;
    return to;
}

double coalition_weight(int64_t a, int64_t b, TreeIndex index) {
    const auto n = static_cast<double>(a + b);
    if (index == TreeIndex::banzhaf) return std::exp2(-n);
    double choices = 1;
    for (int64_t i = 1; i <= std::min(a, b); ++i)
        choices *= (n - static_cast<double>(i) + 1) / static_cast<double>(i);
    return 1 / ((n + 1) * choices);
}

std::vector<double> mean_margins(std::span<const double> margins, std::span<const double> weights,
                                 int64_t outputs) {
    std::vector<double> mean(outputs, 0);
    for (size_t i = 0; i < margins.size(); ++i)
        mean[i % outputs] += weights[i / outputs] * margins[i];
    return mean;
}

template <class Scalar>
CoalitionWeights<Scalar>::CoalitionWeights(int64_t most, TreeIndex index)
    : players(most), gain((most + 1) * (most + 1) + 16, 0), loss(gain), gains(gain), losses(gain) {
    const auto weight = [index](int64_t a, int64_t b) {
        return a < 0 || b < 0 ? Scalar{0} : static_cast<Scalar>(coalition_weight(a, b, index));
    };
    for (int64_t z = 0; z <= most; ++z)
        for (int64_t p = 0; p + z <= most; ++p) {
            const int64_t at = z * (most + 1) + p;
            gain[at] = weight(p - 1, z);
            loss[at] = weight(p, z - 1);
            gains[at] = weight(p - 2, z);
            losses[at] = weight(p, z - 2);
        }
}

template <class Scalar>
CompiledBackground<Scalar>::CompiledBackground(const Ensemble& ensemble,
                                               MatrixView<const double> background,
                                               std::span<const double> given,
                                               int32_t trees_together,
                                               const TreeShapOptions& options)
    : kernels(trees::kernels<Scalar>(resolve(options.isa))),
      features(ensemble.features()),
      outputs(ensemble.outputs()),
      predictor(ensemble),
      read(ensemble),
      program(ensemble, {.trees_together = trees_together, .outputs_together = 1}, read),
      rows(background.rows),
      stride((rows + kernels.lanes - 1) / kernels.lanes * kernels.lanes),
      columns(read.count() * stride),
      weights(normalised(given, rows)),
      expected(mean_margins(predictor.margins(background, {}), weights, outputs)),
      coalitions_(most_players(), options.index) {
    weights.resize(stride, 0);
    lane_weights_.assign(weights.begin(), weights.end());
    read.fill(background, 0, rows, stride, columns.data());
    order();
}

template <class Scalar>
void CompiledBackground<Scalar>::order() {
    int64_t trees = 0;
    for (const PathChunk<Scalar>& chunk : program.chunks()) trees += std::ssize(chunk.trees);
    const auto bytes = static_cast<int64_t>(sizeof(int32_t)) * trees * read.count() * stride;
    if (stride <= kernels.lanes || bytes > most_ordered_bytes) return;
    for (const PathChunk<Scalar>& chunk : program.chunks())
        for (const PathTree<Scalar>& tree : chunk.trees) ordered_.emplace(&tree, in_order_of(tree));
}

template <class Scalar>
auto CompiledBackground<Scalar>::in_order_of(const PathTree<Scalar>& tree) const -> Ordered {
    const auto leaf = [&](int64_t row) {
        int32_t number = 0;
        while (number >= 0) {
            const PathNode& node = tree.nodes[number];
            const int32_t x = columns.data()[node.column * stride + row];
            const bool left = node.categorical
                                  ? (tree.words[node.rank + (x >> 5)] >> (x & 31) & 1) != 0
                                  : x <= node.rank;
            number = left ? node.left : node.right;
        }
        return ~number;  // leaves are numbered from left to right
    };
    std::vector<std::pair<int32_t, int64_t>> places;
    for (int64_t row = 0; row < rows; ++row) places.emplace_back(leaf(row), row);
    std::ranges::sort(places);
    Ordered out{Aligned<int32_t>(read.count() * stride), std::vector<Scalar>(stride, 0)};
    for (int64_t lane = 0; lane < stride; ++lane) {
        const int64_t row = places[std::min(lane, rows - 1)].second;
        for (int32_t column = 0; column < read.count(); ++column)
            out.columns.data()[column * stride + lane] = columns.data()[column * stride + row];
        if (lane < rows) out.weights[lane] = lane_weights_[row];
    }
    return out;
}

template <class Scalar>
int32_t CompiledBackground<Scalar>::most_players() const {
    int32_t most = 0;
    for (const PathChunk<Scalar>& chunk : program.chunks())
        for (const PathTree<Scalar>& tree : chunk.trees) most = std::max(most, tree.entries);
    return most;
}

template struct CoalitionWeights<float>;
template struct CoalitionWeights<double>;
template class CompiledBackground<float>;
template class CompiledBackground<double>;

}  // namespace whence::trees
