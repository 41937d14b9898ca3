#include "whence/trees/predict.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>

#include "whence/core/error.h"
#include "whence/core/parallel.h"

namespace whence::trees {
namespace {

// Rows that walk side by side: each waits for memory alone.
constexpr int64_t lanes = 8;

// LightGBM's kZeroThreshold, a float32.
constexpr double zero = static_cast<double>(1e-35F);

double softplus(double m) {
    return std::max(m, 0.0) + std::log1p(std::exp(-std::abs(m)));
}

void ascend(int64_t outputs, std::span<double> margins) {
    for (size_t i = 0; i < margins.size(); ++i)
        if (i % static_cast<size_t>(outputs) != 0)
            margins[i] = margins[i - 1] + softplus(margins[i]) + least_step;
}

}  // namespace

Predictor::Predictor(const Ensemble& ensemble)
    : features_(ensemble.features()),
      outputs_(ensemble.outputs()),
      block_(std::clamp<int64_t>((int64_t{1} << 16) / ensemble.features(), lanes, 256)),
      float_inputs_(ensemble.parts().float_inputs),
      divisor_(ensemble.parts().divisor),
      base_(ensemble.parts().base),
      zero_is_missing_(ensemble.parts().zero_is_missing) {
    for (const Tree& tree : ensemble.trees()) {
        const auto first_set = static_cast<int64_t>(sets_.size());
        if (first_set + static_cast<int64_t>(tree.categories.size()) >
            std::numeric_limits<int32_t>::max())
            throw Error(ErrorKind::limit, "the ensemble has too many sets of categories");
        for (const std::vector<int32_t>& set : tree.categories) {
            const auto begin = static_cast<int64_t>(codes_.size());
            codes_.insert(codes_.end(), set.begin(), set.end());
            sets_.push_back({begin, static_cast<int64_t>(codes_.size())});
        }
        roots_.push_back({.step = static_cast<int64_t>(steps_.size()),
                          .value = static_cast<int64_t>(values_.size()),
                          .width = tree.width,
                          .output = tree.output});
        for (int32_t i = 0; i < static_cast<int32_t>(tree.nodes.size()); ++i) {
            const Node& node = tree.nodes[i];
            const auto set = static_cast<int32_t>(first_set + node.categories);
            if (node.is_leaf())
                steps_.push_back({0, 0, {i, i}, -1, node.leaf * tree.width, false});
            else
                steps_.push_back({node.threshold,
                                  node.feature,
                                  {node.left, node.right},
                                  node.categories < 0 ? -1 : set,
                                  -1,
                                  node.missing_left});
        }
        values_.insert(values_.end(), tree.values.begin(), tree.values.end());
    }
}

int32_t Predictor::next(const Step& step, double x) const {
    if (std::isnan(x)) return step.children[step.missing_left ? 0 : 1];
    if (step.categories < 0) return step.children[x <= step.threshold ? 0 : 1];
    const Set& set = sets_[step.categories];
    const bool in = std::binary_search(codes_.begin() + set.begin, codes_.begin() + set.end, x,
                                       std::less<double>());
    return step.children[in ? 0 : 1];
}

// Rows as the trees read them.
template <class T>
void Predictor::prepare(MatrixView<const T> rows, int64_t begin, int64_t end, double* out) const {
    for (int64_t row = begin; row < end; ++row, out += features_) {
        const std::span<const T> from = rows.row(row);
        for (int64_t j = 0; j < features_; ++j)
            out[j] = float_inputs_ ? static_cast<double>(static_cast<float>(from[j]))
                                   : static_cast<double>(from[j]);
        if (zero_is_missing_.empty()) continue;
        for (int64_t j = 0; j < features_; ++j)
            if (zero_is_missing_[j] && std::abs(out[j]) <= zero)
                out[j] = std::numeric_limits<double>::quiet_NaN();
    }
}

void Predictor::add_tree(const Root& root, const double* rows, int64_t count, double* sums,
                         int64_t stride) const {
    const Step* steps = steps_.data() + root.step;
    const double* values = values_.data() + root.value;
    for (int64_t first = 0; first < count; first += lanes) {
        const int64_t width = std::min(lanes, count - first);
        std::array<int32_t, lanes> at{};
        for (bool moved = true; moved;) {
            moved = false;
            for (int64_t lane = 0; lane < width; ++lane) {
                const Step& step = steps[at[lane]];
                const int32_t to = next(step, rows[(first + lane) * features_ + step.feature]);
                moved |= to != at[lane];
                at[lane] = to;
            }
        }
        for (int64_t lane = 0; lane < width; ++lane) {
            const double* leaf = values + steps[at[lane]].value;
            double* sum = sums + (first + lane) * stride + root.output;
            if (root.width == 1)
                *sum += *leaf;
            else
                for (int32_t k = 0; k < root.width; ++k) sum[k - root.output] += leaf[k];
        }
    }
}

template <class T>
void Predictor::check_width(MatrixView<const T> rows) const {
    if (rows.columns != features_)
        throw Error(ErrorKind::input,
                    fmt::format("the ensemble reads {} features, not {}", features_, rows.columns));
}

template <class T>
std::vector<double> Predictor::all_margins(MatrixView<const T> rows, const Run& run) const {
    check_width(rows);
    std::vector<double> out(static_cast<size_t>(rows.rows * outputs_));
    parallel_for(run, rows.rows, block_, [&](int64_t begin, int64_t end) {
        std::vector<double> prepared(static_cast<size_t>((end - begin) * features_));
        prepare(rows, begin, end, prepared.data());
        double* sums = out.data() + begin * outputs_;
        for (const Root& root : roots_)
            add_tree(root, prepared.data(), end - begin, sums, outputs_);
        for (int64_t i = 0; i < (end - begin) * outputs_; ++i)
            sums[i] = base_[i % outputs_] + sums[i] / divisor_;
    });
    return out;
}

template <class T>
std::vector<double> Predictor::all_tree_margins(MatrixView<const T> rows, const Run& run) const {
    check_width(rows);
    const int64_t stride = std::ssize(roots_) * outputs_;
    std::vector<double> out(static_cast<size_t>(rows.rows * stride), 0);
    parallel_for(run, rows.rows, block_, [&](int64_t begin, int64_t end) {
        std::vector<double> prepared(static_cast<size_t>((end - begin) * features_));
        prepare(rows, begin, end, prepared.data());
        double* const sums = out.data() + begin * stride;
        for (int64_t t = 0; t < std::ssize(roots_); ++t)
            add_tree(roots_[t], prepared.data(), end - begin, sums + t * outputs_, stride);
        for (int64_t i = 0; i < (end - begin) * stride; ++i) sums[i] /= divisor_;
    });
    return out;
}

std::vector<double> Predictor::margins(MatrixView<const double> rows, const Run& run) const {
    return all_margins(rows, run);
}

std::vector<double> Predictor::margins(MatrixView<const float> rows, const Run& run) const {
    return all_margins(rows, run);
}

std::vector<double> Predictor::tree_margins(MatrixView<const double> rows, const Run& run) const {
    return all_tree_margins(rows, run);
}

std::vector<double> Predictor::tree_margins(MatrixView<const float> rows, const Run& run) const {
    return all_tree_margins(rows, run);
}

void apply_link(Link link, int64_t outputs, std::span<double> margins) {
    const auto each = [&](auto function) {
        std::ranges::transform(margins, margins.begin(), function);
    };
    switch (link) {
        case Link::identity:
            return;
        case Link::logistic:
            return each([](double m) { return 1 / (1 + std::exp(-m)); });
        case Link::exponential:
            return each([](double m) { return std::exp(m); });
        case Link::softplus:
            return each(softplus);
        case Link::signed_square:
            return each([](double m) { return m * std::abs(m); });
        case Link::step:
            return each([](double m) { return m > 0 ? 1.0 : 0.0; });
        case Link::ascending:
            return ascend(outputs, margins);
        case Link::softmax:
            break;
    }
    for (size_t row = 0; row < margins.size(); row += static_cast<size_t>(outputs)) {
        const std::span<double> one = margins.subspan(row, static_cast<size_t>(outputs));
        const double top = *std::ranges::max_element(one);
        double sum = 0;
        for (double& m : one) sum += m = std::exp(m - top);
        for (double& m : one) m /= sum;
    }
}

}  // namespace whence::trees
