#include "whence/perturb/kernel.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "whence/core/error.h"

namespace whence::perturb {
namespace {

// What all distances but the cosine are made of.
struct Differences {
    double sum = 0, squares = 0, largest = 0, count = 0, features = 0;

    [[nodiscard]] double distance(Distance kind) const {
        switch (kind) {
            case Distance::sqeuclidean:
                return squares;
            case Distance::manhattan:
                return sum;
            case Distance::chebyshev:
                return largest;
            case Distance::hamming:
                return count / features;
            default:
                return std::sqrt(squares);
        }
    }
};

// 1 to a sample of zeros alone, as in scikit-learn.
double cosine_distance(std::span<const double> a, std::span<const double> b) {
    double aa = 0, bb = 0, ab = 0;
    for (size_t i = 0; i < a.size(); ++i) {
        aa += a[i] * a[i];
        bb += b[i] * b[i];
        ab += a[i] * b[i];
    }
    return aa > 0 && bb > 0 ? std::max(0.0, 1 - ab / std::sqrt(aa * bb)) : 1;
}

double exponent_at(const Kernel& kernel, double distance) {
    distance *= kernel.unit;
    if (!kernel.function) return distance * distance / (2 * kernel.width * kernel.width);
    const double weight = kernel.function(distance, kernel.width);
    if (!(weight >= 0) || std::isinf(weight))
        throw Error(ErrorKind::usage,
                    fmt::format("the kernel gives {} at distance {:.6g} and width {:.6g}; weights are "
                                "finite and not negative",
                                weight, distance, kernel.width));
    return -std::log(weight);
}

}  // namespace

double Kernel::exponent(std::span<const double> sample, std::span<const double> input) const {
    if (distance == Distance::cosine) return exponent_at(*this, cosine_distance(sample, input));
    Differences d{.features = static_cast<double>(sample.size())};
    for (size_t i = 0; i < sample.size(); ++i) {
        const double off = std::abs(sample[i] - input[i]);
        d.sum += off;
        d.squares += off * off;
        d.largest = std::max(d.largest, off);
        d.count += off != 0;
    }
    return exponent_at(*this, d.distance(distance));
}

double Kernel::exponent(int64_t on, int64_t players) const {
    const auto off = static_cast<double>(players - on), all = static_cast<double>(players);
    if (distance == Distance::cosine)
        return exponent_at(*this, 1 - std::sqrt(static_cast<double>(on) / all));
    const Differences d{off, off, off > 0 ? 1.0 : 0.0, off, all};
    return exponent_at(*this, d.distance(distance));
}

double Kernel::weight(std::span<const double> sample, std::span<const double> input) const {
    return std::exp(-exponent(sample, input));
}

double Kernel::weight(int64_t on, int64_t players) const {
    return std::exp(-exponent(on, players));
}

}  // namespace whence::perturb
