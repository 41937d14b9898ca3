#include "whence/core/rng.h"

#include <cmath>
#include <numbers>
#include <utility>

namespace whence {
namespace {

constexpr uint32_t multiplier_0 = 0xD2511F53, multiplier_1 = 0xCD9E8D57;
constexpr uint32_t weyl_0 = 0x9E3779B9, weyl_1 = 0xBB67AE85;

}  // namespace

Rng::Rng(uint64_t seed, uint32_t stream, uint64_t index)
    : key_{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)},
      counter_{0, stream, static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32)} {}

void Rng::refill() {
    uint32_t c[4] = {counter_[0], counter_[1], counter_[2], counter_[3]};
    uint32_t k[2] = {key_[0], key_[1]};
    for (int round = 0; round < 10; ++round) {
        const uint64_t p0 = static_cast<uint64_t>(multiplier_0) * c[0];
        const uint64_t p1 = static_cast<uint64_t>(multiplier_1) * c[2];
        const uint32_t next[4] = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ k[0],
                                  static_cast<uint32_t>(p1),
                                  static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ k[1],
                                  static_cast<uint32_t>(p0)};
        for (int i = 0; i < 4; ++i) c[i] = next[i];
        k[0] += weyl_0;
        k[1] += weyl_1;
    }
    for (int i = 0; i < 4; ++i) block_[i] = c[i];
    ++counter_[0];
    used_ = 0;
}

uint32_t Rng::next32() {
    if (used_ == 4) refill();
    return block_[used_++];
}

uint64_t Rng::next64() {
    const uint64_t high = next32();
    return high << 32 | next32();
}

double Rng::uniform() { return static_cast<double>(next64() >> 11) * 0x1p-53; }

double Rng::open_uniform() { return (static_cast<double>(next64() >> 12) + 0.5) * 0x1p-52; }

uint64_t Rng::below(uint64_t n) {
    // Lemire's multiply-shift; the rejected part is smaller than n / 2^64.
    __uint128_t product = static_cast<__uint128_t>(next64()) * n;
    if (static_cast<uint64_t>(product) < n) {
        const uint64_t threshold = -n % n;
        while (static_cast<uint64_t>(product) < threshold)
            product = static_cast<__uint128_t>(next64()) * n;
    }
    return static_cast<uint64_t>(product >> 64);
}

double Rng::normal() {
    if (std::exchange(has_spare_, false)) return spare_;
    const double radius = std::sqrt(-2 * std::log(open_uniform()));
    const double angle = 2 * std::numbers::pi * uniform();
    spare_ = radius * std::sin(angle);
    has_spare_ = true;
    return radius * std::cos(angle);
}

void Rng::shuffle(std::span<int32_t> values) {
    for (size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[below(i)]);
}

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

double normal_quantile(double p) {
    static constexpr double a[] = {-3.969683028665376e+01, 2.209460984245205e+02,
                                   -2.759285104469687e+02, 1.383577518672690e+02,
                                   -3.066479806614716e+01, 2.506628277459239e+00};
    static constexpr double b[] = {-5.447609879822406e+01, 1.615858368580409e+02,
                                   -1.556989798598866e+02, 6.680131188771972e+01,
                                   -1.328068155288572e+01};
    static constexpr double c[] = {-7.784894002430293e-03, -3.223964580411365e-01,
                                   -2.400758277161838e+00, -2.549732539343734e+00,
                                   4.374664141464968e+00,  2.938163982698783e+00};
    static constexpr double d[] = {7.784695709041462e-03, 3.224671290700398e-01,
                                   2.445134137142996e+00, 3.754408661907416e+00};
    if (p > 0.5) return -normal_quantile(1 - p);
    double x;
    if (p < 0.02425) {
        const double q = std::sqrt(-2 * std::log(p));
        x = (((((c[0] * q + c[1]) * q + c[2]) * q + c[3]) * q + c[4]) * q + c[5]) /
            ((((d[0] * q + d[1]) * q + d[2]) * q + d[3]) * q + 1);
    } else {
        const double q = p - 0.5, r = q * q;
        x = (((((a[0] * r + a[1]) * r + a[2]) * r + a[3]) * r + a[4]) * r + a[5]) * q /
            (((((b[0] * r + b[1]) * r + b[2]) * r + b[3]) * r + b[4]) * r + 1);
    }
    const double error = normal_cdf(x) - p;
    const double u = error * std::sqrt(2 * std::numbers::pi) * std::exp(x * x / 2);
    return x - u / (1 + x * u / 2);
}

}  // namespace whence
