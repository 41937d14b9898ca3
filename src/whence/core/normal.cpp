// Normal numbers and quantiles, one by one and many at once: the same numbers.
#include <algorithm>
#include <bit>
#include <cmath>
#include <iterator>
#include <numbers>
#include <utility>

#include "whence/core/philox.h"
#include "whence/core/rng.h"
#include "whence/core/vector_clones.h"

namespace whence {
namespace {

#define WHENCE_INTO_LOOPS inline __attribute__((always_inline))

// An integer below 2^52 as a double, without a conversion that few vector units have.
WHENCE_INTO_LOOPS double small(uint64_t integer) {
    return std::bit_cast<double>(integer | std::bit_cast<uint64_t>(0x1p52)) - 0x1p52;
}

// u in (0, 1). u = m 2^e with m from sqrt(1/2) to sqrt(2); log m = 2 artanh((m - 1) / (m + 1)).
WHENCE_INTO_LOOPS double log_of(double u) {
    constexpr uint64_t bias = 1023, root_half = 0x3FE6A09E667F3BCD;
    const auto bits = std::bit_cast<uint64_t>(u);
    const uint64_t exponent = (bits - root_half + (bias << 52)) >> 52;
    const auto m = std::bit_cast<double>(bits - ((exponent - bias) << 52));
    const double s = (m - 1) / (m + 1), z = s * s;
    double series = 1.0 / 21;
    for (int k = 19; k >= 1; k -= 2) series = series * z + 1.0 / k;
    return 2 * s * series + (small(exponent) - static_cast<double>(bias)) * std::numbers::ln2;
}

struct Pair {
    double cosine, sine;
};

// Of 2 pi v, v in [0, 1): the nearest quarter turn, and Taylor's series for what is left of it.
WHENCE_INTO_LOOPS Pair turn(double v) {
    const double quarters = (4 * v + 0x1.8p52) - 0x1.8p52;
    const double a = 2 * std::numbers::pi * (v - quarters * 0.25), z = a * a;
    double sine = 1, cosine = 1;
    for (int k = 16; k >= 2; k -= 2) {
        sine = 1 - sine * (z * (1 / (k * (k + 1.0))));
        cosine = 1 - cosine * (z * (1 / (k * (k - 1.0))));
    }
    sine *= a;
    const bool swapped = quarters == 1 || quarters == 3;
    const double c = swapped ? sine : cosine, s = swapped ? cosine : sine;
    return {quarters == 1 || quarters == 2 ? -c : c, quarters == 2 || quarters == 3 ? -s : s};
}

WHENCE_INTO_LOOPS Pair box_muller(uint64_t first, uint64_t second) {
    const double u = (small(first >> 12) + 0.5) * 0x1p-52, v = small(second >> 12) * 0x1p-52;
    const double radius = std::sqrt(-2 * log_of(u));
    const auto [cosine, sine] = turn(v);
    return {radius * cosine, radius * sine};
}

// Coefficients of the published algorithm, lowest power first.
constexpr double centre[2][8] = {
    {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
     1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
     3.3430575583588128105e4, 2.5090809287301226727e3},
    {1, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
     2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4,
     5.2264952788528545610e3}};
constexpr double flank[2][8] = {
    {1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
     3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1,
     2.27238449892691845833e-2, 7.74545014278341407640e-4},
    {1, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
     1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
     1.05075007164441684324e-9}};
constexpr double tail[2][8] = {
    {6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0,
     2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
     2.71155556874348757815e-5, 2.01033439929228813265e-7},
    {1, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
     7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
     2.04426310338993978564e-15}};

// Beyond e^-25 the tail begins.
constexpr double tail_begins = 1.3887943864964021e-11;

WHENCE_INTO_LOOPS double polynomial(const double (&c)[8], double x) {
    double sum = c[7];
    for (int power = 6; power >= 0; --power) sum = sum * x + c[power];
    return sum;
}

// For p and 1 - p above tail_begins. Without branches.
WHENCE_INTO_LOOPS double quantile_before_tail(double p) {
    const double q = p - 0.5, other = q < 0 ? p : 1 - p;
    const bool near = std::abs(q) <= 0.425;
    const double a = 0.180625 - q * q, b = std::sqrt(-log_of(other)) - 1.6;
    const double above = near ? polynomial(centre[0], a) * q : polynomial(flank[0], b);
    const double below = near ? polynomial(centre[1], a) : polynomial(flank[1], b);
    const double x = above / below;
    return !near && q < 0 ? -x : x;
}

double quantile_in_tail(double p) {
    const double r = std::sqrt(-std::log(p < 0.5 ? p : 1 - p)) - 5;
    const double x = polynomial(tail[0], r) / polynomial(tail[1], r);
    return p < 0.5 ? -x : x;
}

bool in_tail(double p) { return std::min(p, 1 - p) < tail_begins; }

constexpr int quantiles_together = 32;

WHENCE_VECTOR_CLONES
void quantiles_before_tail(const double* p, int count, double* out) {
    for (int i = 0; i < count; ++i) out[i] = quantile_before_tail(p[i]);
}

constexpr int lanes = 32;  // pairs made together

// Blocks first, first + 1, ... of a stream, one pair of numbers each.
WHENCE_VECTOR_CLONES
void pairs_of(uint32_t first, const uint32_t* rest, const uint32_t* key, double* out) {
    uint32_t c[4][lanes];
    philox::blocks(first, rest, key, lanes, c);
    for (int i = 0; i < lanes; ++i) {
        const Pair pair = box_muller(uint64_t{c[0][i]} << 32 | c[1][i], uint64_t{c[2][i]} << 32 | c[3][i]);
        out[2 * i] = pair.cosine;
        out[2 * i + 1] = pair.sine;
    }
}

}  // namespace

double Rng::normal() {
    if (std::exchange(has_spare_, false)) return spare_;
    const uint64_t first = next64(), second = next64();
    const Pair pair = box_muller(first, second);
    spare_ = pair.sine;
    has_spare_ = true;
    return pair.cosine;
}

void Rng::normals(std::span<double> values) {
    size_t done = 0;
    if (!has_spare_ && used_ == 4)  // a pair takes a whole block from here on
        for (; done + 2 * lanes <= values.size(); done += 2 * lanes) {
            pairs_of(counter_[0], counter_ + 1, key_, values.data() + done);
            counter_[0] += lanes;
        }
    for (; done < values.size(); ++done) values[done] = normal();
}

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

double normal_quantile(double p) {
    return in_tail(p) ? quantile_in_tail(p) : quantile_before_tail(p);
}

void normal_quantiles(std::span<double> values) {
    for (size_t first = 0; first < values.size(); first += quantiles_together) {
        const size_t count = std::min<size_t>(quantiles_together, values.size() - first);
        double p[quantiles_together], out[quantiles_together];
        std::fill(std::copy_n(values.data() + first, count, p), std::end(p), 0.5);
        quantiles_before_tail(p, static_cast<int>(count + 7) / 8 * 8, out);  // no rest of the loop
        for (size_t i = 0; i < count; ++i)
            values[first + i] = in_tail(p[i]) ? quantile_in_tail(p[i]) : out[i];
    }
}

}  // namespace whence
