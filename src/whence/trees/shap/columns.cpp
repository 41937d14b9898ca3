#include "whence/trees/shap/columns.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace whence::trees {
namespace {

template <class T>
void sort_unique(std::vector<T>& values) {
    std::ranges::sort(values);
    values.erase(std::unique(values.begin(), values.end()), values.end());
}

template <class T>
int32_t position_of(const std::vector<T>& sorted, T value) {
    return static_cast<int32_t>(std::ranges::lower_bound(sorted, value) - sorted.begin());
}

}  // namespace

Columns::Columns(const Ensemble& ensemble)
    : float_inputs_(ensemble.parts().float_inputs),
      position_(ensemble.features(), -1),
      zero_is_missing_(ensemble.parts().zero_is_missing) {
    for (const Tree& tree : ensemble.trees())
        for (const Node& node : tree.nodes) {
            if (node.is_leaf()) continue;
            int32_t& position = position_[node.feature];
            if (position < 0) {
                position = static_cast<int32_t>(features_.size());
                features_.push_back({.feature = node.feature});
            }
            Feature& feature = features_[position];
            if (node.categories < 0) {
                feature.thresholds.push_back(node.threshold);
                (node.missing_left ? feature.missing_left : feature.missing_right) = 0;
            } else {
                const std::vector<int32_t>& set = tree.categories[node.categories];
                feature.categories.insert(feature.categories.end(), set.begin(), set.end());
                feature.category = 0;
            }
        }
    for (Feature& feature : features_) {
        sort_unique(feature.thresholds);
        sort_unique(feature.categories);
        for (int32_t* column : {&feature.missing_left, &feature.missing_right, &feature.category})
            if (*column == 0) *column = count_++;
    }
}

ColumnTest Columns::test(const Tree& tree, const Node& node) {
    const Feature& feature = features_[position_[node.feature]];
    if (node.categories < 0)
        return {node.missing_left ? feature.missing_left : feature.missing_right,
                position_of(feature.thresholds, node.threshold), false};
    const auto first = static_cast<int32_t>(words_.size());
    const size_t missing = feature.categories.size();
    words_.resize(words_.size() + (missing + 2 + 31) / 32);
    const auto mark = [&](size_t bit) { words_[first + bit / 32] |= uint32_t{1} << bit % 32; };
    for (const int32_t category : tree.categories[node.categories])
        mark(position_of(feature.categories, category));
    if (node.missing_left) mark(missing);
    return {feature.category, first, true};
}

template <class T>
void Columns::fill(MatrixView<const T> data, int64_t begin, int64_t rows, int64_t stride,
                   int32_t* out) const {
    std::vector<double> values(stride);
    for (const Feature& feature : features_) {
        for (int64_t i = 0; i < stride; ++i) {
            const T x = data(begin + std::min(i, rows - 1), feature.feature);
            values[i] = float_inputs_ ? static_cast<float>(x) : static_cast<double>(x);
        }
        if (!zero_is_missing_.empty() && zero_is_missing_[feature.feature])
            for (double& x : values)
                if (std::abs(x) <= static_cast<double>(1e-35F))
                    x = std::numeric_limits<double>::quiet_NaN();
        if (!feature.thresholds.empty()) fill_ranks(feature, values.data(), stride, out);
        if (feature.category >= 0) fill_categories(feature, values.data(), stride, out);
    }
}

void Columns::fill_ranks(const Feature& feature, const double* values, int64_t stride,
                         int32_t* out) const {
    // A binary search of all rows in step, without a branch. NaN is below no threshold: rank 0.
    const double* const thresholds = feature.thresholds.data();
    std::vector<int32_t> ranks(stride, 0);
    auto length = static_cast<int32_t>(feature.thresholds.size());
    for (; length > 1; length -= length / 2) {
        const int32_t half = length / 2;
        for (int64_t i = 0; i < stride; ++i)
            ranks[i] += thresholds[ranks[i] + half - 1] < values[i] ? half : 0;
    }
    for (int64_t i = 0; i < stride; ++i) ranks[i] += thresholds[ranks[i]] < values[i];

    const auto write = [&](int32_t column, int32_t missing) {
        if (column < 0) return;
        int32_t* const to = out + column * stride;
        for (int64_t i = 0; i < stride; ++i) to[i] = std::isnan(values[i]) ? missing : ranks[i];
    };
    write(feature.missing_left, std::numeric_limits<int32_t>::min());
    write(feature.missing_right, std::numeric_limits<int32_t>::max());
}

void Columns::fill_categories(const Feature& feature, const double* values, int64_t stride,
                              int32_t* out) const {
    const std::vector<int32_t>& known = feature.categories;
    const auto missing = static_cast<int32_t>(known.size());
    int32_t* const to = out + feature.category * stride;
    for (int64_t i = 0; i < stride; ++i) {
        const double x = values[i];
        to[i] = missing + 1;
        if (std::isnan(x)) {
            to[i] = missing;
        } else if (x >= 0 && x <= std::numeric_limits<int32_t>::max() && x == std::floor(x)) {
            const int32_t place = position_of(known, static_cast<int32_t>(x));
            if (place < missing && known[place] == static_cast<int32_t>(x)) to[i] = place;
        }
    }
}

template void Columns::fill(MatrixView<const float>, int64_t, int64_t, int64_t, int32_t*) const;
template void Columns::fill(MatrixView<const double>, int64_t, int64_t, int64_t, int32_t*) const;

}  // namespace whence::trees
