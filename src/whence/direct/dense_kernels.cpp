#include "whence/direct/dense_kernels.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "whence/core/vector_clones.h"

namespace whence::direct {
namespace {

// e^x by 2^n e^r, |r| <= log(2) / 2, the polynomial of Cephes (Moshier 1992, "expf.c"); x is
// clamped to what float32 holds. Written without branches, so that loops over it become vectors.
inline float exponential(float x) {
    x = std::min(88.0f, std::max(-87.0f, x));
    const float shifted = x * 1.44269504088896341f + 12582912.0f;  // 1.5 * 2^23: rounds to nearest
    const float n = shifted - 12582912.0f;
    const float r = x - n * 0.693359375f + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    const int32_t power = (std::bit_cast<int32_t>(shifted) - std::bit_cast<int32_t>(12582912.0f))
                          << 23;
    return std::bit_cast<float>(std::bit_cast<int32_t>(p) + power);
}

// The same in double, by Taylor's series of |r|^8: relative errors below 1e-9.
inline double exponential(double x) {
    constexpr double round = 0x1.8p52;
    const double shifted = x * 1.4426950408889634 + round, n = shifted - round;
    const double r = x - n * 0x1.62e42fefa39efp-1;
    double p = 1.0 / 40320;
    p = p * r + 1.0 / 5040;
    p = p * r + 1.0 / 720;
    p = p * r + 1.0 / 120;
    p = p * r + 1.0 / 24;
    p = p * r + 1.0 / 6;
    p = p * r + 0.5;
    p = p * r + 1;
    p = p * r + 1;
    return std::bit_cast<double>(std::bit_cast<uint64_t>(p) +
                                 (std::bit_cast<uint64_t>(shifted) << 52));
}

// One number of 16 lanes: halves are added up, so each row's sum is taken in one order.
inline float sum_of(const float* values) {
    typedef float Eight __attribute__((vector_size(32), aligned(4), may_alias));
    typedef float Four __attribute__((vector_size(16)));
    const Eight a =
        *reinterpret_cast<const Eight*>(values) + *reinterpret_cast<const Eight*>(values + 8);
    const Four b = Four{a[0], a[1], a[2], a[3]} + Four{a[4], a[5], a[6], a[7]};
    return (b[0] + b[2]) + (b[1] + b[3]);
}

struct Plus {
    static constexpr double nothing = 0;
    double operator()(double a, double b) const { return a + b; }
};
struct Times {
    static constexpr double nothing = 1;
    double operator()(double a, double b) const { return a * b; }
};

#define WHENCE_INTO_LOOPS inline __attribute__((always_inline))

// One entry, [width], into its place in each tile.
WHENCE_INTO_LOOPS void store(const Tables& tables, int64_t group, int64_t sum,
                             const double* __restrict entry, float* __restrict to) {
    const int64_t tile = tables.tile();
    to += tables.entry(group, sum);
    for (int64_t j = 0; j < tables.width; j += tile, to += tables.next_tile())
        for (int64_t part = 0; part < tile; part += lanes)
            for (int64_t i = 0; i < lanes; ++i)
                to[part + i] = static_cast<float>(entry[j + part + i]);
}

template <class Join>
WHENCE_INTO_LOOPS void fill_all(const Tables& tables, int64_t group, const double* first,
                                const double* of_players, double* __restrict partial, float* to) {
    const int64_t width = tables.width;
    for (int64_t o = 0; o < width; ++o) partial[o] = first ? first[o] : Join::nothing;
    for (int64_t bit = 0; bit < tables.players; ++bit) {
        const int64_t half = width << bit;
        for (int64_t sum = 0; sum < half; sum += width)
            for (int64_t o = 0; o < width; ++o)
                partial[half + sum + o] = Join()(partial[sum + o], of_players[bit * width + o]);
    }
    for (int64_t sum = 0; sum < tables.sums(); ++sum)
        store(tables, group, sum, partial + sum * width, to);
}

template <class Join>
WHENCE_INTO_LOOPS void fill_one(const Tables& tables, int64_t group, int64_t sum,
                                const double* first, const double* of_players,
                                double* __restrict partial, float* to) {
    const int64_t width = tables.width;
    for (int64_t o = 0; o < width; ++o) partial[o] = first ? first[o] : Join::nothing;
    for (int64_t bit = 0; bit < tables.players; ++bit)
        if (sum >> bit & 1)
            for (int64_t o = 0; o < width; ++o)
                partial[o] = Join()(partial[o], of_players[bit * width + o]);
    store(tables, group, sum, partial, to);
}

}  // namespace

WHENCE_VECTOR_CLONES
void add_multiple(double factor, const double* from, int64_t count, double* __restrict to) {
    for (int64_t o = 0; o < count; ++o) to[o] += factor * from[o];
}

WHENCE_VECTOR_CLONES
double largest_sum(const double* base, const double* delta, int64_t players, int64_t width,
                   double* __restrict scratch) {
    double* __restrict high = scratch, * __restrict low = scratch + width;
    for (int64_t o = 0; o < width; ++o) high[o] = low[o] = base[o];
    for (int64_t p = 0; p < players; ++p, delta += width)
        for (int64_t o = 0; o < width; ++o) {
            high[o] += delta[o] > 0 ? delta[o] : 0;
            low[o] += delta[o] > 0 ? 0 : delta[o];
        }
    double largest = 0;
    for (int64_t o = 0; o < width; ++o) largest = std::max({largest, high[o], -low[o]});
    return largest;
}

WHENCE_VECTOR_CLONES
void exponentials(double factor, std::span<double> values) {
    double* const all = values.data();
    const auto count = static_cast<int64_t>(values.size());
    for (int64_t i = 0; i < count; ++i) all[i] = exponential(factor * all[i]);
}

WHENCE_VECTOR_CLONES
void fill_sums(const Tables& tables, int64_t group, const double* first, const double* of_players,
               double* partial, float* to) {
    fill_all<Plus>(tables, group, first, of_players, partial, to);
}

WHENCE_VECTOR_CLONES
void fill_products(const Tables& tables, int64_t group, const double* first,
                   const double* of_players, double* partial, float* to) {
    fill_all<Times>(tables, group, first, of_players, partial, to);
}

WHENCE_VECTOR_CLONES
void fill_sum(const Tables& tables, int64_t group, int64_t sum, const double* first,
              const double* of_players, double* partial, float* to) {
    fill_one<Plus>(tables, group, sum, first, of_players, partial, to);
}

WHENCE_VECTOR_CLONES
void fill_product(const Tables& tables, int64_t group, int64_t sum, const double* first,
                  const double* of_players, double* partial, float* to) {
    fill_one<Times>(tables, group, sum, first, of_players, partial, to);
}

WHENCE_VECTOR_CLONES
void add_sums(const Tables& tables, const float* entries, const uint32_t* index, int64_t rows,
              float* out) {
    const int64_t groups = tables.groups, width = tables.width, tile = tables.tile();
    for (int64_t j = 0; j < width; j += lanes) {
        const float* here = entries + j / tile * tables.next_tile() + j % tile;
        const uint32_t* at = index;
        for (int64_t r = 0; r < rows; ++r, at += groups) {
            Floats sum = floats_at(here + at[0]);
            for (int64_t g = 1; g < groups; ++g) sum += floats_at(here + at[g]);
            floats_at(out + r * width + j) = sum;
        }
    }
}

// Two units share a division: 1 / p = q / (p q).
WHENCE_VECTOR_CLONES
void logistic_of_products(const Tables& tables, const float* entries, const uint32_t* index,
                          const float* turned, const float* bias, int64_t outputs, int64_t rows,
                          float* scratch, float* out) {
    const Floats zero = {};
    for (int64_t i = 0; i < outputs * rows * lanes; i += lanes) floats_at(scratch + i) = zero;
    const int64_t groups = tables.groups, width = tables.width, tile = tables.tile();
    // Of a single vector of units the second is the first again, with weights of 0.
    const bool alone = tile == lanes;
    for (int64_t j = 0; j < width; j += tile, entries += tables.next_tile()) {
        const float* beside = alone ? entries : entries + lanes;
        const uint32_t* at = index;
        for (int64_t r = 0; r < rows; ++r, at += groups) {
            Floats p = floats_at(entries + at[0]), q = floats_at(beside + at[0]);
            for (int64_t g = 1; g < groups; ++g) {
                p *= floats_at(entries + at[g]);
                q *= floats_at(beside + at[g]);
            }
            p += 1.0f;
            q += 1.0f;
            const Floats inverse = 1.0f / (p * q), one = q * inverse, other = p * inverse;
            for (int64_t o = 0; o < outputs; ++o) {
                const float* w = turned + o * width + j;
                Floats& sum = floats_at(scratch + (o * rows + r) * lanes);
                sum += one * floats_at(w) + other * (alone ? zero : floats_at(w + lanes));
            }
        }
    }
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t o = 0; o < outputs; ++o)
            out[r * outputs + o] = sum_of(scratch + (o * rows + r) * lanes) + bias[o];
}

