#include "whence/perturb/kernel.h"

#include <algorithm>
#include <cmath>

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

double halved_square(double distance, double width) {
    return distance * distance / (2 * width * width);
}

}  // namespace

double Kernel::exponent(std::span<const double> sample, std::span<const double> input) const {
    if (distance == Distance::cosine) return halved_square(cosine_distance(sample, input), width);
    Differences d{.features = static_cast<double>(sample.size())};
    for (size_t i = 0; i < sample.size(); ++i) {
        const double off = std::abs(sample[i] - input[i]);
        d.sum += off;
        d.squares += off * off;
        d.largest = std::max(d.largest, off);
        d.count += off != 0;
    }
    return halved_square(d.distance(distance), width);
}

double Kernel::exponent(int64_t on, int64_t players) const {
    const auto off = static_cast<double>(players - on), all = static_cast<double>(players);
    if (distance == Distance::cosine)
        return halved_square(1 - std::sqrt(static_cast<double>(on) / all), width);
    const Differences d{off, off, off > 0 ? 1.0 : 0.0, off, all};
    return halved_square(d.distance(distance), width);
}

double Kernel::weight(std::span<const double> sample, std::span<const double> input) const {
    return std::exp(-exponent(sample, input));
}

double Kernel::weight(int64_t on, int64_t players) const {
    return std::exp(-exponent(on, players));
}

}  // namespace whence::perturb
