#include <algorithm>
#include <map>
#include <vector>

#include "whence/core/error.h"
#include "whence/mask/segmentation.h"

namespace whence {
namespace {

double pairs(double n) {
    return n * (n - 1) / 2;
}

double pairs_within(const Tensor& labels) {
    std::vector<double> sizes(static_cast<size_t>(segment_count(labels)));
    for (const int32_t label : labels.as<int32_t>()) ++sizes[static_cast<size_t>(label)];
    double total = 0;
    for (const double size : sizes) total += pairs(size);
    return total;
}

double pairs_within_both(const Tensor& a, const Tensor& b) {
    std::map<std::pair<int32_t, int32_t>, double> sizes;
    const auto left = a.as<int32_t>(), right = b.as<int32_t>();
    for (size_t i = 0; i < left.size(); ++i) ++sizes[{left[i], right[i]}];
    double total = 0;
    for (const auto& [labels, size] : sizes) total += pairs(size);
    return total;
}

void check_labels(const Tensor& labels) {
    if (labels.type() != ElementType::int32 ||
        std::ranges::any_of(labels.as<int32_t>(), [](int32_t label) { return label < 0; }))
        throw Error(ErrorKind::input, "labels must be int32 and not negative");
}

}  // namespace

double adjusted_rand_index(const Tensor& a, const Tensor& b) {
    check_labels(a);
    check_labels(b);
    if (a.shape() != b.shape())
        throw Error(ErrorKind::input, "labelings of different shapes cannot be compared: " +
                                          to_string(a.shape()) + " and " + to_string(b.shape()));
    const double all = pairs(static_cast<double>(a.size()));
    const double in_a = pairs_within(a), in_b = pairs_within(b);
    const double expected = all > 0 ? in_a * in_b / all : 0;
    const double largest = (in_a + in_b) / 2;
    // One segment, or one per pixel, in both: nothing is left to chance, and they are the same.
    if (largest == expected) return 1;
    return (pairs_within_both(a, b) - expected) / (largest - expected);
}

}  // namespace whence