WHENCE_VECTOR_CLONES
void multiply(const float* in, const float* weights, const float* bias, int64_t deep, int64_t width,
              int64_t rows, float* out) {
    for (int64_t j = 0; j < width; j += lanes) {
        int64_t r = 0;
        // Four rows at once: each weight is loaded once for all of them.
        for (; r + 4 <= rows; r += 4) {
            const float* a = in + r * deep;
            Floats one = floats_at(bias + j), two = one, three = one, four = one;
            for (int64_t k = 0; k < deep; ++k) {
                const Floats w = floats_at(weights + k * width + j);
                one += a[k] * w;
                two += a[deep + k] * w;
                three += a[2 * deep + k] * w;
                four += a[3 * deep + k] * w;
            }
            float* to = out + r * width + j;
            floats_at(to) = one;
            floats_at(to + width) = two;
            floats_at(to + 2 * width) = three;
            floats_at(to + 3 * width) = four;
        }
        for (; r < rows; ++r) {
            Floats sum = floats_at(bias + j);
            for (int64_t k = 0; k < deep; ++k)
                sum += in[r * deep + k] * floats_at(weights + k * width + j);
            floats_at(out + r * width + j) = sum;
        }
    }
}

WHENCE_VECTOR_CLONES
void multiply_narrow(const float* in, const float* turned, const float* bias, int64_t deep,
                     int64_t outputs, int64_t width, int64_t rows, float* out) {
    for (int64_t r = 0; r < rows; ++r) {
        for (int64_t o = 0; o < outputs; ++o) {
            Floats sum = {};
            for (int64_t k = 0; k < deep; k += lanes)
                sum += floats_at(in + r * deep + k) * floats_at(turned + o * deep + k);
            float parts[lanes];
            floats_at(parts) = sum;
            out[r * width + o] = sum_of(parts) + bias[o];
        }
        for (int64_t o = outputs; o < width; ++o) out[r * width + o] = 0;
    }
}

