#include "whence/core/rng.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "whence/core/philox.h"

namespace whence {
Rng::Rng(uint64_t seed, uint32_t stream, uint64_t index)
    : key_{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)},
      counter_{0, stream, static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32)} {}

void Rng::refill() {
    uint32_t k[2] = {key_[0], key_[1]};
    std::ranges::copy(counter_, block_);
    for (int round = 0; round < philox::rounds; ++round) philox::round(block_, k);
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

void Rng::shuffle(std::span<int32_t> values) {
    for (size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[below(i)]);
}

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

double normal_quantile(double p) {
    // Coefficients of the published algorithm, lowest power first.
    static constexpr double centre[2][8] = {
        {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
         1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
         3.3430575583588128105e4, 2.5090809287301226727e3},
        {1, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
         2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4,
         5.2264952788528545610e3}};
    static constexpr double flank[2][8] = {
        {1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
         3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1,
         2.27238449892691845833e-2, 7.74545014278341407640e-4},
        {1, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
         1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
         1.05075007164441684324e-9}};
    static constexpr double tail[2][8] = {
        {6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0,
         2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
         2.71155556874348757815e-5, 2.01033439929228813265e-7},
        {1, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
         7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
         2.04426310338993978564e-15}};
    const auto ratio = [](const double (&c)[2][8], double r) {
        double above = c[0][7], below = c[1][7];
        for (int power = 6; power >= 0; --power) {
            above = above * r + c[0][power];
            below = below * r + c[1][power];
        }
        return above / below;
    };
    const double q = p - 0.5;
    if (std::abs(q) <= 0.425) return q * ratio(centre, 0.180625 - q * q);
    const double r = std::sqrt(-std::log(q < 0 ? p : 1 - p));
    const double x = r <= 5 ? ratio(flank, r - 1.6) : ratio(tail, r - 5);
    return q < 0 ? -x : x;
}

}  // namespace whence