WHENCE_VECTOR_CLONES
void relu(float* values, int64_t count) {
    for (int64_t i = 0; i < count; ++i) values[i] = values[i] > 0 ? values[i] : 0;
}

// A rational function of x on [-9, 9], beyond which tanh is 1 in float32 (the one of Eigen, and of
// ONNX Runtime's own kernels).
WHENCE_VECTOR_CLONES
void tanh(float* values, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
        const float x = std::min(9.0f, std::max(-9.0f, values[i])), s = x * x;
        float p = -2.76076847742355e-16f;
        p = p * s + 2.00018790482477e-13f;
        p = p * s + -8.60467152213735e-11f;
        p = p * s + 5.12229709037114e-08f;
        p = p * s + 1.48572235717979e-05f;
        p = p * s + 6.37261928875436e-04f;
        p = p * s + 4.89352455891786e-03f;
        float q = 1.19825839466702e-06f;
        q = q * s + 1.18534705686654e-04f;
        q = q * s + 2.26843463243900e-03f;
        q = q * s + 4.89352518554385e-03f;
        values[i] = x * p / q;
    }
}

WHENCE_VECTOR_CLONES
void sigmoid(float* values, int64_t count) {
    for (int64_t i = 0; i < count; ++i) values[i] = 1.0f / (1.0f + exponential(-values[i]));
}

WHENCE_VECTOR_CLONES
void softmax(float* values, int64_t classes, int64_t width, int64_t rows) {
    for (int64_t r = 0; r < rows; ++r) {
        float* row = values + r * width;
        const float top = *std::max_element(row, row + classes);
        for (int64_t c = 0; c < classes; ++c) row[c] = exponential(row[c] - top);
        float sum = 0;
        for (int64_t c = 0; c < classes; ++c) sum += row[c];
        for (int64_t c = 0; c < classes; ++c) row[c] /= sum;
    }
}

}  // namespace whence::direct
